/** Whether somebody is there: by what they do, and by what they say. */

import type { Chat } from "../../core/model";

const IDLE_MS = 600_000;
const SIGNS = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"] as const;

let said = $state(false);

/** Whether somebody has said that they are away. */
export function saidAway(): boolean {
  return said;
}

export function sayAway(away: boolean): void {
  said = away;
}

/** Tell the chat, from now on, whether somebody is there. The answer ends that. */
export function followPresence(chat: Chat): () => void {
  let idle = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = new AbortController();
  const options = { signal: end.signal, passive: true, capture: true };

  const tell = () => chat.setAway(said || idle || document.hidden);
  const sign = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      idle = true;
      tell();
    }, IDLE_MS);
    if (!idle) return;
    idle = false;
    tell();
  };
  for (const name of SIGNS) addEventListener(name, sign, options);
  document.addEventListener("visibilitychange", tell, options);
  sign();
  const stop = $effect.root(() => {
    $effect(tell);
  });
  return () => {
    stop();
    end.abort();
    clearTimeout(timer);
  };
}
