/** Emojis by their names: `:smile:` is 😄 when it is sent. In code and in addresses it is not. */

import { CODE } from "./code";

const ADDRESS = /\b[a-z][a-z0-9+.-]*:\/\/\S+/gi;
const SKIPPED = new RegExp(`${CODE.source}|${ADDRESS.source}`, "gi");
const SHORT_CODE = /:([\p{L}\p{N}_+-]{2,}):/gu;

/** What may stand before one: no word (`10:20:30`, `std::map::iterator`). */
const BEFORE = /[\p{L}\p{N}_:/]$/u;
const AFTER = /^[\p{L}\p{N}_]/u;

/** Replace each short code of `text` that `emoji` knows. */
export function expand(text: string, emoji: (code: string) => string | undefined): string {
  let expanded = "";
  let from = 0;
  for (const skipped of text.matchAll(SKIPPED)) {
    expanded += expandPlain(text.slice(from, skipped.index), emoji) + skipped[0];
    from = skipped.index + skipped[0].length;
  }
  return expanded + expandPlain(text.slice(from), emoji);
}

/** The short codes of `text`, known or not, each once. */
export function shortCodes(text: string): string[] {
  const found = new Set<string>();
  expand(text, (code) => {
    found.add(code);
    return undefined;
  });
  return [...found];
}

function expandPlain(text: string, emoji: (code: string) => string | undefined): string {
  let expanded = "";
  let from = 0;
  const pattern = new RegExp(SHORT_CODE);
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const end = pattern.lastIndex;
    const free = match.index === from || !BEFORE.test(text.slice(from, match.index));
    const known = free && !AFTER.test(text.slice(end)) ? emoji(match[1] ?? "") : undefined;
    if (known === undefined) {
      pattern.lastIndex = end - 1; // its last colon may be another one's first
      continue;
    }
    expanded += text.slice(from, match.index) + known;
    from = end;
  }
  return expanded + text.slice(from);
}
