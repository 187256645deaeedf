import type { Draft, Drafts as DraftsModel } from "./model";
import { Source } from "./observable";
import { keep, named, recall, type Shelf } from "./shelf";
import type { Id } from "./types";

const NONE: Draft = { text: "", reply: null };

/** What was begun in each room and not sent; kept in the browser. */
export class Drafts extends Source implements DraftsModel {
  readonly #shelf: Shelf;
  readonly #prefix: string;
  readonly #drafts = new Map<Id, Draft>();

  constructor(shelf: Shelf, user: Id) {
    super();
    this.#shelf = shelf;
    this.#prefix = `hubbub.drafts.${user}.`;
    for (const room of named(shelf, this.#prefix)) {
      const kept = recall<Draft>(shelf, this.#prefix + room);
      if (kept) this.#drafts.set(room, kept);
    }
  }

  get(room: Id): Draft {
    return this.#drafts.get(room) ?? NONE;
  }

  has(room: Id): boolean {
    return this.#drafts.has(room);
  }

  set(room: Id, draft: Draft): void {
    const before = this.has(room);
    if (draft.text || draft.reply) this.#drafts.set(room, draft);
    else if (!this.#drafts.delete(room)) return;
    if (before !== this.has(room)) this.changed();
    // A name for each room: what another tab has begun elsewhere stays.
    keep(this.#shelf, this.#prefix + room, this.has(room) ? draft : null);
  }
}
