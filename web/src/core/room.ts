/**
 * A room that is looked at: its first page, the events since, and older or other messages that
 * were fetched besides.
 *
 * Events come in a row, by offset. One that does not follow, or a connection that could not bring
 * what was missed, has the room fetched again. What comes while a page is on its way is applied to
 * that page, too: applying an event twice changes nothing.
 */

import type { Api } from "./api";
import type { Draft, Edge, Pending, Room as RoomModel } from "./model";
import { bringBy } from "./bring";
import { RoomState } from "./fold";
import { newKey } from "./key";
import { Source } from "./observable";
import type { Outbox } from "./outbox";
import type { People } from "./people";
import { Problem } from "./problem";
import type { RoomList } from "./rooms";
import type {
  FileInfo,
  Id,
  Level,
  Member,
  Message,
  Messages,
  Opened,
  Page,
  Preferences,
  Presence,
  Reply,
  Right,
  RoomEvent,
  RoomInfo,
  Unread,
  Wish,
  WithUsers,
} from "./types";
import { Uploads } from "./uploads";
import type { Position, Wire } from "./wire";

/** Messages in one page of older or newer ones. */
const PAGE = 50;

/** Members in one page. */
const MEMBERS = 200;

/** How long somebody types after they were last heard of. */
export const TYPING_MS = 6_000;

/** How often one says that one types. */
const TYPED_MS = 3_000;

/** How long to wait before what was read is told. */
const MARK_MS = 400;

/** Events after which one's rights are another question. */
const STANDING = new Set([
  "appointed",
  "muted",
  "unmuted",
  "joined",
  "left",
  "archived",
  "restored",
]);

const NOWHERE: RoomInfo = {
  id: "",
  kind: "public",
  name: "",
  slug: null,
  topic: "",
  slow: 0,
  keep: null,
  by: "",
  created_at: 0,
  archived_at: null,
  people: 0,
  last_at: 0,
  offset: 0,
};

/** What a room needs of the rest. */
export interface Around {
  readonly api: Api;
  readonly wire: Wire;
  readonly me: Id;
  readonly people: People;
  readonly rooms: RoomList;
  readonly outbox: Outbox;
  readonly drafts: Drafts;
}

/** Where drafts are kept. */
export interface Drafts {
  get(room: Id): Draft;
  set(room: Id, draft: Draft): void;
}

export class Room extends Source implements RoomModel {
  readonly id: Id;
  readonly uploads: Uploads;
  readonly #around: Around;
  #state: RoomState | null = null;
  #status: RoomModel["state"] = "loading";
  #why = "";
  #me: Member | null = null;
  #rights: ReadonlySet<Right> = new Set();
  #ownUnread: Unread = { read: 0, unread: 0, mentions: 0 };
  #ownPreferences: Preferences = { level: "all", muted: false };
  #older: Edge = "end";
  #newer: Edge = "end";
  #firstUnread: number | null = null;
  /** Where the page of members goes on; null once there are no more. */
  #membersNext: string | null | undefined;
  #typing = new Map<Id, ReturnType<typeof setTimeout>>();
  #typedAt = 0;
  #marking: ReturnType<typeof setTimeout> | undefined;
  #marked = 0;
  /** What came while the first page was on its way, by offset. */
  #held: [number, RoomEvent][] = [];
  /** What came since a page was asked for, for each that is on its way. */
  readonly #recording = new Set<RoomEvent[]>();
  #opening: Promise<void> | null = null;

  constructor(id: Id, around: Around) {
    super();
    this.id = id;
    this.#around = around;
    const { api } = around;
    this.uploads = new Uploads(bringBy(api), (file) => api.delete(`/files/${file}`));
  }

  get state(): RoomModel["state"] {
    return this.#status;
  }

  get why(): string {
    return this.#why;
  }

  get info(): RoomInfo {
    return this.#state?.info ?? this.#around.rooms.get(this.id)?.info ?? NOWHERE;
  }

