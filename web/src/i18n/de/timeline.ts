import type { timeline as english } from "../en/timeline";

export const timeline: typeof english = {
  label: (room) => `Nachrichten in ${room}`,
  today: "Heute",
  yesterday: "Gestern",
  fresh: "Neue Nachrichten",
  latest: "Zum Neuesten",
  latestFresh: (n) => (n === 1 ? "1 neue Nachricht" : `${n > 99 ? "99+" : n} neue Nachrichten`),

  olderFailed: "Die älteren Nachrichten kamen nicht an.",
  newerFailed: "Die neueren Nachrichten kamen nicht an.",
  again: "Noch einmal versuchen",
  failed: "Dieser Raum ließ sich nicht laden",
  gone: "Diesen Raum gibt es für dich nicht mehr",

  begins: (room) => `Hier beginnt ${room}`,
  beginsWith: (people) => `Hier beginnt deine Unterhaltung mit ${people}`,
  made: (date) => `Angelegt am ${date}`,
  kept: (days) =>
    days === 1
      ? "Nachrichten bleiben einen Tag erhalten."
      : `Nachrichten bleiben ${days} Tage erhalten.`,
  nothing: "Hier hat noch niemand etwas geschrieben.",
  bringPeople: "Leute dazuholen",

  by: (name, time, text) => `${name}, ${time}: ${text}`,
  profile: (name) => `Über ${name}`,
  guest: "Gast",
  bot: "Bot",
  edited: "bearbeitet",
  editedAt: (time) => `Bearbeitet: ${time}`,
  pinned: "Angeheftet",
  deleted: "Diese Nachricht wurde gelöscht.",
  deletedBy: (name) => `${name} hat diese Nachricht gelöscht.`,
  more: "Mehr anzeigen",
  less: "Weniger anzeigen",
  answers: (name) => `Antwortet ${name}: dorthin springen`,
  answersDeleted: "eine gelöschte Nachricht",
  messageGone: "Diese Nachricht gibt es nicht mehr.",

  copyCode: "Diesen Code kopieren",
  copied: "Kopiert",
  notCopied: "Das ließ sich nicht kopieren: Markiere es, und kopiere es von Hand.",
  code: "Code",

  reactions: "Reaktionen",
  you: "du",
  others: (n) => (n === 1 ? "noch jemand" : `${n} weitere`),
  reactWith: (emoji) => `Mit ${emoji} reagieren`,
  reactionBy: (emoji, n, names) => `${emoji} ${n}, ${names}`,
  react: "Reaktion hinzufügen",

  actions: "Was mit dieser Nachricht geschehen soll",
  reply: "Antworten",
  edit: "Bearbeiten",
  copyText: "Text kopieren",
  copyLink: "Link dorthin kopieren",
  pin: "Anheften",
  unpin: "Nicht mehr anheften",
  delete: "Löschen",
  deleteTitle: "Diese Nachricht löschen?",
  deleteText: "Niemand kann sie danach noch lesen, und sie kommt nicht zurück.",
  cancel: "Behalten",

  sending: "Wird gesendet",
  waiting: "Wartet auf das Senden",
  notSent: "Nicht gesendet",
  retry: "Noch einmal senden",
  discard: "Verwerfen",

  file: (name, size) => `${name}, ${size}`,
  download: (name) => `${name} herunterladen`,
  open: (name) => `${name} ansehen`,
  pictureGone: "Dieses Bild kam nicht an.",
  viewer: "Bilder",
  next: "Nächstes Bild",
  previous: "Voriges Bild",
  ofAll: (n, all) => `${n} von ${all}`,
  wholeSize: "Ganze Größe",
  fit: "In den Bildschirm einpassen",

  typing: (names, n) => (n === 1 ? `${names} schreibt …` : `${names} schreiben …`),
  typingMany: "Mehrere schreiben …",

  announce: (name, text) => `${name}: ${text}`,
  announceMany: (n, names) => `${n} neue Nachrichten von ${names}`,
  announceFile: (name) => `Datei ${name}`,
};
