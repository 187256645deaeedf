/** A room that is looked at: what it is, and what one can do there. */

import type { Api } from "./api";
import { AttachedFiles } from "./attached";
import { bringBy } from "./bring";
import { Deeds } from "./deeds";
import type { Drafts } from "./drafts";
import type { Edits } from "./edits";
import { PAGE } from "./history";
import { newKey } from "./key";
import type { Markers } from "./markers";
import type { Draft, Edge, Pending, Room as RoomModel } from "./model";
import { Source } from "./observable";
import type { Outbox } from "./outbox";
import type { People } from "./people";
import type { Problem } from "./problem";
import type { RoomList } from "./rooms";
import type { Shelf } from "./shelf";
import type {
  FileInfo,
  Id,
  Level,
  Member,
  Message,
  Opened,
  Preferences,
  Reply,
  Right,
  RoomEvent,
  RoomInfo,
  Unread,
  Wish,
} from "./types";
import { Typing } from "./typing";
import { Upkeep } from "./upkeep";
import { type Files, Uploads } from "./uploads";
import type { Wire } from "./wire";

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

const MISSING = 404;

const NOBODY: ReadonlyMap<Id, Member> = new Map();

/** What a room needs of the rest. */
export interface Around {
  readonly api: Api;
  readonly wire: Wire;
  readonly shelf: Shelf;
  readonly me: Id;
  readonly people: People;
  readonly rooms: RoomList;
  readonly outbox: Outbox;
  readonly drafts: Drafts;
  readonly edits: Edits;
  readonly markers: Markers;
  /** Whether nobody is there to read what comes. */
  away(): boolean;
}

export class Room extends Source implements RoomModel {
  readonly id: Id;
  readonly uploads: Uploads;
  readonly #around: Around;
  readonly #upkeep: Upkeep;
  readonly #typing: Typing;
  readonly #deeds: Deeds;
  #ownUnread: Unread = { read: 0, unread: 0, mentions: 0 };
  #ownPreferences: Preferences = { level: "all", muted: false };
  #firstUnread: number | null = null;

