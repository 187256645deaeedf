import { createSubscriber } from "svelte/reactivity";

const follow = createSubscriber((update) => {
  const timer = setInterval(update, 1000);
  return () => clearInterval(timer);
});

/** The time; what reads it runs again every second. Read it only where something counts down. */
export function seconds(): number {
  follow();
  return Date.now();
}