  get title(): string {
    return this.#around.rooms.get(this.id)?.title ?? this.info.name;
  }

  get me(): Member | null {
    return this.#me;
  }

  may(right: Right): boolean {
    return this.#rights.has(right);
  }

  get members(): ReadonlyMap<Id, Member> {
    return this.#state?.members ?? new Map<Id, Member>();
  }

  get allMembers(): boolean {
    return this.#membersNext === null || this.members.size >= this.info.people;
  }

  get unread(): Unread {
    return this.#around.rooms.get(this.id)?.unread ?? this.#ownUnread;
  }

  get preferences(): Preferences {
    return this.#around.rooms.get(this.id)?.preferences ?? this.#ownPreferences;
  }

  get pinned(): number {
    return this.#state?.pinned ?? 0;
  }

  get messages(): readonly Message[] {
    return this.#state?.messages ?? [];
  }

  get pending(): readonly Pending[] {
    return this.#around.outbox.of(this.id);
  }

  get older(): Edge {
    return this.#older;
  }

  get newer(): Edge {
    return this.#newer;
  }

  get firstUnread(): number | null {
    return this.#firstUnread;
  }

  get typing(): readonly Id[] {
    return [...this.#typing.keys()];
  }

  get draft(): Draft {
    return this.#around.drafts.get(this.id);
  }

  // Pages.

  /** Fetch the room, and what has happened since. */
  open(): Promise<void> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  async loadOlder(): Promise<void> {
    const first = this.messages[0];
    if (!first || this.#older === "loading" || this.#older === "end") return;
    this.#older = "loading";
    this.changed();
    this.#older = await this.#page({ before: first.id, limit: PAGE }, (page, state, events) => {
      if (state.messages[0]?.id !== first.id) return this.#older;
      state.join(page.items, "before", events);
      return page.before === null ? "end" : "more";
    });
    this.changed();
  }

