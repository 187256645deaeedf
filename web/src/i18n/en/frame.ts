const count = (n: number) => (n >= 100 ? "99+" : String(n));

export const frame = {
  // Small things that are everywhere.
  close: "Close",
  cancel: "Cancel",
  ok: "OK",
  loading: "Loading…",
  showPassword: "Show password",
  hidePassword: "Hide password",
  notifications: "Notices",
  presence: { online: "online", away: "away", offline: "offline" },
  bot: "Bot",
  guest: "Guest",
  count,
};
