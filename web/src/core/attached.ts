/** Files that were brought for a message that is not sent yet, over a reload. */

import type { Upload } from "./model";
import { keep, named, recall, type Shelf } from "./shelf";
import type { Id } from "./types";

/** The server lets go of what is not sent within a day. */
export const KEPT_MS = 86_400_000;

/** What is known of one by name: where `info` is null, the page was left before it was there. */
export interface Attached extends Pick<Upload, "key" | "name" | "size" | "info"> {
  readonly at: number;
}

/** Those of one room. */
export class AttachedFiles {
  readonly #shelf: Shelf;
  readonly #prefix: string;

  constructor(shelf: Shelf, user: Id, room: Id) {
    this.#shelf = shelf;
    this.#prefix = `hubbub.files.${user}.${room}.`;
  }

  /** In their order. */
  all(now = Date.now()): Attached[] {
    const all: Attached[] = [];
    for (const key of named(this.#shelf, this.#prefix)) {
      const one = recall<Attached>(this.#shelf, this.#prefix + key);
      if (one && now - one.at < KEPT_MS) all.push(one);
      else this.drop(key);
    }
    return all.sort((a, b) => a.at - b.at);
  }

  // A name for each: what another tab has there stays.

  keep({ key, name, size, info, at }: Attached): void {
    keep(this.#shelf, this.#prefix + key, { key, name, size, info, at });
  }

  drop(key: string): void {
    keep(this.#shelf, this.#prefix + key, null);
  }
}
