/** What keys do in the field, apart from writing. */

import { type List, type Mark } from "./marking";

/** Where the keys of commands are ⌘, as people there expect it. */
export const MAC = /Mac|iPhone|iPad/.test(globalThis.navigator?.userAgent ?? "");

type Pressed = Pick<
  KeyboardEvent,
  "key" | "code" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey" | "isComposing" | "keyCode"
>;

export type Command =
  { readonly do: "mark"; readonly kind: Mark } | { readonly do: "list"; readonly kind: List };

const MARKS: Readonly<Record<string, Mark>> = { b: "bold", i: "italic", e: "code" };
// With the shift key, digits have other signs on every keyboard: their place counts.
const LISTS: Readonly<Record<string, List>> = { Digit7: "numbers", Digit8: "bullets" };

/** The key of commands of this device, and no other besides shift. */
function commanded(event: Pressed, mac: boolean): boolean {
  if (event.altKey) return false;
  return mac ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey;
}

export function commandOf(event: Pressed, mac = MAC): Command | null {
  if (!commanded(event, mac)) return null;
  const mark = event.shiftKey ? undefined : MARKS[event.key.toLowerCase()];
  if (mark) return { do: "mark", kind: mark };
  const list = event.shiftKey ? LISTS[event.code] : undefined;
  return list ? { do: "list", kind: list } : null;
}

/** Whether the key belongs to an input method that is still composing. */
export function composes(event: Pressed): boolean {
  // Safari ends the composition before the key that ended it: that one has this code.
  return event.isComposing || event.keyCode === 229;
}

/** What Enter does: on a screen that is touched it breaks the line, as it does in a fence. */
export function enterSends(event: Pressed, touch: boolean, fence: boolean): boolean {
  if (event.ctrlKey || event.metaKey) return true;
  return !event.shiftKey && !event.altKey && !touch && !fence;
}
