/** The chat of who is signed in: everything that there is of it, joined together. */

import type { Api } from "./api";
import { Drafts } from "./drafts";
import { Edits } from "./edits";
import { messageOf } from "./fold";
import { Login } from "./login";
import { Markers } from "./markers";
import type { Chat as ChatModel, RoomEntry } from "./model";
import { Network } from "./network";
import { Source } from "./observable";
import { Outbox } from "./outbox";
import { People } from "./people";
import { Room } from "./room";
import { RoomList } from "./rooms";
import { isStored, sendMessage } from "./sending";
import type { Shelf } from "./shelf";
import type {
  Id,
  Message,
  Messages,
  Preferences,
  Presence,
  Profile,
  RoomEvent,
  Session,
} from "./types";
import type { Position, Wire, WireState } from "./wire";

/** Rooms that are kept as they were looked at. */
const KEPT_ROOMS = 12;

/** How long to wait before the list of rooms is fetched again that could not be. */
const AGAIN_MS = 3_000;

/** Conversations of which it is asked who is here. */
const SHOWN_CONVERSATIONS = 20;

/** How often guests, who are not told of it, ask who is here. */
export const LOOK_MS = 60_000;

/** Events after which what is unread may be less. */
const TAKING = new Set(["deleted", "edited", "expired"]);

const PEOPLE = "people";
const ROOM = "room:";

export interface Parts {
  readonly api: Api;
  readonly wire: Wire;
  readonly session: Session;
  readonly shelf: Shelf;
  /** This page's own word. */
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
  readonly #shelf: Shelf;
  readonly #id: Id;
  readonly drafts: Drafts;
  readonly #edits: Edits;
  readonly #markers: Markers;
  readonly #login: Login;
  /** Rooms that were looked at, the last one last. */
  readonly #open = new Map<Id, Room>();
  /** Rooms that are followed, and what ends it. */
  readonly #followed = new Map<Id, () => void>();
  /** Rooms that one was let into just now, and that are not followed yet. */
  readonly #entered = new Set<Id>();
  readonly #told = new Set<(message: Message, room: RoomEntry) => void>();
  readonly #ended = new Set<() => void>();
  readonly #stop: (() => void)[] = [];
  /** Of the connection that there is. */
  #lost = new AbortController();
  #again: ReturnType<typeof setTimeout> | undefined;
  #away = false;

