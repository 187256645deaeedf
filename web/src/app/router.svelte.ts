/** Where one is, as the address has it behind its `#`. */

import type { Id } from "../core/types";
import { parse, type Route } from "./route";

let current = $state.raw<Route>(parse(location.hash));
/** What the address was when we heard of it last. */
let heard = location.hash;
addEventListener("hashchange", () => {
  heard = location.hash;
  current = parse(heard);
});
// A link to where one is changes no address, but what it leads to may be out of sight by now.
addEventListener("click", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (link?.getAttribute("href") === location.hash) current = parse(location.hash);
});

/** Where one is now; what reads it runs again when that changes. */
export function route(): Route {
  return current;
}

/** What a link to a place has as its `href`: `href("/rooms/r1")`. */
export function href(path: string): string {
  return `#${path}`;
}

/** The path of a room, or of a message in it. */
export function roomPath(room: Id, message?: number | null): string {
  return `/rooms/${encodeURIComponent(room)}${message ? `/${message}` : ""}`;
}

/** Go there; with `replace`, going back does not lead here again. */
export function go(path: string, replace = false): void {
  const hash = href(path);
  if (replace && location.hash !== heard) return; // somebody is about to go elsewhere
  if (hash === location.hash) {
    current = parse(hash); // a jump to the same message is one, too
    return;
  }
  history[replace ? "replaceState" : "pushState"](null, "", hash);
  heard = hash;
  current = parse(hash);
}
