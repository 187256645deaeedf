import type { Id, Message } from "../../core/types";

/** The line above the first message that is new. It stays until there are others that are new. */
export class Line {
  at = $state<number | null>(null);
  #last = Infinity;
  /** Whether all there was has been seen. */
  #caughtUp: boolean;

  constructor(at: number | null) {
    this.at = at;
    this.#caughtUp = at === null;
  }

  /** These are the last messages now, and the last of them is seen, or not. */
  arrived(messages: readonly Message[], me: Id, seen: boolean): void {
    if (!seen && this.#caughtUp) {
      // What one has said oneself, one has answered to: that is no news.
      const known = messages.findLastIndex((one) => one.id <= this.#last || one.user === me);
      const next = messages[known + 1];
      if (next && next.id > this.#last) {
        this.at = next.id;
        this.#caughtUp = false;
      }
    }
    if (seen) this.#caughtUp = true;
    this.#last = messages.at(-1)?.id ?? 0;
  }
}
