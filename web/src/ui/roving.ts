import type { Attachment } from "svelte/attachments";

/** Which keys lead through a list: up and down, or to the sides. */
export type Direction = "vertical" | "horizontal";

/**
 * One stop for the tab key, and arrow keys from one to the next, among what `selector` finds; also
 * Home and End.
 */
export function roving(selector: string, direction: Direction = "vertical"): Attachment {
  return (element) => {
    const list = element as HTMLElement;
    const all = () => [...list.querySelectorAll<HTMLElement>(selector)];

    const keydown = (event: KeyboardEvent) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      const items = all();
      const now = items.indexOf(document.activeElement as HTMLElement);
      if (now < 0) return;
      const to = target(event.key, now, items.length, steps(list, direction));
      if (to === null) return;
      event.preventDefault();
      items[to]?.focus();
    };

    const focusin = (event: FocusEvent) => {
      const items = all();
      const now = items.indexOf(event.target as HTMLElement);
      if (now >= 0) for (const [n, item] of items.entries()) item.tabIndex = n === now ? 0 : -1;
    };

    list.addEventListener("keydown", keydown);
    list.addEventListener("focusin", focusin);
    return () => {
      list.removeEventListener("keydown", keydown);
      list.removeEventListener("focusin", focusin);
    };
  };
}

function steps(list: HTMLElement, direction: Direction): { back: string; on: string } {
  if (direction === "vertical") return { back: "ArrowUp", on: "ArrowDown" };
  const rtl = getComputedStyle(list).direction === "rtl";
  return rtl ? { back: "ArrowRight", on: "ArrowLeft" } : { back: "ArrowLeft", on: "ArrowRight" };
}

function target(
  key: string,
  now: number,
  length: number,
  keys: { back: string; on: string },
): number | null {
  if (key === keys.on) return (now + 1) % length;
  if (key === keys.back) return (now - 1 + length) % length;
  if (key === "Home") return 0;
  if (key === "End") return length - 1;
  return null;
}
