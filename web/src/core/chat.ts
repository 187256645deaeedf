/** The chat of who is signed in: everything that there is of it, joined together. */

import type { Api } from "./api";
import { Drafts } from "./drafts";
import type { Chat as ChatModel, RoomEntry } from "./model";
import { messageOf } from "./fold";
import { Network } from "./network";
import { Source } from "./observable";
import { type Entry, Outbox, type Shelf } from "./outbox";
import { People } from "./people";
import type { Problem } from "./problem";
import { Room } from "./room";
import { RoomList } from "./rooms";
import type {
  Id,
  Message,
  Messages,
  Preferences,
  Presence,
  Profile,
  RoomEvent,
  Session,
  Unread,
} from "./types";
import type { Position, Wire, WireState } from "./wire";

/** Rooms that are kept as they were looked at. */
const KEPT_ROOMS = 12;

/** How long to wait before the next look whether one is still signed in; doubled each time. */
const LOOK_MS = 2_000;
const LONGEST_LOOK_MS = 60_000;

/** Pages that are looked through for what may have been stored long ago. */
const STORED_PAGES = 20;

const PEOPLE = "people";
const ROOM = "room:";

export interface Parts {
  readonly api: Api;
  readonly wire: Wire;
  readonly session: Session;
  readonly shelf: Shelf;
  /** This tab's own word, the same after a reload. */
  readonly tab: string;
}

export class Chat extends Source implements ChatModel {
  readonly login: string;
  readonly network: Network;
  readonly people: People;
  readonly rooms: RoomList;
  readonly outbox: Outbox;
  readonly #api: Api;
  readonly #wire: Wire;
  readonly #id: Id;
  readonly drafts: Drafts;
  /** Rooms that were looked at, the last one last. */
  readonly #open = new Map<Id, Room>();
  /** Rooms that are followed, and what ends it. */
  readonly #followed = new Map<Id, () => void>();
  readonly #told = new Set<(message: Message, room: RoomEntry) => void>();
  readonly #ended = new Set<() => void>();
  readonly #stop: (() => void)[] = [];
  #look: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;
  #loading = false;
  #stale = false;
  #away = false;

  constructor(parts: Parts) {
    super();
    const { api, wire, session, shelf, tab } = parts;
    this.login = session.login;
    this.#api = api;
    this.#wire = wire;
    this.#id = session.user.id;
    this.drafts = new Drafts(shelf, this.#id);
    this.people = new People(api);
    this.people.learn([session.user]);
    this.people.subscribe(() => this.changed());
    this.outbox = new Outbox(shelf, this.#id, tab, {
      ready: (room) => this.network.followed(room),
      send: (entry) => this.#send(entry),
      stored: (entry) => this.#stored(entry),
    });
    this.network = new Network(
      () => wire.retry(),
      () => this.outbox.size,
    );
    this.rooms = new RoomList(api, wire, this.people, this.#id, (rooms) => this.#follow(rooms));
    this.rooms.subscribe(() => this.#show());
    this.outbox.subscribe(() => this.#show());
  }

  get me(): Profile {
    return this.people.get(this.#id);
  }

  /** Connect, and have the list of rooms. */
  start(): void {
    this.#wire.start({
      state: (state) => this.#connection(state),
      pushed: (channel, event) => this.#pushed(channel, event),
      missed: (channel) => this.#missed(channel),
      message: (data) => this.#message(data),
    });
    this.#load();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#look);
    for (const stop of this.#stop.splice(0)) stop();
    this.#wire.stop();
    this.network.stop();
    this.outbox.stop();
    for (const room of this.#open.values()) room.stop();
  }

  room(id: Id): Room {
    let room = this.#open.get(id);
    if (room) {
      this.#open.delete(id);
    } else {
      room = new Room(id, {
        api: this.#api,
        wire: this.#wire,
        me: this.#id,
        people: this.people,
        rooms: this.rooms,
        outbox: this.outbox,
        drafts: this.drafts,
      });
      this.#followRoom(id);
      void room.open();
    }
    this.#open.set(id, room);
    this.#close();
    return room;
  }

  setAway(away: boolean): void {
    if (away === this.#away) return;
    this.#away = away;
    this.#tellAway();
  }

  onMessage(told: (message: Message, room: RoomEntry) => void): () => void {
    this.#told.add(told);
    return () => this.#told.delete(told);
  }

  onEnded(told: () => void): () => void {
    this.#ended.add(told);
    return () => this.#ended.delete(told);
  }

  /** Have that called at the end. */
  onStop(stop: () => void): void {
    this.#stop.push(stop);
  }

  // The connection.

  #connection(state: WireState): void {
    this.network.setWire(state);
    if (state === "ended") void this.#stillSignedIn(LOOK_MS);
    if (state !== "connected") return;
    this.#load();
    if (this.#away) this.#tellAway();
    this.outbox.flush();
  }

  /** The server has ended the connection for good: go on, unless it is the login that has ended. */
  async #stillSignedIn(pause: number): Promise<void> {
    let session: Session | null = null;
    try {
      session = await this.#api.get<Session>("/session");
    } catch (error) {
      const problem = error as Problem;
      if (problem.passing && !this.#stopped) {
        const next = Math.min(2 * pause, LONGEST_LOOK_MS);
        this.#look = setTimeout(() => void this.#stillSignedIn(next), pause);
        return;
      }
    }
    if (this.#stopped) return;
    if (session?.user.id !== this.#id) for (const told of [...this.#ended]) told();
    else this.#look = setTimeout(() => this.#wire.retry(), pause);
  }

  #tellAway(): void {
    this.#wire.call("chat.away", { away: this.#away }).catch(() => undefined);
  }

  /** Have the list of rooms as it is now; as soon as a connection brings it. */
  #load(): void {
    this.#stale = true;
    if (this.#loading) return;
    this.#loading = true;
    void this.#loadStale().finally(() => {
      this.#loading = false;
    });
  }

  async #loadStale(): Promise<void> {
    while (this.#stale) {
      this.#stale = false;
      await this.rooms.load().catch(() => undefined);
    }
  }

  #pushed(channel: string, event: RoomEvent): void {
    if (channel === PEOPLE) {
      const user = event["user"] as Id;
      if (event.type === "presence") this.people.setPresence(user, event["state"] as Presence);
      else if (event.type === "user") this.people.renew(user);
      return;
    }
    const room = event["room"] as Id;
    if (event.type === "entered") this.#load();
    else if (event.type === "gone") this.#gone(room, (event["why"] as string | undefined) ?? "");
    else if (event.type === "preferences") {
      this.rooms.setPreferences(room, event as unknown as Preferences);
    }
  }

  #missed(channel: string): void {
    if (channel !== PEOPLE) this.#load();
    else for (const room of this.#open.values()) void room.refreshPresence();
  }

  #message(data: unknown): void {
    const { read } = data as { read?: { room: string; offset: number } };
    if (!read?.room.startsWith(ROOM)) return;
    const room = read.room.slice(ROOM.length);
    if (read.offset > (this.rooms.get(room)?.unread.read ?? 0)) void this.#unread(room);
  }

