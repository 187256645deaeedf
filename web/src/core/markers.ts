/**
 * How far rooms were read: told to the server, and asked for again where our own count may be off.
 *
 * An answer over HTTP may know of a message before the socket brings it, which then would count
 * twice. So whatever comes close to an answer has that room asked for once more.
 */

import type { Api } from "./api";
import type { Id, Unread } from "./types";

/** How long to wait before what was read next is told. */
export const MARK_MS = 400;

/** What comes so close to an answer may be in it. */
export const CLOSE_MS = 2_000;

/** How long to wait before rooms are asked for again, and how many at once. */
export const ASK_MS = 500;
const ASKED = 100;

/** Whose counts these are. */
export interface Counted {
  get(room: Id): { readonly unread: Unread } | undefined;
  setUnread(room: Id, unread: Unread): void;
}

export class Markers {
  readonly #api: Api;
  readonly #rooms: Counted;
  /** What is to be told, by room. */
  readonly #due = new Map<Id, number>();
  readonly #pauses = new Map<Id, ReturnType<typeof setTimeout>>();
  /** How many requests are on their way, whose answers may be without what comes now. */
  readonly #asked = new Map<Id, number>();
  /** What is to be asked for. */
  readonly #doubtful = new Set<Id>();
  #asking: ReturnType<typeof setTimeout> | undefined;
  readonly #answered = new Map<Id, number>();
  #allAnswered = 0;

  constructor(api: Api, rooms: Counted) {
    this.#api = api;
    this.#rooms = rooms;
  }

  /** Everything up to that message was read. */
  mark(room: Id, message: number): void {
    if (message <= (this.#due.get(room) ?? 0)) return;
    this.#due.set(room, message);
    if (!this.#pauses.has(room)) void this.#tell(room);
  }

  /** Tell what could not be told. */
  async settle(): Promise<void> {
    await Promise.all([...this.#due.keys()].map((room) => this.#tell(room)));
  }

  /** The server has counted in that room, or in all of them. */
  counted(room?: Id): void {
    if (room === undefined) this.#allAnswered = Date.now();
    else this.#answered.set(room, Date.now());
  }

  /** The server has answered with that. */
  take(room: Id, { read, unread, mentions }: Unread): void {
    const known = this.#rooms.get(room)?.unread;
    const same = known?.read === read && known.unread === unread && known.mentions === mentions;
    // What is known already has nothing that is still to come.
    if (same) return;
    this.counted(room);
    this.#rooms.setUnread(room, { read, unread, mentions });
  }

  /** A message came in there. */
  heard(room: Id): void {
    const answered = Math.max(this.#allAnswered, this.#answered.get(room) ?? 0);
    if (this.#asked.has(room) || Date.now() - answered < CLOSE_MS) this.askLater(room);
  }

  /** Ask for the counts of a room, soon. */
  askLater(room: Id): void {
    this.#doubtful.add(room);
    this.#asking ??= setTimeout(() => {
      this.#asking = undefined;
      const rooms = [...this.#doubtful];
      this.#doubtful.clear();
      for (let at = 0; at < rooms.length; at += ASKED) void this.ask(rooms.slice(at, at + ASKED));
    }, ASK_MS);
  }

  async ask(rooms: readonly Id[]): Promise<void> {
    for (const room of rooms) this.#count(room, 1);
    try {
      const { items } = await this.#api.get<{ items: (Unread & { room: Id })[] }>("/unread", {
        room: rooms,
      });
      for (const one of items) this.take(one.room, one);
    } catch {
      // The next connection brings it.
    } finally {
      for (const room of rooms) this.#count(room, -1);
    }
  }

  stop(): void {
    clearTimeout(this.#asking);
    for (const timer of this.#pauses.values()) clearTimeout(timer);
    this.#pauses.clear();
    void this.settle();
  }

  async #tell(room: Id): Promise<void> {
    const offset = this.#due.get(room);
    if (offset === undefined) return;
    this.#pause(room);
    this.#count(room, 1);
    try {
      this.take(room, await this.#api.put<Unread>(`/rooms/${room}/read`, { offset }));
      if (this.#due.get(room) === offset) this.#due.delete(room);
    } catch (error) {
      // Without an answer it is told with the next connection.
      if (!(error as { passing?: boolean }).passing) this.#due.delete(room);
    } finally {
      this.#count(room, -1);
    }
  }

  /** What is read meanwhile is told together. */
  #pause(room: Id): void {
    clearTimeout(this.#pauses.get(room));
    const told = this.#due.get(room);
    const timer = setTimeout(() => {
      this.#pauses.delete(room);
      if (this.#due.get(room) !== told) void this.#tell(room);
    }, MARK_MS);
    this.#pauses.set(room, timer);
  }

  #count(room: Id, more: number): void {
    const left = (this.#asked.get(room) ?? 0) + more;
    if (left > 0) this.#asked.set(room, left);
    else this.#asked.delete(room);
  }
}
