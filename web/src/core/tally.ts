/** How much is unread in a room: what the server has counted, and what was heard behind that. */

import type { Counted, Unread } from "./types";

/** Counts end there, as the server's. */
export const MOST = 100;

interface Heard {
  readonly offset: number;
  readonly mentioned: boolean;
}

export class Tally {
  #counted: Counted;
  /** Those that count, behind what was counted. */
  #heard: readonly Heard[] = [];
  now: Unread;

  constructor(counted: Counted) {
    this.#counted = counted;
    this.now = this.#sum();
  }

  /** A message of somebody else's came. The server may have counted it already. */
  hear(offset: number, mentioned: boolean): void {
    if (offset <= this.#counted.offset) return;
    this.#heard = [...this.#heard, { offset, mentioned }].slice(-MOST);
    this.now = this.#sum();
  }

  /** The server has counted. An answer from before what is known already changes nothing. */
  take(counted: Counted): void {
    const { read, offset } = this.#counted;
    if (counted.read >= read && counted.offset >= offset) this.put(counted);
  }

  /** It is so. */
  put(counted: Counted): void {
    const begin = Math.max(counted.offset, counted.read);
    this.#counted = counted;
    this.#heard = this.#heard.filter((one) => one.offset > begin);
    this.now = this.#sum();
  }

  #sum(): Unread {
    const { read, unread, mentions } = this.#counted;
    const mentioned = this.#heard.filter((one) => one.mentioned);
    return {
      read,
      unread: Math.min(MOST, unread + this.#heard.length),
      mentions: Math.min(MOST, mentions + mentioned.length),
    };
  }
}