  async loadNewer(): Promise<void> {
    const last = this.messages.at(-1);
    if (!last || this.#newer === "loading" || this.#newer === "end") return;
    this.#newer = "loading";
    this.changed();
    this.#newer = await this.#page({ after: last.id, limit: PAGE }, (page, state, events) => {
      if (state.messages.at(-1)?.id !== last.id) return this.#newer;
      state.join(page.items, "after", events);
      return this.#reached(page, state, events);
    });
    this.changed();
  }

  async load(message: number): Promise<boolean> {
    await this.#opening;
    if (this.#state?.get(message)) return true;
    const edge = await this.#page({ around: message, limit: PAGE }, (page, state, events) => {
      if (!page.items.some((one) => one.id === message)) return "failed";
      state.replace(page.items, false, events);
      this.#older = page.before === null ? "end" : "more";
      return this.#reached(page, state, events);
    });
    if (edge !== "failed") this.#newer = edge;
    this.changed();
    return this.#state?.get(message) !== undefined;
  }

  async loadLatest(): Promise<void> {
    if (this.#state?.atEnd) return;
    const edge = await this.#page({ limit: PAGE }, (page, state, events) => {
      state.replace(page.items, false, events);
      this.#older = page.before === null ? "end" : "more";
      return this.#reached(page, state, events);
    });
    if (edge !== "failed") this.#newer = edge;
    this.changed();
  }

  async loadMembers(): Promise<void> {
    await this.#opening;
    const state = this.#state;
    if (!state || this.allMembers) return;
    const events: RoomEvent[] = [];
    this.#recording.add(events);
    try {
      const { api, people } = this.#around;
      const query = { cursor: this.#membersNext, limit: MEMBERS };
      const page = await api.get<Page<Member> & WithUsers>(`/rooms/${this.id}/members`, query);
      people.learn(page.users);
      if (state !== this.#state) return; // opened anew meanwhile
      state.meet(page.items, events);
      this.#membersNext = page.next;
    } finally {
      this.#recording.delete(events);
    }
    this.changed();
  }

  // What one does.

  say(text: string, files: readonly FileInfo[] = [], reply: Reply | null = null): void {
    this.#typedAt = 0;
    this.#around.outbox.add(this.id, text, files, reply);
    this.keepDraft({ text: "", reply: null });
  }

  retry(key: string): void {
    this.#around.outbox.retry(key);
  }

  discard(key: string): void {
    this.#around.outbox.discard(key);
  }

  keepDraft(draft: Draft): void {
    this.#around.drafts.set(this.id, draft);
    this.changed();
  }

  typed(): void {
    const now = Date.now();
    if (now - this.#typedAt < TYPED_MS) return;
    this.#typedAt = now;
    this.#around.wire.call("chat.typing", { room: this.id }).catch(() => undefined);
  }

  async wish(wish: Wish): Promise<number> {
    const data = { room: this.id, wish, key: newKey() };
    const done = await this.#around.wire.call<{ offset: number }>("chat.do", data);
    return done.offset;
  }

  markRead(message = this.messages.at(-1)?.id ?? 0): void {
    const { read, unread } = this.unread;
    if (!this.#me || message <= Math.max(read, this.#marked)) return;
    this.#marked = message;
    if (unread > 0 && this.#state?.atEnd && message === this.messages.at(-1)?.id) {
      this.#around.rooms.setUnread(this.id, { read: message, unread: 0, mentions: 0 });
    }
    this.#marking ??= setTimeout(() => void this.#mark(), MARK_MS);
  }

  async setPreferences(level: Level, muted: boolean): Promise<void> {
    const body = { level, muted };
    await this.#around.api.put(`/rooms/${this.id}/preferences`, body);
    this.#around.rooms.setPreferences(this.id, body);
  }

  async leave(): Promise<void> {
    await this.wish({ type: "leave" });
    this.#around.rooms.drop(this.id);
  }

  // What the rest of the core tells it.

  apply(offset: number | undefined, event: RoomEvent): void {
    if (offset === undefined) {
      if (event.type === "typing") this.#types(event["users"] as Id[]);
      return;
    }
    for (const events of this.#recording) events.push(event);
    if (!this.#state || this.#opening) {
      this.#held.push([offset, event]);
      return;
    }
    this.#apply(offset, event);
    this.changed();
  }

  /** The room is followed from that position on. */
  subscribed(position: Position, recovered: boolean): void {
    if (this.#status === "failed") void this.open();
    else if (!recovered && this.#state && position.offset > this.#state.info.offset)
      void this.open();
  }

  /** What the list of rooms or the outbox says about it has changed. */
  around(): void {
    this.changed();
  }

  ended(why: string): void {
    this.#status = "gone";
    this.#why = why;
    this.changed();
  }

  stop(): void {
    for (const timer of this.#typing.values()) clearTimeout(timer);
    this.#typing.clear();
    this.uploads.stop();
    if (this.#marking) void this.#mark();
  }

  async #open(): Promise<void> {
    const { api, people } = this.#around;
    try {
      const opened = await api.get<Opened>(`/rooms/${this.id}/open`);
      people.learn(opened.users);
      this.#opened(opened);
      void this.refreshPresence();
    } catch (error) {
      const problem = error as Problem;
      // What is there already stays: it is old, and says so by the state of the network.
      if (!this.#state || !problem.passing) {
        this.#status = problem.passing ? "failed" : "gone";
        this.#why = problem.message;
      }
    }
    this.changed();
  }

  #opened(opened: Opened): void {
    const again = this.#state !== null;
    this.#state = RoomState.of(opened);
    this.#status = "ready";
    this.#why = "";
    this.#me = opened.me;
    this.#rights = new Set(opened.rights);
    this.#ownUnread = opened.unread;
    this.#ownPreferences = opened.preferences;
    this.#older = opened.more ? "more" : "end";
    this.#newer = "end";
    this.#membersNext = undefined;
    this.#around.rooms.setUnread(this.id, opened.unread);
    if (!again) this.#firstUnread = this.#firstUnreadOf(opened);
    const held = this.#held;
    this.#held = [];
    for (const [offset, event] of held) this.#apply(offset, event);
  }

  #firstUnreadOf(opened: Opened): number | null {
    if (!opened.me || opened.unread.unread === 0) return null;
    const { read } = opened.unread;
    const first = opened.messages.find((one) => one.id > read && one.user !== this.#around.me);
    return first?.id ?? null;
  }

  #apply(offset: number, event: RoomEvent): void {
    const state = this.#state;
    if (!state || offset <= state.info.offset) return;
    if (offset > state.info.offset + 1) {
      this.#held.push([offset, event]);
      void this.open();
      return;
    }
    state.apply(offset, event);
    if (event.type === "message" && event.by) this.#typesNoMore(event.by);
    const mine = state.members.get(this.#around.me);
    if (this.#me || mine) this.#me = mine ?? (event["user"] === this.#around.me ? null : this.#me);
    const about = event["user"] ?? this.#around.me;
    const place = event.type === "changed" && event["kind"] !== undefined;
    if (place || (STANDING.has(event.type) && about === this.#around.me)) void this.#standing();
  }

  /** Ask again what one may do here. */
  async #standing(): Promise<void> {
    try {
      const seen = await this.#around.api.get<{ me: Member | null; rights: Right[] }>(
        `/rooms/${this.id}`,
      );
      this.#me = seen.me;
      this.#rights = new Set(seen.rights);
      this.changed();
    } catch {
      // Who may not see it any more is told so by the socket, too.
    }
  }

  /** Ask who is here. */
  async refreshPresence(): Promise<void> {
    try {
      const { states } = await this.#around.api.get<{ states: Record<Id, Presence> }>(
        `/rooms/${this.id}/presence`,
      );
      this.#around.people.setPresences(this.members.keys(), states);
    } catch {
      // It is asked for again with the next opening.
    }
  }

  /** Fetch a page, and put it where `use` says, which returns what is beyond it. */
  async #page(
    query: Record<string, number>,
    use: (page: Messages, state: RoomState, events: RoomEvent[]) => Edge,
  ): Promise<Edge> {
    const events: RoomEvent[] = [];
    const before = this.#state;
    this.#recording.add(events);
    try {
      const { api, people } = this.#around;
      const page = await api.get<Messages>(`/rooms/${this.id}/messages`, query);
      people.learn(page.users);
      const state = this.#state;
      if (!state || state !== before) return "more"; // opened anew meanwhile
      return use(page, state, events);
    } catch {
      return "failed";
    } finally {
      this.#recording.delete(events);
    }
  }

  /** What is beyond a page of newer messages. At the end, what came meanwhile belongs there, too. */
  #reached(page: Messages, state: RoomState, events: readonly RoomEvent[]): Edge {
    if (page.after !== null) return "more";
    // A message that came while the page was on its way may be missing from it.
    if (events.some((one) => one.type === "message")) return "more";
    state.atEnd = true;
    return "end";
  }

  async #mark(): Promise<void> {
    clearTimeout(this.#marking);
    this.#marking = undefined;
    try {
      const body = { offset: this.#marked };
      const unread = await this.#around.api.put<Unread>(`/rooms/${this.id}/read`, body);
      this.#around.rooms.setUnread(this.id, unread);
    } catch {
      this.#marked = 0; // the next time that something is read, it is told again
    }
  }

  #types(users: readonly Id[]): void {
    for (const user of users) {
      if (user === this.#around.me) continue;
      clearTimeout(this.#typing.get(user));
      const timer = setTimeout(() => this.#typesNoMore(user), TYPING_MS);
      this.#typing.set(user, timer);
    }
    this.changed();
  }

  #typesNoMore(user: Id): void {
    clearTimeout(this.#typing.get(user));
    if (this.#typing.delete(user)) this.changed();
  }
}
