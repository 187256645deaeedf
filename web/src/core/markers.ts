/** How far rooms were read: told to the server, and asked for again where our own count is off. */

import type { Api } from "./api";
import type { Counted, Id } from "./types";

/** How long to wait before what was read next is told. */
export const MARK_MS = 400;

/** How long to wait before rooms are asked for again, and how many at once. */
export const ASK_MS = 500;
const ASKED = 100;

/** Whose counts these are. */
export interface Counts {
  setUnread(room: Id, counted: Counted): void;
}

export class Markers {
  readonly #api: Api;
  readonly #rooms: Counts;
  /** What is to be told, by room. */
  readonly #due = new Map<Id, number>();
  readonly #pauses = new Map<Id, ReturnType<typeof setTimeout>>();
  /** What is to be asked for. */
  readonly #doubtful = new Set<Id>();
  #asking: ReturnType<typeof setTimeout> | undefined;

  constructor(api: Api, rooms: Counts) {
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
    try {
      const { items } = await this.#api.get<{ items: (Counted & { room: Id })[] }>("/unread", {
        room: rooms,
      });
      for (const one of items) this.#rooms.setUnread(one.room, one);
    } catch {
      // The next connection brings it.
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
    try {
      this.#rooms.setUnread(room, await this.#api.put<Counted>(`/rooms/${room}/read`, { offset }));
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
}
