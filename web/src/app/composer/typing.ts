import type { Span } from "./marking";

/** Make a field's text another one as if it had been typed: it can be undone. */
export function change(area: HTMLTextAreaElement, next: Span): void {
  const [from, to, insert] = difference(area.value, next.text);
  area.setSelectionRange(from, to);
  if (from !== to || insert !== "") {
    // There is no other way to have it in the field's history of changes.
    const done = insert
      ? document.execCommand("insertText", false, insert)
      : document.execCommand("delete");
    if (!done) {
      area.setRangeText(insert, from, to, "end");
      area.dispatchEvent(new InputEvent("input", { bubbles: true }));
    }
  }
  area.setSelectionRange(next.start, next.end);
}

/** What in `before` has to give way to what, to have `after`. */
export function difference(before: string, after: string): [from: number, to: number, put: string] {
  const shorter = Math.min(before.length, after.length);
  let same = 0;
  while (same < shorter && before[same] === after[same]) same += 1;
  let end = 0;
  while (end < shorter - same && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  return [same, before.length - end, after.slice(same, after.length - end)];
}
