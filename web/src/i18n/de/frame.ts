import type { frame as english } from "../en/frame";

const count = (n: number) => (n >= 100 ? "99+" : String(n));

export const frame: typeof english = {
  close: "Schließen",
  cancel: "Abbrechen",
  ok: "OK",
  loading: "Wird geladen …",
  showPassword: "Passwort anzeigen",
  hidePassword: "Passwort verbergen",
  notifications: "Hinweise",
  presence: { online: "online", away: "abwesend", offline: "offline" },
  bot: "Bot",
  guest: "Gast",
  count,
};
