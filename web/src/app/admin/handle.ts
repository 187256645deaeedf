const LONGEST = 32;

/** What somebody may be mentioned by, made of how they are called; empty where nothing is left. */
export function handle(display: string): string {
  return display
    .normalize("NFKD")
    .toLowerCase()
    .replace(/\p{M}/gu, "")
    .replaceAll("ß", "ss")
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[._-]+/, "")
    .slice(0, LONGEST)
    .replace(/[._-]+$/, "");
}
