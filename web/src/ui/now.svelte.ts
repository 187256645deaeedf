import { createSubscriber } from "svelte/reactivity";

const STEP_MS = 30_000;

const follow = createSubscriber((update) => {
  const timer = setInterval(update, STEP_MS);
  return () => clearInterval(timer);
});

/** The time; what reads it runs again every half minute. */
export function now(): number {
  follow();
  return Date.now();
}