  constructor(parts: Parts) {
    super();
    const { api, wire, session, shelf, tab } = parts;
    this.login = session.login;
    this.#api = api;
    this.#wire = wire;
    this.#shelf = shelf;
    this.#id = session.user.id;
    this.drafts = new Drafts(shelf, this.#id);
    this.#edits = new Edits(shelf, this.#id);
    this.people = new People(api);
    this.people.learn([session.user]);
    this.people.subscribe(() => this.changed());
    this.outbox = new Outbox(shelf, this.#id, tab, {
      ready: (room) => this.#ready(room),
      send: (entry) => sendMessage(api, entry, this.#lost.signal),
      stored: (entry) => isStored(api, this.#id, entry),
    });
    this.network = new Network(
      () => wire.retry(),
      () => this.outbox.size,
    );
    this.rooms = new RoomList(api, wire, this.people, this.#id, {
      changed: (rooms) => this.#follow(rooms),
      unsure: (room) => this.#markers.askLater(room),
    });
    this.#markers = new Markers(api, this.rooms);
    this.#login = new Login(
      api,
      this.#id,
      () => this.#tellEnded(),
      () => wire.retry(),
    );
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
    void this.#load();
    if (this.me.kind !== "guest") return;
    const looking = setInterval(() => this.#lookAround(), LOOK_MS);
    this.onStop(() => clearInterval(looking));
  }

  stop(): void {
    for (const stop of this.#stop.splice(0)) stop();
    clearTimeout(this.#again);
    this.#wire.stop();
    this.#login.stop();
    this.network.stop();
    this.outbox.stop();
    this.#markers.stop();
    this.#lost.abort();
    for (const room of this.#open.values()) room.stop();
  }

  room(id: Id): Room {
    let room = this.#open.get(id);
    if (room) this.#open.delete(id);
    else room = this.#made(id);
    this.#open.set(id, room);
    this.#followRoom(id);
    this.#close();
    return room;
  }

  setAway(away: boolean): void {
    if (away === this.#away) return;
    this.#away = away;
    this.#tellAway();
    // Who comes back does not want to wait for the next try.
    if (!away && this.network.state === "offline") this.network.retry();
    if (this.me.kind === "guest") this.#lookAround();
  }

  onMessage(told: (message: Message, room: RoomEntry) => void): () => void {
    this.#told.add(told);
    return () => this.#told.delete(told);
  }

  onEnded(told: () => void): () => void {
    this.#ended.add(told);
    return () => this.#ended.delete(told);
  }

  /** The page is left, and perhaps loaded anew. */
  leave(): void {
    for (const room of this.#open.values()) room.uploads.leave();
  }

  /** Have that called at the end. */
  onStop(stop: () => void): void {
    this.#stop.push(stop);
  }

  // The connection.

  #connection(state: WireState): void {
    this.network.setWire(state);
    if (state !== "connected") this.#lose();
    if (state === "ended") void this.#login.look();
    if (state !== "connected") return;
    this.#login.fine();
    void this.#load().then(() => this.#askPresence());
    if (this.#away) this.#tellAway();
    this.outbox.flush();
  }

  #lose(): void {
    this.#lost.abort();
    this.#lost = new AbortController();
  }

  #tellAway(): void {
    this.#wire.call("chat.away", { away: this.#away }).catch(() => undefined);
  }

  #tellEnded(): void {
    for (const told of [...this.#ended]) told();
  }

  /** Have the list of rooms as it is now. */
  async #load(): Promise<void> {
    clearTimeout(this.#again);
    try {
      await this.#markers.settle();
      await this.rooms.load();
      this.outbox.flush();
    } catch {
      // Without a connection, the next one has it loaded.
      if (this.network.connected) this.#again = setTimeout(() => void this.#load(), AGAIN_MS);
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
    if (event.type === "entered") {
      if (!this.network.followed(room)) this.#entered.add(room);
      void this.#load();
    } else if (event.type === "gone") this.#gone(room, (event["why"] as string | undefined) ?? "");
    else if (event.type === "preferences") {
      this.rooms.setPreferences(room, event as unknown as Preferences);
    }
  }

  #missed(channel: string): void {
    // Who is here is asked for with each connection.
    if (channel !== PEOPLE) void this.#load();
  }

  /** Who is here, of those that are shown. From then on changes are told. */
  #askPresence(): void {
    for (const room of this.#open.values()) void room.refreshPresence();
    for (const { id } of this.rooms.conversations.slice(0, SHOWN_CONVERSATIONS)) {
      void this.people.askPresence(id);
    }
  }

  /** Ask who is here of the room that is looked at. */
  #lookAround(): void {
    const room = [...this.#open.values()].at(-1);
    if (room && !this.#away && this.network.connected) void room.refreshPresence();
  }

  #message(data: unknown): void {
    const { read } = data as { read?: { room: string; offset: number } };
    if (!read?.room.startsWith(ROOM)) return;
    const room = read.room.slice(ROOM.length);
    const entry = this.rooms.get(room);
    if (entry && read.offset > entry.unread.read) void this.#markers.ask([room]);
  }

  // Rooms.

  #made(id: Id): Room {
    const room = new Room(id, {
      api: this.#api,
      wire: this.#wire,
      shelf: this.#shelf,
      me: this.#id,
      people: this.people,
      rooms: this.rooms,
      outbox: this.outbox,
      drafts: this.drafts,
      edits: this.#edits,
      markers: this.#markers,
      away: () => this.#away,
    });
    void room.open();
    return room;
  }

  #follow(rooms: readonly Id[]): void {
    const wanted = new Set([...rooms, ...this.#open.keys()]);
    this.#wire.together(() => {
      for (const id of [...this.#followed.keys()]) if (!wanted.has(id)) this.#unfollow(id);
      for (const id of rooms) this.#followRoom(id);
    });
  }

  #followRoom(id: Id): void {
    if (this.#followed.has(id)) return;
    this.network.setRoom(id, false);
    const end = this.#wire.follow(ROOM + id, {
      subscribed: (position, recovered) => this.#subscribed(id, position, recovered),
      event: (offset, event) => this.#event(id, offset, event),
      ended: (why, full) => (full ? this.#unfollow(id) : this.#gone(id, why)),
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
    this.#open.get(id)?.subscribed(position.offset, recovered);
    const known = this.rooms.get(id)?.info.offset;
    if (!recovered && known !== undefined && position.offset > known) void this.#load();
    if (this.#entered.delete(id)) void this.#tellLast(id, position.offset);
    this.outbox.flush();
  }

  #event(id: Id, offset: number | undefined, event: RoomEvent): void {
    this.#open.get(id)?.apply(offset, event);
    if (offset === undefined) return;
    if (event.by === this.#id && event["nonce"]) this.outbox.done(event["nonce"] as string);
    const fresh = this.rooms.apply(id, offset, event);
    const entry = this.rooms.get(id);
    if (!entry) return;
    const about = (event["message"] ?? event["before"] ?? 0) as number;
    if (TAKING.has(event.type) && about > entry.unread.read) this.#markers.askLater(id);
    if (fresh) this.#tell(messageOf(offset, event), entry);
  }

  #tell(message: Message, entry: RoomEntry): void {
    for (const told of [...this.#told]) told(message, entry);
  }

  /** Who begins a conversation writes before we follow it: tell of the last that was said by then. */
  async #tellLast(id: Id, offset: number): Promise<void> {
    if (offset <= (this.rooms.get(id)?.unread.read ?? 0)) return;
    const query = { before: offset + 1, limit: 1 };
    try {
      const [page] = await Promise.all([
        this.#api.get<Messages>(`/rooms/${id}/messages`, query),
        this.#markers.ask([id]), // what was said before one came is not unread
      ]);
      this.people.learn(page.users);
      const [message, entry] = [page.items.at(-1), this.rooms.get(id)];
      if (!message || !entry || message.id <= entry.unread.read) return;
      if (message.user !== this.#id && message.deleted_at === null) this.#tell(message, entry);
    } catch {
      // It is unread in the list all the same.
    }
  }

  /** It may not be followed any more. The socket and the user's channel both say so. */
  #gone(id: Id, why: string): void {
    this.#entered.delete(id);
    this.#unfollow(id);
    this.#open.get(id)?.ended(why);
    this.rooms.drop(id);
    this.outbox.flush();
  }

  /** Let go of the rooms that were looked at longest ago. */
  #close(): void {
    for (const [id, room] of this.#open) {
      if (this.#open.size <= KEPT_ROOMS) return;
      if (room.uploads.items.some((one) => !one.info)) continue; // they are in no other place
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

  /** Whether something can be sent there: not before the room is followed, if it is to be. */
  #ready(id: Id): boolean {
    if (!this.network.connected) return false;
    return this.network.followed(id) || (this.rooms.loaded && !this.#followed.has(id));
  }
}
