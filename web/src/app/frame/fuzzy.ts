/** Finding by some letters of a name: "gnl" finds "General". */

/** Marks apart from their letters: "uber" finds "Über". */
export function folded(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLocaleLowerCase();
}

/**
 * How well `wanted` fits: its letters in their order, better in a row and at the beginning of
 * words. 0 where they are not there. Both are folded.
 */
export function fit(wanted: string, text: string): number {
  if (!wanted) return 1;
  const at = text.indexOf(wanted);
  if (at >= 0) {
    const begins = at === 0 ? 60 : isStart(text, at) ? 40 : 0;
    // Of those that begin with it, the shorter ones are the nearer ones.
    return 100 + begins - Math.min(30, text.length - wanted.length);
  }
  return scattered(wanted.replaceAll(" ", ""), text);
}

/** Letters in their order, with others between them; the first one begins a word. */
function scattered(wanted: string, text: string): number {
  let score = 40;
  let last = -1;
  for (const letter of wanted) {
    let next = text.indexOf(letter, last + 1);
    while (last < 0 && next >= 0 && !isStart(text, next)) next = text.indexOf(letter, next + 1);
    if (next < 0) return 0;
    if (last >= 0 && next > last + 1) score -= isStart(text, next) ? 2 : Math.min(10, next - last);
    last = next;
  }
  return Math.max(0, score);
}

function isStart(text: string, at: number): boolean {
  return at === 0 || !/[\p{L}\p{N}]/u.test(text[at - 1] ?? "");
}
