import { createSubscriber } from "svelte/reactivity";

import type { Observable } from "../core/observable";

/**
 * Something of the core as components read it: whatever reads `now` runs again when it changes.
 *
 *     const room = live(() => chat.room(id));
 *     {room.now.title}
 */
export function live<T extends Observable>(source: () => T): { readonly now: T } {
  const followed = $derived.by(() => {
    const one = source();
    return { one, follow: createSubscriber((update) => one.subscribe(update)) };
  });
  return {
    get now() {
      followed.follow();
      return followed.one;
    },
  };
}
