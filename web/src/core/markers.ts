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
export const CLOSE_MS = 500;

/** Whose counts these are. */
export interface Counted {
  setUnread(room: Id, unread: Unread): void;
}

export class Markers {
  readonly #api: Api;
  readonly #rooms: Counted;
  /** What is to be told, by room. */
  readonly #due = new Map<Id, number>();
  readonly #pauses = new Map<Id, ReturnType<typeof setTimeout>>();
  readonly #again = new Map<Id, ReturnType<typeof setTimeout>>();
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

  /** A message came in there. */
  heard(room: Id): void {
    const answered = Math.max(this.#allAnswered, this.#answered.get(room) ?? 0);
    if (Date.now() - answered < CLOSE_MS) this.askLater(room);
  }

  /** Ask for the counts of a room, soon. */
  askLater(room: Id): void {
    if (this.#again.has(room)) return;
    const timer = setTimeout(() => {
      this.#again.delete(room);
      void this.ask(room);
    }, CLOSE_MS);
    this.#again.set(room, timer);
  }

  async ask(room: Id): Promise<void> {
    try {
      const { items } = await this.#api.get<{ items: (Unread & { room: Id })[] }>("/unread", {
        room,
      });
      for (const one of items) this.#set(one.room, one);
    } catch {
      // The next connection brings it.
    }
  }

  stop(): void {
    for (const timers of [this.#pauses, this.#again]) {
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
    }
    void this.settle();
  }

  async #tell(room: Id): Promise<void> {
    const offset = this.#due.get(room);
    if (offset === undefined) return;
    this.#pause(room);
    try {
      this.#set(room, await this.#api.put<Unread>(`/rooms/${room}/read`, { offset }));
      if (this.#due.get(room) === offset) this.#due.delete(room);
    } catch (error) {
      // Without an answer it is told with the next connection.
      if (!(error as { passing?: boolean }).passing) this.#due.delete(room);
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

  #set(room: Id, unread: Unread): void {
    this.#answered.set(room, Date.now());
    this.#rooms.setUnread(room, unread);
  }
}
