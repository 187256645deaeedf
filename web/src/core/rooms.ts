/** The rooms that one is a member of, and what is unread there. */

import type { Api } from "./api";
import type { RoomEntry, RoomList as RoomListModel } from "./model";
import { newKey } from "./key";
import { wanted } from "./notify";
import { Source } from "./observable";
import type { People } from "./people";
import { RoomState } from "./fold";
import { Tally } from "./tally";
import type {
  Counted,
  Id,
  MyRoom,
  MyRooms,
  NewRoom,
  Preferences,
  RoomEvent,
  Unread,
} from "./types";
import type { Wire } from "./wire";

/** Rooms that one request marks as read. */
const MOST_MARKED = 200;

/** Who is told of the list. */
export interface ListKeeper {
  /** Rooms have come or gone. */
  changed(rooms: readonly Id[]): void;
  /** What is unread there may be something else. */
  unsure(room: Id): void;
}

/** A room as it is known. */
interface Kept extends Omit<MyRoom, "unread"> {
  readonly unread: Unread;
}

export class RoomList extends Source implements RoomListModel {
  readonly #api: Api;
  readonly #wire: Wire;
  readonly #people: People;
  readonly #me: Id;
  readonly #keeper: ListKeeper;
  readonly #entries = new Map<Id, Kept>();
  readonly #tallies = new Map<Id, Tally>();
  #sorted: { rooms: RoomEntry[]; conversations: RoomEntry[] } | null = null;
  #loaded = false;
  #loading: Promise<void> = Promise.resolve();
  #next: Promise<void> | null = null;

