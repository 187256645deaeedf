import type { Draft, Drafts as Begun } from "./model";
import { Source } from "./observable";
import type { Shelf } from "./outbox";
import type { Drafts as DraftsModel } from "./room";
import type { Id } from "./types";

const NONE: Draft = { text: "", reply: null };

/** What was begun in each room and not sent; kept in the browser. */
export class Drafts extends Source implements DraftsModel, Begun {
  readonly #shelf: Shelf;
  readonly #name: string;
  readonly #drafts: Map<Id, Draft>;

  constructor(shelf: Shelf, user: Id) {
    super();
    this.#shelf = shelf;
    this.#name = `hubbub.drafts.${user}`;
    this.#drafts = this.#read();
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
