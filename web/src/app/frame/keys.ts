/** Keys that do something wherever one is. */

import type { Chat } from "../../core/model";
import { go, roomPath, route } from "../router.svelte";
import { neighbour } from "./order";
import { openSheet, sheet } from "./sheets.svelte";

const APPLE = /Mac|iPhone|iPad/.test(navigator.platform);

/** What the keys are called on this machine. */
export const CONTROL = APPLE ? "⌘" : "Ctrl";
export const ALT = APPLE ? "⌥" : "Alt";

export function pressed(event: KeyboardEvent, chat: Chat): void {
  if (event.defaultPrevented || event.isComposing) return;
  const control = APPLE ? event.metaKey : event.ctrlKey;
  if (control && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
    take(event);
    openSheet("switcher");
    return;
  }
  // A dialog has the keys to itself.
  if (sheet() || document.querySelector("dialog[open]")) return;
  if (event.altKey && !control && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    take(event);
    const here = route();
    const from = here.name === "room" ? here.params.room : null;
    const to = neighbour(chat.rooms, from, event.key === "ArrowUp" ? -1 : 1, event.shiftKey);
    if (to) go(roomPath(to));
    return;
  }
  if (event.key === "?" && !isTyped(event.target)) {
    take(event);
    openSheet("help");
  }
}

/** Nobody below hears of it: it may be gone by then. */
function take(event: KeyboardEvent): void {
  event.preventDefault();
  event.stopPropagation();
}

/** Whether keys are letters there. */
function isTyped(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches("input, textarea, select"))
  );
}
