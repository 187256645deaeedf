const number = new Intl.NumberFormat("en");

export const composer = {
  title: "Write a message",
  placeholder: (room: string) => `Message ${room}`,
  send: "Send",
  sendIn: (seconds: number) => `You can send in ${seconds} s`,
  save: "Save",
  emoji: "Emojis",
  editing: "Edit message",
  cancelEdit: "Do not edit",
  keptEdit: "What you changed is kept for when you edit it again.",
  replyTo: (name: string) => `Reply to ${name}`,
  cancelReply: "Do not reply",

  refused: {
    archived: "This room is archived: you can read it, and nothing is said here any more.",
    restore: "Restore the room",
    muted: (until: string) => `You are muted in this room, and can write again at ${until}.`,
    reading: "You can read this room, but not write here.",
    outside: "Only members write here.",
    join: (room: string) => `You are looking at ${room}. Join to write here.`,
    joinButton: "Join the room",
  },

  state: {
    queued: "This is sent as soon as the files are there.",
    takeBack: "Do not send yet",
    held: "This text is too long for a message.",
    pasted: "That was a long text.",
    tooLong: "Too long for a message: shorten it, or send it as a file.",
    asFile: "Attach it as a file",
    insert: "Put it in all the same",
    files: "Some files did not arrive: try them again, or remove them.",
    again: "You changed this before and did not save it.",
    startOver: "Start over",
    slow: (seconds: number) => `Slow mode: you can send in ${seconds} s.`,
    count: (count: number, most: number) => `${number.format(count)} of ${number.format(most)}`,
  },

  keys: {
    control: "Ctrl",
    shift: "Shift",
    enter: "Enter",
    escape: "Esc",
    sends: "send",
    saves: "save",
    breaks: "new line",
    cancels: "cancel",
    edits: "edit your last",
    bold: "bold",
    italic: "italic",
    code: "code",
  },

  completion: {
    title: "Suggestions",
    count: (n: number) => (n === 1 ? "1 suggestion" : `${n} suggestions`),
    everybody: "everybody in this room",
    outside: "not in this room",
  },

  files: {
    title: "Attachments",
    attach: "Attach files",
    drop: "Drop to attach",
    waiting: (size: string) => `waiting, ${size}`,
    sending: (percent: number, size: string) => `${percent} % of ${size}`,
    failed: "It did not arrive. Try again.",
    lost: "It had not arrived when the page was left. Attach it again.",
    retry: (name: string) => `Try again: ${name}`,
    remove: (name: string) => `Remove ${name}`,
    cancel: (name: string) => `Cancel ${name}`,
    tooMany: (most: number) => `A message takes ${most} files: send the others with the next one.`,
    tooLarge: (names: readonly string[], most: string) =>
      names.length === 1
        ? `“${names[0]}” is too large: a file may have ${most} here.`
        : `${names.length} files are too large: a file may have ${most} here.`,
    folders: "Folders cannot be attached: put one into an archive first.",
    textName: "text.txt",
  },

  picker: {
    title: "Emojis",
    search: "Search emojis",
    tabs: "Kinds of emojis",
    found: "Found",
    count: (n: number) => (n === 1 ? "1 emoji" : `${n} emojis`),
    nothing: (text: string) => `No emoji for “${text}”.`,
    failed:
      "The emojis could not be loaded. If this is a private window, the browser may keep nothing: use the emojis of your keyboard.",
    tone: "Skin tone",
    tones: ["none", "light", "medium-light", "medium", "medium-dark", "dark"],
    groups: {
      frequent: "Frequently used",
      0: "Smileys and emotion",
      1: "People and body",
      3: "Animals and nature",
      4: "Food and drink",
      5: "Travel and places",
      6: "Activities",
      7: "Objects",
      8: "Symbols",
      9: "Flags",
    },
  },
};
