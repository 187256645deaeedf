import { keep, named, recall, type Shelf } from "./shelf";
import type { Id } from "./types";

/** Texts of one room that are kept: nobody comes back to all of them. */
const MOST = 20;

type Texts = ReadonlyMap<number, string>;

const NONE: Texts = new Map();

/** What messages were to say, and do not yet; kept in the browser. */
export class Edits {
  readonly #shelf: Shelf;
  readonly #prefix: string;
  /** By room and message; those that were written last are last. */
  readonly #texts = new Map<Id, Texts>();

  constructor(shelf: Shelf, user: Id) {
    this.#shelf = shelf;
    this.#prefix = `hubbub.edits.${user}.`;
    for (const room of named(shelf, this.#prefix)) {
      const kept = recall<[number, string][]>(shelf, this.#prefix + room);
      if (Array.isArray(kept)) this.#texts.set(room, new Map(kept));
    }
  }

  get(room: Id, message: number): string | null {
    return this.#texts.get(room)?.get(message) ?? null;
  }

  /** Keep that text of the message; none for null. */
  set(room: Id, message: number, text: string | null): void {
    if (this.get(room, message) === text) return;
    const others = [...(this.#texts.get(room) ?? NONE)].filter(([id]) => id !== message);
    const made = text === null ? others : [...others, [message, text] as const].slice(-MOST);
    this.#texts.set(room, new Map(made));
    keep(this.#shelf, this.#prefix + room, made.length > 0 ? made : null);
  }
}
