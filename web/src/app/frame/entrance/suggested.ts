/** A name to sign in with, made of what somebody is called: "Ann Example" is "ann-example". */
export function suggested(display: string): string {
  return display
    .normalize("NFKD")
    .toLowerCase()
    .replace(/ß/g, "ss")
    .replace(/\p{M}+/gu, "")
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[._-]+/, "")
    .slice(0, 32)
    .replace(/[._-]+$/, "");
}
