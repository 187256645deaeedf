import { untrack } from "svelte";

/** What is typed is asked for when it has rested that long. */
const REST_MS = 250;

/** Have `ask` called at once, and again soon after what is `wanted` has changed. */
export function wanted(what: () => readonly unknown[], ask: () => void): void {
  const now = $derived(JSON.stringify(what()));
  let first = true;
  $effect(() => {
    void now;
    if (first) {
      first = false;
      untrack(ask);
      return;
    }
    const timer = setTimeout(ask, REST_MS);
    return () => clearTimeout(timer);
  });
}