  constructor(id: Id, around: Around) {
    super();
    const { api, me, people, shelf } = around;
    this.id = id;
    this.#around = around;
    this.uploads = new Uploads(filesOf(api), new AttachedFiles(shelf, me, id));
    this.#typing = new Typing(me, () => this.changed());
    this.#deeds = new Deeds(
      api,
      id,
      me,
      (message) => this.#upkeep.state?.get(message),
      () => this.changed(),
    );
    this.#upkeep = new Upkeep(api, id, me, {
      learn: (users) => people.learn(users),
      opened: (opened, again) => this.#opened(opened, again),
      happened: (offset, event) => this.#happened(offset, event),
      changed: () => this.changed(),
    });
  }

  /** Somebody comes to look at it: what is new to them? */
  override subscribe(told: () => void): () => void {
    if (!this.watched) {
      if (this.state === "gone") void this.open();
      else if (this.state === "ready") void this.#findFirstUnread();
    }
    return super.subscribe(told);
  }

  get state(): RoomModel["state"] {
    return this.#upkeep.status;
  }

  get why(): string {
    return this.#upkeep.why;
  }

  get info(): RoomInfo {
    return this.#upkeep.state?.info ?? this.#around.rooms.get(this.id)?.info ?? NOWHERE;
  }

  get title(): string {
    return this.#around.rooms.get(this.id)?.title ?? this.info.name;
  }

  get me(): Member | null {
    return this.#upkeep.standing.me;
  }

  may(right: Right): boolean {
    return this.#upkeep.standing.rights.has(right);
  }

  get members(): ReadonlyMap<Id, Member> {
    return this.#upkeep.state?.members ?? NOBODY;
  }

  get allMembers(): boolean {
    return this.#upkeep.allMembers;
  }

  get unread(): Unread {
    return this.#around.rooms.get(this.id)?.unread ?? this.#ownUnread;
  }

  get preferences(): Preferences {
    return this.#around.rooms.get(this.id)?.preferences ?? this.#ownPreferences;
  }

  get pinned(): number {
    return this.#upkeep.state?.pinned ?? 0;
  }

  get messages(): readonly Message[] {
    return this.#deeds.over(this.#upkeep.history.messages);
  }

  get pending(): readonly Pending[] {
    return this.#around.outbox.of(this.id);
  }

  get older(): Edge {
    return this.#upkeep.history.older;
  }

  get newer(): Edge {
    return this.#upkeep.history.newer;
  }

  get firstUnread(): number | null {
    return this.#firstUnread;
  }

  get typing(): readonly Id[] {
    return this.#typing.users;
  }

  get draft(): Draft {
    return this.#around.drafts.get(this.id);
  }

  // Pages.

  loadOlder(): Promise<void> {
    return this.#upkeep.history.loadOlder();
  }

  loadNewer(): Promise<void> {
    return this.#upkeep.history.loadNewer();
  }

  async load(message: number): Promise<boolean> {
    await this.#upkeep.settled();
    return this.#upkeep.history.load(message);
  }

  async loadLatest(): Promise<void> {
    await this.#upkeep.settled();
    return this.#upkeep.history.loadLatest();
  }

  loadMembers(): Promise<void> {
    return this.#upkeep.loadMembers();
  }

  // What one does.

  say(text: string, files: readonly FileInfo[] = [], reply: Reply | null = null): void {
    this.#typing.done();
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

  begunEdit(message: number): string | null {
    return this.#around.edits.get(this.id, message);
  }

  keepEdit(message: number, text: string | null): void {
    this.#around.edits.set(this.id, message, text);
  }

  typed(): void {
    if (!this.#typing.due()) return;
    this.#around.wire.call("chat.typing", { room: this.id }).catch(() => undefined);
  }

  async wish(wish: Wish): Promise<number> {
    const data = { room: this.id, wish, key: newKey() };
    const done = await this.#around.wire.call<{ offset: number }>("chat.do", data);
    return done.offset;
  }

  react(message: number, emoji: string, mine: boolean): Promise<void> {
    return this.#deeds.do(mine ? "reacted" : "unreacted", message, emoji);
  }

  pin(message: number, pinned: boolean): Promise<void> {
    return this.#deeds.do(pinned ? "pinned" : "unpinned", message);
  }

  markRead(message = this.messages.at(-1)?.id ?? 0): void {
    const { rooms, markers } = this.#around;
    if (!this.me || message <= this.unread.read) return;
    const all = this.#upkeep.state?.atEnd && message === this.messages.at(-1)?.id;
    if (all) rooms.setRead(this.id, message);
    markers.mark(this.id, message);
  }

  async setPreferences(level: Level, muted: boolean): Promise<void> {
    const body = { level, muted };
    await this.#around.api.put(`/rooms/${this.id}/preferences`, body);
    this.#ownPreferences = body;
    this.#around.rooms.setPreferences(this.id, body);
    this.changed();
  }

  async leave(): Promise<void> {
    await this.wish({ type: "leave" });
    this.#around.rooms.drop(this.id);
  }

  // What the rest of the core tells it.

  open(): Promise<void> {
    return this.#upkeep.open();
  }

  apply(offset: number | undefined, event: RoomEvent): void {
    if (offset !== undefined) this.#upkeep.take(offset, event);
    else if (event.type === "typing") this.#typing.hear(event["users"] as Id[]);
  }

  /** The room is followed from that position on. */
  subscribed(offset: number, recovered: boolean): void {
    this.#upkeep.followed(offset, recovered);
    this.#deeds.again();
  }

  /** What the list of rooms or the outbox says about it has changed. */
  around(): void {
    this.changed();
  }

  /** It may not be seen any more. */
  ended(why: string): void {
    this.#typing.stop();
    this.#upkeep.ended(why);
    this.#deeds.again();
  }

  /** Ask who is here. */
  refreshPresence(): Promise<void> {
    return this.#around.people.askPresence(this.id, this.members.keys());
  }

  stop(): void {
    this.#typing.stop();
    this.#deeds.stop();
    this.#upkeep.stop();
    this.uploads.stop();
  }

  #opened(opened: Opened, again: boolean): void {
    const { rooms, outbox, me } = this.#around;
    this.#ownUnread = opened.unread;
    this.#ownPreferences = opened.preferences;
    rooms.setUnread(this.id, opened.unread);
    this.#deeds.fetched();
    for (const one of opened.messages) if (one.user === me) outbox.done(one.nonce);
    if (!again) void this.#findFirstUnread();
    void this.refreshPresence();
  }

  #happened(offset: number, event: RoomEvent): void {
    this.#deeds.happened(event);
    if (event.type === "deleted") this.keepEdit(event["message"] as number, null);
    if (event.type !== "message") return;
    if (event.by) this.#typing.said(event.by);
    if (event.by === this.#around.me) {
      this.uploads.said((event["files"] as FileInfo[] | undefined) ?? []);
      this.#around.outbox.done((event["nonce"] as string | undefined) ?? "");
    } else if (this.me && (!this.watched || this.#around.away())) {
      // What comes while nobody looks is the first that is unread.
      const before = this.#firstUnread ?? 0;
      if (before <= this.unread.read) this.#firstUnread = offset;
    }
  }

  async #findFirstUnread(): Promise<void> {
    const { unread, messages } = this;
    const others = (one: Message) => one.id > unread.read && one.user !== this.#around.me;
    const some = this.me !== null && unread.unread > 0;
    const first = some ? (messages.find(others)?.id ?? null) : null;
    this.#firstUnread = first;
    this.changed();
    if (first === null || first !== messages[0]?.id || this.older === "end") return;
    // There may be more before it.
    const query = { after: unread.read, limit: PAGE };
    const page = await this.#upkeep.messages(query).catch(() => null);
    if (this.#firstUnread !== first) return; // somebody else came to look
    this.#firstUnread = page?.items.find(others)?.id ?? first;
    this.changed();
  }
}

function filesOf(api: Api): Files {
  return {
    bring: bringBy(api),
    discard: (file) => api.delete(`/files/${file}`),
    has: (file) =>
      api.ask("HEAD", `/files/${file}`).then(
        () => true,
        (problem: Problem) => problem.status !== MISSING,
      ),
  };
}