  async #unread(room: Id): Promise<void> {
    try {
      const { items } = await this.#api.get<{ items: (Unread & { room: Id })[] }>("/unread", {
        room,
      });
      for (const one of items) this.rooms.setUnread(one.room, one);
    } catch {
      // The next connection brings it.
    }
  }

  // Rooms.

  #follow(rooms: readonly Id[]): void {
    const wanted = new Set([...rooms, ...this.#open.keys()]);
    for (const id of [...this.#followed.keys()]) if (!wanted.has(id)) this.#unfollow(id);
    for (const id of rooms) this.#followRoom(id);
  }

  #followRoom(id: Id): void {
    if (this.#followed.has(id)) return;
    this.network.setRoom(id, false);
    const end = this.#wire.follow(ROOM + id, {
      subscribed: (position, recovered) => this.#subscribed(id, position, recovered),
      event: (offset, event) => this.#event(id, offset, event),
      ended: (why) => this.#gone(id, why),
    });
    this.#followed.set(id, end);
  }

  #unfollow(id: Id): void {
    this.#followed.get(id)?.();
    this.#followed.delete(id);
    this.network.dropRoom(id);
  }

  #subscribed(id: Id, position: Position, recovered: boolean): void {
    this.network.setRoom(id, true);
    this.#open.get(id)?.subscribed(position, recovered);
    const known = this.rooms.get(id)?.info.offset;
    if (!recovered && known !== undefined && position.offset > known) this.#load();
    this.outbox.flush();
  }

  #event(id: Id, offset: number | undefined, event: RoomEvent): void {
    this.#open.get(id)?.apply(offset, event);
    if (offset === undefined) return;
    if (event.type === "message" && event.by === this.#id && event["nonce"]) {
      this.outbox.done(event["nonce"] as string);
    }
    const fresh = this.rooms.apply(id, offset, event);
    const entry = this.rooms.get(id);
    if (fresh && entry) {
      const message = messageOf(offset, event);
      for (const told of this.#told) told(message, entry);
    }
  }

  #gone(id: Id, why: string): void {
    this.#unfollow(id);
    this.#open.get(id)?.ended(why);
    this.#open.delete(id);
    this.rooms.drop(id);
  }

  /** Let go of the rooms that were looked at longest ago. */
  #close(): void {
    for (const [id, room] of this.#open) {
      if (this.#open.size <= KEPT_ROOMS) return;
      if (room.uploads.items.length > 0) continue; // they are in no other place
      this.#open.delete(id);
      room.stop();
      if (!this.rooms.get(id)) this.#unfollow(id);
    }
  }

  /** Open rooms show what the list and the outbox know. */
  #show(): void {
    for (const room of this.#open.values()) room.around();
    this.network.around();
  }

  // What is on its way.

  async #send(entry: Entry): Promise<void> {
    const wish = {
      type: "say",
      text: entry.text,
      nonce: entry.key,
      ...(entry.reply && { reply: entry.reply.id }),
      ...(entry.files.length > 0 && { files: entry.files.map((one) => one.id) }),
    };
    await this.#wire.call("chat.do", { room: entry.room, wish, key: entry.key });
  }

  async #stored(entry: Entry): Promise<boolean> {
    let before: number | null = null;
    for (let page = 0; page < STORED_PAGES; page += 1) {
      const query: Record<string, number> = { limit: 200, ...(before !== null && { before }) };
      const found: Messages = await this.#api.get<Messages>(`/rooms/${entry.room}/messages`, query);
      if (found.items.some((one) => one.nonce === entry.key && one.user === this.#id)) return true;
      before = found.before;
      // A day to spare for clocks that are wrong.
      if (before === null || (found.items[0]?.at ?? 0) < entry.at - 86_400_000) return false;
    }
    return false;
  }
}
