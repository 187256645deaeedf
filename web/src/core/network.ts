import type { Network as NetworkModel, NetworkState } from "./model";
import { Source } from "./observable";
import type { Id } from "./types";
import type { WireState } from "./wire";

/** Without a connection for so long, it is not "connecting" any more. */
const PATIENCE_MS = 3_000;

/** What the connection is at, as people want to know it. */
export class Network extends Source implements NetworkModel {
  readonly #retry: () => void;
  readonly #waiting: () => number;
  /** Rooms that are to be followed, and whether they are. */
  readonly #rooms = new Map<Id, boolean>();
  #wire: WireState = "connecting";
  #since = Date.now();
  #total = 0;
  #impatient: ReturnType<typeof setTimeout> | undefined;

  constructor(retry: () => void, waiting: () => number) {
    super();
    this.#retry = retry;
    this.#waiting = waiting;
    this.#wait();
  }

  get state(): NetworkState {
    if (this.#wire === "ended") return "ended";
    if (this.#wire === "connecting") {
      return Date.now() - this.#since < PATIENCE_MS ? "connecting" : "offline";
    }
    return this.left > 0 ? "behind" : "online";
  }

  get left(): number {
    let left = 0;
    for (const there of this.#rooms.values()) left += there ? 0 : 1;
    return left;
  }

  get total(): number {
    return this.#total;
  }

  get waiting(): number {
    return this.#waiting();
  }

  retry(): void {
    this.#retry();
  }

  // What the rest of the core tells it.

  get connected(): boolean {
    return this.#wire === "connected";
  }

  followed(room: Id): boolean {
    return this.connected && this.#rooms.get(room) === true;
  }

  setWire(state: WireState): void {
    if (state !== "connected" && this.#wire === "connected") {
      this.#since = Date.now();
      for (const room of this.#rooms.keys()) this.#rooms.set(room, false);
      this.#total = this.#rooms.size;
    }
    this.#wire = state;
    this.#wait();
    this.changed();
  }

  setRoom(room: Id, followed: boolean): void {
    if (!followed && !this.#rooms.has(room)) this.#total += 1;
    this.#rooms.set(room, followed);
    if (this.left === 0) this.#total = 0;
    this.changed();
  }

  dropRoom(room: Id): void {
    this.#rooms.delete(room);
    if (this.left === 0) this.#total = 0;
    this.changed();
  }

  /** What waits to be sent has changed. */
  around(): void {
    this.changed();
  }

  stop(): void {
    clearTimeout(this.#impatient);
  }

  #wait(): void {
    clearTimeout(this.#impatient);
    if (this.#wire === "connecting") {
      this.#impatient = setTimeout(() => this.changed(), PATIENCE_MS);
    }
  }
}
