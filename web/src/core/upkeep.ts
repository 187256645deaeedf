/**
 * A room kept up to date: its first page, and the events since.
 *
 * Events come in a row, by offset. One that does not follow, or a connection that could not bring
 * what was missed, has the room fetched again.
 */

import type { Api } from "./api";
import { type Happened, RoomState } from "./fold";
import { History } from "./history";
import type { Edge } from "./model";
import type { Problem } from "./problem";
import { Standing } from "./standing";
import type {
  Id,
  Member,
  Message,
  Messages,
  Opened,
  Page,
  Profile,
  RoomEvent,
  WithUsers,
} from "./types";

/** How long to wait before a room is fetched again that could not be, or that was not enough. */
export const AGAIN_MS = 2_000;
const SOON_MS = 300;

/** Messages or members that one request brings at most. */
const MOST = 200;

/** Who is told. */
export interface Keeper {
  learn(users: readonly Profile[]): void;
  /** The room was fetched: for the first time, or again. */
  opened(opened: Opened, again: boolean): void;
  /** An event was applied. */
  happened(offset: number, event: RoomEvent): void;
  changed(): void;
}

export class Upkeep {
  readonly history: History;
  readonly standing: Standing;
  status: "loading" | "ready" | "gone" | "failed" = "loading";
  why = "";
  readonly #api: Api;
  readonly #path: string;
  readonly #me: Id;
  readonly #keeper: Keeper;
  /** What came and is not applied yet. */
  #held: Happened[] = [];
  /** Where the room stood at least when it began to be followed. */
  #floor = 0;
  #opening: Promise<void> | null = null;
  #again: ReturnType<typeof setTimeout> | undefined;
  #membersNext: string | null | undefined;
  #stopped = false;

  constructor(api: Api, room: Id, me: Id, keeper: Keeper) {
    const changed = () => keeper.changed();
    this.#api = api;
    this.#path = `/rooms/${room}`;
    this.#me = me;
    this.#keeper = keeper;
    this.history = new History((query) => this.messages(query), changed);
    this.standing = new Standing(api, room, me, changed);
  }

  get state(): RoomState | null {
    return this.history.state;
  }

  get allMembers(): boolean {
    return this.state?.everybody ?? false;
  }

  /** Fetch the room, and what has happened since. */
  open(): Promise<void> {
    clearTimeout(this.#again);
    this.#opening ??= this.#open().finally(() => {
      this.#opening = null;
      this.#catchUp(SOON_MS);
    });
    return this.#opening;
  }

  /** Once it is not being fetched. */
  async settled(): Promise<void> {
    await this.#opening;
  }

  /** Something has happened. */
  take(offset: number, event: RoomEvent): void {
    this.history.record([offset, event]);
    this.#held.push([offset, event]);
    if (this.state && !this.#opening) this.#catchUp();
  }

  /** The room is followed from that position on. */
  followed(offset: number, recovered: boolean): void {
    if (!recovered) this.#floor = offset;
    if (this.status === "failed" || this.status === "gone") void this.open();
    else if (!this.#opening) this.#catchUp();
  }

  /** It may not be seen any more: left, kicked, banned or private; or what the server said. */
  ended(why: string): void {
    this.status = "gone";
    this.why = why || this.why;
    this.#held = [];
    this.#keeper.changed();
  }

  async messages(query: Record<string, number>): Promise<Messages> {
    const page = await this.#api.get<Messages>(`${this.#path}/messages`, query);
    this.#keeper.learn(page.users);
    return page;
  }

  async loadMembers(): Promise<void> {
    await this.#opening;
    const state = this.state;
    if (!state || state.everybody) return;
    const events: Happened[] = [];
    const end = this.history.recordTo(events);
    try {
      const query = { cursor: this.#membersNext, limit: MOST };
      const page = await this.#api.get<Page<Member> & WithUsers>(`${this.#path}/members`, query);
      this.#keeper.learn(page.users);
      if (state !== this.state) return; // opened anew meanwhile
      this.#membersNext = page.next;
      state.meet(page.items, events, page.next === null);
    } finally {
      end();
    }
    this.#keeper.changed();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#again);
    this.standing.stop();
  }

  async #open(): Promise<void> {
    try {
      await this.#begin(await this.#api.get<Opened>(`${this.#path}/open`));
    } catch (error) {
      const problem = error as Problem;
      this.why = problem.message;
      if (!problem.passing) {
        this.status = "gone";
      } else {
        // What is there already stays: it is old, and the state of the network says so.
        if (!this.state) this.status = "failed";
        this.#later(problem.retryAfter * 1000 || AGAIN_MS);
      }
    }
    this.#keeper.changed();
  }

  async #begin(opened: Opened): Promise<void> {
    this.#keeper.learn(opened.users);
    const state = RoomState.of(opened);
    const edges = await this.#keep(state, opened.more);
    const again = this.state !== null;
    this.status = "ready";
    this.why = "";
    this.#membersNext = undefined;
    this.standing.set(opened.me, opened.rights);
    this.history.begin(state, ...edges);
    this.#keeper.opened(opened, again);
  }

  /** Where others than the last messages were there, have them again. The answer is the edges. */
  async #keep(state: RoomState, more: boolean): Promise<[Edge, Edge]> {
    const before = this.state;
    const [first, last] = [before?.messages[0]?.id, state.messages[0]?.id];
    const plain: [Edge, Edge] = [more ? "more" : "end", "end"];
    if (!before || first === undefined || last === undefined || first >= last) return plain;
    const middle = before.messages[before.messages.length >> 1]?.id ?? first;
    const query: Record<string, number> = before.atEnd ? { before: last } : { around: middle };
    try {
      const page = await this.messages({ ...query, limit: MOST });
      const older: Edge = page.before === null ? "end" : "more";
      if (before.atEnd) {
        state.join(page.items, "before", this.#held);
        return [older, "end"];
      }
      state.replace(page.items, page.after === null, this.#held);
      return [older, page.after === null ? "end" : "more"];
    } catch {
      return plain;
    }
  }

  #later(pause: number): void {
    if (this.#stopped) return;
    clearTimeout(this.#again);
    this.#again = setTimeout(() => void this.open(), pause);
  }

  /** Apply what came, as far as it follows; for what is missing, the room is fetched again. */
  #catchUp(pause = 0): void {
    const state = this.state;
    if (!state || this.status !== "ready") return;
    const held = this.#held.splice(0);
    for (const [index, happened] of held.entries()) {
      if (happened[0] > state.info.offset + 1) {
        this.#held = held.slice(index);
        break;
      }
      if (happened[0] > state.info.offset) this.#apply(state, happened);
    }
    const missing = this.#held.length > 0 || state.info.offset < this.#floor;
    if (missing && pause > 0) this.#later(pause);
    else if (missing) void this.open();
    if (held.length > 0) this.#keeper.changed();
  }

  #apply(state: RoomState, [offset, event]: Happened): void {
    state.apply(offset, event);
    this.standing.apply(event, state.members.get(this.#me) ?? null);
    this.#keeper.happened(offset, event);
    if (state.unsure) void this.#countPins(state);
  }

  async #countPins(state: RoomState): Promise<void> {
    state.unsure = false;
    try {
      const query = { limit: MOST };
      const { items } = await this.#api.get<{ items: Message[] }>(`${this.#path}/pins`, query);
      state.pinned = items.length;
      this.#keeper.changed();
    } catch {
      // The next opening has the number.
    }
  }
}
