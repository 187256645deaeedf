import { createSubscriber } from "svelte/reactivity";

const follow = createSubscriber((update) => {
  addEventListener("focus", update);
  addEventListener("blur", update);
  document.addEventListener("visibilitychange", update);
  return () => {
    removeEventListener("focus", update);
    removeEventListener("blur", update);
    document.removeEventListener("visibilitychange", update);
  };
});

/** Whether somebody looks at the page; what reads it runs again when that changes. */
export function pageSeen(): boolean {
  follow();
  return document.visibilityState === "visible" && document.hasFocus();
}
