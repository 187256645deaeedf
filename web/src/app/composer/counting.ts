/** How many characters before the end the counter shows itself. */
export const NEAR = 500;

/** What is pasted in one piece and is longer than this may be meant as a file. */
export const LONG_PASTE = 4_000;

const PAIRS = /[\uD800-\uDBFF][\uDC00-\uDFFF]/g;

/** Characters as the server counts them, which are code points. */
export function countCharacters(text: string): number {
  return text.length - (text.match(PAIRS)?.length ?? 0);
}

/** `text` as the server keeps it: nothing around it. */
export function trimmed(text: string): string {
  return text.replace(/^[\n\t ]+|[\n\t ]+$/g, "");
}

/** A text as a file, to be attached instead of said. */
export function textFile(text: string, name: string): File {
  return new File([text], name, { type: "text/plain" });
}
