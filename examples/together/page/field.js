// A textarea and a text of Yjs, the one what the other is.

import * as Y from "yjs";

const TYPED = Symbol("where a change is from");

/** Bind `field` to `text`. `shared` holds back what others write while a word is composed. */
export function bind(field, text, shared) {
  const history = new Y.UndoManager(text, { trackedOrigins: new Set([TYPED]) });
  let shown = field.value;

  field.addEventListener("compositionstart", () => shared.hold());
  field.addEventListener("compositionend", () => shared.release());

  field.addEventListener("input", () => {
    const { index, removed, inserted } = difference(shown, field.value, field.selectionEnd);
    shown = field.value;
    text.doc.transact(() => {
      text.delete(index, removed);
      text.insert(index, inserted);
    }, TYPED);
  });

  text.observe(({ delta }, { origin }) => {
    if (origin === TYPED) return;
    const { selectionStart, selectionEnd, selectionDirection, scrollTop } = field;
    shown = field.value = text.toString();
    field.setSelectionRange(
      moved(selectionStart, delta),
      moved(selectionEnd, delta),
      selectionDirection,
    );
    field.scrollTop = scrollTop;
  });

  // The field's own history does not know what others wrote.
  field.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    const again = key === "y" || (key === "z" && event.shiftKey);
    if (key !== "z" && !again) return;
    event.preventDefault();
    if (again) history.redo();
    else history.undo();
  });
}

/** What was typed that made `after` of `before`, and left the caret at `caret`. */
export function difference(before, after, caret) {
  const most = Math.min(before.length, after.length);
  let last = 0; // how much at the end is the same
  while (
    last < Math.min(most, after.length - caret) &&
    fromEnd(before, last) === fromEnd(after, last)
  )
    last++;
  let first = 0;
  while (first < most - last && before[first] === after[first]) first++;
  // Halves of a character are not to be parted.
  if (first && (isHigh(after, first - 1) || isHigh(before, first - 1))) first--;
  if (last && (isLow(after, after.length - last) || isLow(before, before.length - last))) last--;
  return {
    index: first,
    removed: before.length - last - first,
    inserted: after.slice(first, after.length - last),
  };
}

/** Where a caret at `index` is once `delta` is done. */
export function moved(index, delta) {
  let at = 0;
  for (const { retain = 0, insert = "", delete: gone = 0 } of delta) {
    if (at > index || (insert && at === index)) break;
    if (insert) index += insert.length;
    index -= Math.min(gone, index - at);
    at += retain + insert.length;
  }
  return index;
}

const fromEnd = (text, count) => text[text.length - 1 - count];
const isHigh = (text, index) => (text.charCodeAt(index) & 0xfc00) === 0xd800;
const isLow = (text, index) => (text.charCodeAt(index) & 0xfc00) === 0xdc00;
