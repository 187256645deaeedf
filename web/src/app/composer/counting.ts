/** How long a message may be: in characters as the server counts them, which are code points. */
export const MAX_TEXT = 10_000;

/** How many characters before the end the counter shows itself. */
export const NEAR = 500;

/** What is pasted in one piece and is longer than this may be meant as a file. */
export const LONG_PASTE = 4_000;

const PAIRS = /[\uD800-\uDBFF][\uDC00-\uDFFF]/g;

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

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte"];

/** "1.4 MB", in the words of a language. */
export function fileSize(bytes: number, language: string): string {
  const unit = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  const value = bytes / 1000 ** unit;
  return new Intl.NumberFormat(language, {
    style: "unit",
    unit: UNITS[unit] ?? "byte",
    unitDisplay: "short",
    maximumFractionDigits: unit > 0 && value < 10 ? 1 : 0,
  }).format(value);
}