  constructor(api: Api, wire: Wire, people: People, me: Id, keeper: ListKeeper) {
    super();
    this.#api = api;
    this.#wire = wire;
    this.#people = people;
    this.#me = me;
    this.#keeper = keeper;
    people.subscribe(() => this.#update()); // conversations are called by their people
  }

  get loaded(): boolean {
    return this.#loaded;
  }

  get rooms(): readonly RoomEntry[] {
    return this.#split().rooms;
  }

  get conversations(): readonly RoomEntry[] {
    return this.#split().conversations;
  }

  get(id: Id): RoomEntry | undefined {
    return this.#entry(this.#entries.get(id));
  }

  get unread(): number {
    return this.#sum((one) => (wanted(one.preferences, false) ? one.unread.unread : 0));
  }

  get mentions(): number {
    return this.#sum((one) => {
      if (!wanted(one.preferences, true)) return 0;
      return one.room.kind === "direct" ? one.unread.unread : one.unread.mentions;
    });
  }

  async create(room: NewRoom): Promise<Id> {
    const key = newKey();
    const wish = { type: "create", ...room };
    const made = await this.#wire.call<{ room: Id }>("chat.create", { wish, key });
    await this.load();
    return made.room;
  }

  async join(id: Id): Promise<void> {
    await this.#api.post(`/rooms/${id}/join`);
    await this.load();
  }

  async enter(code: string): Promise<Id> {
    const entered = await this.#wire.call<{ room: Id }>("chat.enter", { code });
    await this.load();
    return entered.room;
  }

  async markAllRead(): Promise<void> {
    const unread = [...this.#entries.values()].filter((one) => one.unread.unread > 0);
    for (let begin = 0; begin < unread.length; begin += MOST_MARKED) {
      const some = unread.slice(begin, begin + MOST_MARKED);
      const rooms = some.map((one) => ({ room: one.room.id, offset: one.room.offset }));
      const { items } = await this.#api.put<{ items: (Counted & { room: Id })[] }>("/read", {
        rooms,
      });
      for (const one of items) this.setUnread(one.room, one);
    }
  }

  // What the rest of the core does with it.

  /** Have the list as the server has it from now on; one answer for all that ask together. */
  load(): Promise<void> {
    this.#next ??= this.#loading
      .catch(() => undefined)
      .then(() => {
        this.#next = null;
        return (this.#loading = this.#load());
      });
    return this.#next;
  }

  async #load(): Promise<void> {
    const found = await this.#api.get<MyRooms>("/rooms");
    this.#people.learn(found.users);
    const before = new Map(this.#entries);
    this.#entries.clear();
    for (const one of found.items) {
      this.#entries.set(one.room.id, this.#merged(before.get(one.room.id), one));
    }
    for (const id of this.#tallies.keys()) if (!this.#entries.has(id)) this.#tallies.delete(id);
    this.#loaded = true;
    this.#update();
    this.#keeper.changed([...this.#entries.keys()]);
  }

  /** A room, as it was known and as it was fetched. */
  #merged(known: Kept | undefined, fetched: MyRoom): Kept {
    const made: Kept = { ...fetched, unread: this.#taken(fetched.room.id, fetched.unread) };
    if (!known) return made;
    const { room, me } = known;
    // What was heard meanwhile is newer than what was asked for before.
    if (room.offset > fetched.room.offset) Object.assign(made, { room, me });
    return JSON.stringify(made) === JSON.stringify(known) ? known : made;
  }

  drop(id: Id): void {
    this.#tallies.delete(id);
    if (!this.#entries.delete(id)) return;
    this.#update();
    this.#keeper.changed([...this.#entries.keys()]);
  }

  /** Something happened in a room. True if it is a message that is unread now. */
  apply(id: Id, offset: number, event: RoomEvent): boolean {
    const entry = this.#entries.get(id);
    if (!entry || offset <= entry.room.offset) return false;
    const state = new RoomState(entry.room, [entry.me], []);
    state.apply(offset, event);
    const me = state.members.get(this.#me) ?? entry.me;
    const message = event.type === "message";
    const fresh = message && event.by !== this.#me && offset > entry.unread.read;
    const tally = this.#tallies.get(id);
    if (fresh) {
      const mentions = (event["mentions"] as Id[] | undefined) ?? [];
      tally?.hear(offset, mentions.includes(this.#me) || mentions.includes("*"));
    }
    const unread = tally?.now ?? entry.unread;
    // Something came while the list was fetched for the first time.
    if (offset > entry.room.offset + 1) this.#keeper.unsure(id);
    this.#entries.set(id, { ...entry, room: state.info, me, unread });
    this.#update();
    return fresh;
  }

  /** The server has counted. */
  setUnread(id: Id, counted: Counted): void {
    if (this.#entries.has(id)) this.#show(id, this.#taken(id, counted));
  }

  /** Everything that was heard of there is read, up to that message. */
  setRead(id: Id, message: number): void {
    const offset = this.#entries.get(id)?.room.offset;
    const tally = this.#tallies.get(id);
    if (!tally || offset === undefined) return;
    tally.put({ read: message, unread: 0, mentions: 0, offset });
    this.#show(id, tally.now);
  }

  #taken(id: Id, counted: Counted): Unread {
    const tally = this.#tallies.get(id) ?? new Tally(counted);
    this.#tallies.set(id, tally);
    tally.take(counted);
    return tally.now;
  }

  #show(id: Id, unread: Unread): void {
    const entry = this.#entries.get(id);
    if (!entry || entry.unread === unread) return;
    this.#entries.set(id, { ...entry, unread });
    this.#update();
  }

  setPreferences(id: Id, preferences: Preferences): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#entries.set(id, { ...entry, preferences });
    this.#update();
  }

  #sum(of: (one: Kept) => number): number {
    let sum = 0;
    for (const one of this.#entries.values()) sum += of(one);
    return sum;
  }

  #update(): void {
    this.#sorted = null;
    this.changed();
  }

  readonly #order = new Intl.Collator(undefined, { numeric: true });
  readonly #made = new Map<Id, { of: Kept; title: string; entry: RoomEntry }>();

  /** The entry as it comes out: the same object as long as nothing about it has changed. */
  #entry(kept: Kept | undefined): RoomEntry | undefined {
    if (!kept) return undefined;
    const others = kept.members.filter((user) => user !== this.#me);
    const title = this.#title(kept, others);
    const made = this.#made.get(kept.room.id);
    if (made?.of === kept && made.title === title) return made.entry;
    const { room: info, me, unread, preferences } = kept;
    const entry = { id: info.id, info, me, unread, preferences, others, title };
    this.#made.set(info.id, { of: kept, title, entry });
    return entry;
  }

  #title(kept: Kept, others: readonly Id[]): string {
    if (kept.room.kind !== "direct") return kept.room.name;
    const who = others.length > 0 ? others : [this.#me];
    return who.map((user) => this.#people.get(user).display).join(", ");
  }

  #split(): { rooms: RoomEntry[]; conversations: RoomEntry[] } {
    if (this.#sorted) return this.#sorted;
    const rooms: RoomEntry[] = [];
    const conversations: RoomEntry[] = [];
    for (const kept of this.#entries.values()) {
      const entry = this.#entry(kept) as RoomEntry;
      (entry.info.kind === "direct" ? conversations : rooms).push(entry);
    }
    rooms.sort((a, b) => this.#order.compare(a.title, b.title));
    conversations.sort((a, b) => b.info.last_at - a.info.last_at);
    this.#sorted = { rooms, conversations };
    return this.#sorted;
  }
}
