/** What one is in a room, and may do there. */

import type { Api } from "./api";
import type { Id, Member, Right, RoomEvent } from "./types";

/** Events about oneself, or the room, after which one's rights are another question. */
const TURNS = new Set([
  "appointed",
  "muted",
  "unmuted",
  "joined",
  "left",
  "archived",
  "restored",
  "changed",
]);

/** The longest that a timer can be set to. */
const LONGEST_MS = 2 ** 31 - 1;

export class Standing {
  readonly #api: Api;
  readonly #room: Id;
  readonly #user: Id;
  readonly #changed: () => void;
  #mutedTimer: ReturnType<typeof setTimeout> | undefined;
  me: Member | null = null;
  rights: ReadonlySet<Right> = new Set();

  constructor(api: Api, room: Id, user: Id, changed: () => void) {
    this.#api = api;
    this.#room = room;
    this.#user = user;
    this.#changed = changed;
  }

  set(me: Member | null, rights: readonly Right[]): void {
    this.me = me;
    this.rights = new Set(rights);
    clearTimeout(this.#mutedTimer);
    const muted = (me?.muted_until ?? 0) - Date.now();
    if (muted > 0) {
      this.#mutedTimer = setTimeout(() => void this.#ask(), Math.min(muted + 1_000, LONGEST_MS));
    }
    this.#changed();
  }

  /** Something has happened, after which `mine` is how one is listed among the members loaded. */
  apply(event: RoomEvent, mine: Member | null): void {
    const own = event["user"] === this.#user;
    if (mine) this.me = mine;
    else if (own) this.me = null;
    if (TURNS.has(event.type) && (own || event["user"] === undefined)) void this.#ask();
  }

  stop(): void {
    clearTimeout(this.#mutedTimer);
  }

  /** Ask again what one may do here. */
  async #ask(): Promise<void> {
    try {
      const seen = await this.#api.get<{ me: Member | null; rights: Right[] }>(
        `/rooms/${this.#room}`,
      );
      this.set(seen.me, seen.rights);
    } catch {
      // Who may not see it any more is told so by the socket, too.
    }
  }
}
