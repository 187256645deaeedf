/**
 * What markdown-it knows of HTML's entities, in the place of the package `entities` (vite.config.ts):
 * that one brings all 2,231 names, a tenth of what the page loads. Here those are known that say
 * what Markdown would take for its own, and numbers; others stay as they were written.
 */

const NAMES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
};

const ENTITY = /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]{2,4}));/gi;

/** `text` with entities that end in a semicolon as the characters that they stand for. */
export function decodeHTMLStrict(text: string): string {
  return text.replace(ENTITY, (whole, hex?: string, decimal?: string, name?: string) => {
    if (name !== undefined) return NAMES[name] ?? whole;
    return character(hex === undefined ? Number(decimal) : parseInt(hex, 16));
  });
}

/** CommonMark 0.31, section 2.5: what is no character is shown as one that could not be. */
function character(code: number): string {
  const none = code === 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff);
  return String.fromCodePoint(none ? 0xfffd : code);
}
