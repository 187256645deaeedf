/**
 * What one does to messages, shown before the server has heard of it.
 *
 * A deed is the event that it will become. It is laid over what is known of the room, which knows
 * of events only, until that event comes, or the answer says that it was so already.
 */

import type { Api } from "./api";
import { changedBy } from "./fold";
import type { Problem } from "./problem";
import type { Id, Message, RoomEvent } from "./types";

export type Done = "reacted" | "unreacted" | "pinned" | "unpinned";

interface Deed extends RoomEvent {
  readonly type: Done;
  readonly by: Id;
  readonly message: number;
  readonly emoji?: string;
}

/** How long to wait before the next try where no answer came, and for how long there is one. */
export const AGAIN_MS = 5_000;
export const PATIENCE_MS = 60_000;

const BUSY = 429;

export class Deeds {
  readonly #api: Api;
  readonly #path: string;
  readonly #me: Id;
  readonly #known: (message: number) => Message | undefined;
  readonly #changed: () => void;
  /** In their order. */
  #deeds: readonly Deed[] = [];
  readonly #answered = new WeakSet<Deed>();
  /** The last try of each kind: what is done and undone goes out in its order. */
  readonly #last = new Map<string, Promise<void>>();
  readonly #waiting = new Set<() => void>();
  #over: { of: readonly Message[]; made: readonly Message[] } | null = null;
  #made = new WeakMap<Message, Message>();
  #stopped = false;

  /** `known` gives a message as the room's events have it, `undefined` where it is not loaded. */
  constructor(
    api: Api,
    room: Id,
    me: Id,
    known: (message: number) => Message | undefined,
    changed: () => void,
  ) {
    this.#api = api;
    this.#path = `/rooms/${room}/messages`;
    this.#me = me;
    this.#known = known;
    this.#changed = changed;
  }

  /** Have it be so, at once. Throws `Problem` where the server does not: then it never was. */
  async do(type: Done, message: number, emoji?: string): Promise<void> {
    const of = emoji === undefined ? {} : { emoji };
    const deed: Deed = { type, by: this.#me, at: Date.now(), message, ...of };
    this.#set([...this.#deeds, deed]);
    const place = `${message} ${emoji ?? ""}`;
    const before = this.#last.get(place);
    const sent = (before ?? Promise.resolve()).then(() => this.#send(deed));
    const settled = sent.catch(() => undefined);
    this.#last.set(place, settled);
    try {
      await sent;
      this.#answered.add(deed);
      this.#settle();
    } catch (error) {
      this.#drop(deed);
      throw error;
    } finally {
      if (this.#last.get(place) === settled) this.#last.delete(place);
    }
  }

  /** These messages, with what was done to them. */
  over(messages: readonly Message[]): readonly Message[] {
    if (this.#deeds.length === 0) return messages;
    if (this.#over?.of === messages) return this.#over.made;
    const made = messages.map((one) => this.#with(one));
    this.#over = { of: messages, made };
    return made;
  }

  /** An event was applied to the room. */
  happened({ type, by, message, emoji }: RoomEvent): void {
    const come = this.#deeds.find(
      (one) => one.type === type && one.message === message && one.emoji === emoji,
    );
    if (come && by === this.#me) this.#drop(come);
    this.#settle();
  }

  /** The room was fetched: it has whatever was answered. */
  fetched(): void {
    for (const deed of this.#deeds) if (this.#answered.has(deed)) this.#drop(deed);
    this.again();
  }

  /** There may be a connection again: try at once. */
  again(): void {
    for (const go of [...this.#waiting]) go();
  }

  stop(): void {
    this.#stopped = true;
    this.again();
  }

  async #send({ type, message, emoji, at = 0 }: Deed): Promise<void> {
    const what = emoji === undefined ? "pin" : `reactions/${encodeURIComponent(emoji)}`;
    const method = type.startsWith("un") ? "DELETE" : "PUT";
    for (;;) {
      try {
        return await this.#api.ask(method, `${this.#path}/${message}/${what}`);
      } catch (error) {
        const { passing, status } = error as Problem;
        const late = Date.now() - at > PATIENCE_MS;
        // What is so already is a success: the same may be asked for as often as one likes.
        if (!passing || status === BUSY || late || this.#stopped) throw error;
        await this.#pause();
      }
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        clearTimeout(timer);
        this.#waiting.delete(go);
        resolve();
      };
      const timer = setTimeout(go, AGAIN_MS);
      this.#waiting.add(go);
    });
  }

  #with(message: Message): Message {
    const known = this.#made.get(message);
    if (known) return known;
    let made = message;
    for (const deed of this.#deeds) {
      if (deed.message === message.id && !isSo(made, deed)) made = changedBy(made, deed);
    }
    this.#made.set(message, made);
    return made;
  }

  /** Let go of what was answered and is so by now; else its event is still to come. */
  #settle(): void {
    for (const deed of this.#deeds) {
      if (!this.#answered.has(deed)) continue;
      const message = this.#known(deed.message);
      if (!message || isSo(message, deed)) this.#drop(deed);
    }
  }

  #drop(deed: Deed): void {
    if (this.#deeds.includes(deed)) this.#set(this.#deeds.filter((one) => one !== deed));
  }

  #set(deeds: readonly Deed[]): void {
    this.#deeds = deeds;
    this.#over = null;
    this.#made = new WeakMap();
    this.#changed();
  }
}

/** Whether the deed would change nothing. */
function isSo(message: Message, { type, emoji, by }: Deed): boolean {
  if (message.deleted_at !== null) return true;
  const reacted = message.reactions.some((one) => one.emoji === emoji && one.users.includes(by));
  if (type === "reacted") return reacted;
  if (type === "unreacted") return !reacted;
  return (message.pinned_at !== null) === (type === "pinned");
}
