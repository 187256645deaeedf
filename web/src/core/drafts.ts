import type { Draft } from "./model";
import type { Shelf } from "./outbox";
import type { Drafts as DraftsModel } from "./room";
import type { Id } from "./types";

const NONE: Draft = { text: "", reply: null };

/** What was begun in each room and not sent; kept in the browser. */
export class Drafts implements DraftsModel {
  readonly #shelf: Shelf;
  readonly #name: string;
  readonly #drafts: Map<Id, Draft>;

  constructor(shelf: Shelf, user: Id) {
    this.#shelf = shelf;
    this.#name = `hubbub.drafts.${user}`;
    this.#drafts = this.#read();
  }

  get(room: Id): Draft {
    return this.#drafts.get(room) ?? NONE;
  }

  set(room: Id, draft: Draft): void {
    if (draft.text || draft.reply) this.#drafts.set(room, draft);
    else if (!this.#drafts.delete(room)) return;
    try {
      this.#shelf.setItem(this.#name, JSON.stringify([...this.#drafts]));
    } catch {
      // The shelf is full: it is kept as long as the page is open.
    }
  }

  #read(): Map<Id, Draft> {
    try {
      return new Map(JSON.parse(this.#shelf.getItem(this.#name) ?? "[]") as [Id, Draft][]);
    } catch {
      return new Map();
    }
  }
}
