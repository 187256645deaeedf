/** What a room's name is in an address, as the server makes it; empty where nothing is left of it. */
export function slug(name: string): string {
  const words = name
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll("ß", "ss")
    .split(/[^\p{L}\p{N}_]+/u)
    .filter(Boolean)
    .join("-");
  return [...words]
    .slice(0, 64)
    .join("")
    .replace(/^-+|-+$/g, "");
}
