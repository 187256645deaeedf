/** What is to be said as soon as its files are there, whichever room one looks at meanwhile. */

import type { Draft, Room, Uploads } from "../../core/model";
import { Source } from "../../core/observable";
import { trimmed } from "./counting";

const NOTHING: Draft = { text: "", reply: null };

export class Outgoing extends Source {
  readonly #room: Room;
  #letter: Draft | null = null;
  #said = 0;
  #unfollow = (): void => undefined;

  constructor(room: Room) {
    super();
    this.#room = room;
  }

  /** What waits for its files. */
  get letter(): Draft | null {
    return this.#letter;
  }

  /** How many were said; when it rises, what was written is gone. */
  get said(): number {
    return this.#said;
  }

  /** Say it, at once if its files are there. */
  send(letter: Draft): void {
    this.takeBack();
    this.#letter = letter;
    this.#unfollow = this.#room.uploads.subscribe(() => this.#look());
    this.#look();
  }

  /** Do not say it. */
  takeBack(): void {
    this.#unfollow();
    this.#letter = null;
    this.changed();
  }

  #look(): void {
    const { uploads } = this.#room;
    if (!this.#letter || uploads.busy) return this.changed();
    const { text, reply } = this.#letter;
    this.takeBack();
    // What has failed is for who wrote it to decide.
    if (uploads.items.some((one) => one.state === "failed")) return;
    const files = uploads.take();
    if (!trimmed(text) && files.length === 0) return;
    this.#room.say(trimmed(text), files, reply);
    this.#room.keepDraft(NOTHING);
    this.#said += 1;
  }
}

const all = new WeakMap<Room, Outgoing>();

export function outgoingOf(room: Room): Outgoing {
  const found = all.get(room) ?? new Outgoing(room);
  all.set(room, found);
  return found;
}

/** Have the browser ask before the page is left, as long as files are on their way. */
export function warnWhileBusy(uploads: Uploads): void {
  const warn = (event: BeforeUnloadEvent) => event.preventDefault();
  addEventListener("beforeunload", warn);
  const unfollow = uploads.subscribe(() => {
    if (uploads.busy) return;
    removeEventListener("beforeunload", warn);
    unfollow();
  });
}
