/** Makes blocks of code in a text usable: a bar above them, and colours once they are in view. */

import { mount, unmount } from "svelte";

import CodeBar from "./CodeBar.svelte";

/** Beyond that, colours cost more than they tell. */
const MOST = 20_000;

export function dressCode(within: HTMLElement, reach: boolean): () => void {
  const blocks = [...within.querySelectorAll<HTMLElement>(".code")];
  if (blocks.length === 0) return () => undefined;
  const bars = blocks.map((block) => {
    const props = { code: codeOf(block), language: block.dataset["language"] ?? "", reach };
    const anchor = block.firstElementChild as Element;
    return mount(CodeBar, { target: block, anchor, props });
  });
  const watch = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        watch.unobserve(target);
        void colour(target as HTMLElement);
      }
    },
    { rootMargin: "50%" },
  );
  for (const block of blocks) if (block.dataset["language"]) watch.observe(block);
  return () => {
    watch.disconnect();
    for (const bar of bars) void unmount(bar);
  };
}

function codeOf(block: HTMLElement): string {
  return block.querySelector("code")?.textContent ?? "";
}

async function colour(block: HTMLElement): Promise<void> {
  const code = codeOf(block);
  if (code.length > MOST) return;
  const { highlighted } = await import("./highlight");
  const made = highlighted(code, block.dataset["language"] ?? "");
  if (made) block.querySelector("code")?.replaceChildren(made);
}
