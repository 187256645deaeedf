import type { composer as english } from "../en/composer";

const number = new Intl.NumberFormat("de");

export const composer: typeof english = {
  title: "Nachricht schreiben",
  placeholder: (room) => `Nachricht an ${room}`,
  send: "Senden",
  sendIn: (seconds) => `Du kannst in ${seconds} s senden`,
  save: "Speichern",
  emoji: "Emojis",
  editing: "Nachricht bearbeiten",
  cancelEdit: "Nicht bearbeiten",
  keptEdit: "Deine Änderung bleibt da, bis du die Nachricht wieder bearbeitest.",
  replyTo: (name) => `Antwort an ${name}`,
  cancelReply: "Nicht antworten",

  refused: {
    archived: "Dieser Raum ist archiviert: Du kannst ihn lesen, aber nichts mehr schreiben.",
    restore: "Raum wiederherstellen",
    muted: (until) => `Du bist hier stummgeschaltet und kannst ab ${until} wieder schreiben.`,
    reading: "Du kannst hier lesen, aber nicht schreiben.",
    outside: "Hier schreiben nur Mitglieder.",
    join: (room) => `Du siehst dir ${room} an. Tritt bei, um zu schreiben.`,
    joinButton: "Raum beitreten",
  },

  state: {
    queued: "Wird gesendet, sobald die Dateien da sind.",
    takeBack: "Noch nicht senden",
    held: "Dieser Text ist zu lang für eine Nachricht.",
    pasted: "Das war ein langer Text.",
    tooLong: "Zu lang für eine Nachricht: Kürze sie oder schick sie als Datei.",
    asFile: "Als Datei anhängen",
    insert: "Trotzdem einfügen",
    files: "Einige Dateien sind nicht angekommen: Versuch es noch einmal oder entferne sie.",
    again: "Das hast du schon einmal geändert und nicht gespeichert.",
    startOver: "Von vorn beginnen",
    slow: (seconds) => `Langsamer Modus: Du kannst in ${seconds} s senden.`,
    count: (count, most) => `${number.format(count)} von ${number.format(most)}`,
  },

  keys: {
    control: "Strg",
    shift: "Umschalt",
    enter: "Enter",
    escape: "Esc",
    sends: "senden",
    saves: "speichern",
    breaks: "neue Zeile",
    cancels: "abbrechen",
    edits: "letzte bearbeiten",
    bold: "fett",
    italic: "kursiv",
    code: "Code",
  },

  completion: {
    title: "Vorschläge",
    count: (n) => (n === 1 ? "1 Vorschlag" : `${n} Vorschläge`),
    everybody: "alle in diesem Raum",
    outside: "nicht in diesem Raum",
  },

  files: {
    title: "Anhänge",
    attach: "Dateien anhängen",
    drop: "Zum Anhängen loslassen",
    waiting: (size) => `wartet, ${size}`,
    sending: (percent, size) => `${percent} % von ${size}`,
    failed: "Nicht angekommen. Versuch es noch einmal.",
    lost: "Sie war noch nicht da, als die Seite verlassen wurde. Häng sie noch einmal an.",
    retry: (name) => `Noch einmal versuchen: ${name}`,
    remove: (name) => `${name} entfernen`,
    cancel: (name) => `${name} abbrechen`,
    tooMany: (most) => `Eine Nachricht fasst ${most} Dateien: Schick die übrigen mit der nächsten.`,
    tooLarge: (names, most) =>
      names.length === 1
        ? `„${names[0]}“ ist zu groß: Eine Datei darf hier ${most} haben.`
        : `${names.length} Dateien sind zu groß: Eine Datei darf hier ${most} haben.`,
    folders: "Ordner lassen sich nicht anhängen: Pack sie vorher in ein Archiv.",
    textName: "text.txt",
  },

  picker: {
    title: "Emojis",
    search: "Emojis suchen",
    tabs: "Arten von Emojis",
    found: "Gefunden",
    count: (n) => (n === 1 ? "1 Emoji" : `${n} Emojis`),
    nothing: (text) => `Kein Emoji für „${text}“.`,
    failed:
      "Die Emojis konnten nicht geladen werden. Schau nach deiner Verbindung und öffne das noch einmal.",
    tone: "Hautton",
    tones: ["keiner", "hell", "mittelhell", "mittel", "mitteldunkel", "dunkel"],
    groups: {
      frequent: "Oft benutzt",
      0: "Smileys und Gefühle",
      1: "Menschen und Körper",
      3: "Tiere und Natur",
      4: "Essen und Trinken",
      5: "Reisen und Orte",
      6: "Aktivitäten",
      7: "Gegenstände",
      8: "Symbole",
      9: "Flaggen",
    },
  },
};
