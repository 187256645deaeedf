import { Chat } from "../../../src/core/chat";
import { messageOf } from "../../../src/core/fold";
import type {
  Counted,
  Member,
  Message,
  MyRoom,
  Opened,
  Profile,
  RoomInfo,
} from "../../../src/core/types";
import { type Asked, FakeServer, settle } from "./api";
import { roomInfo } from "./histories";
import { FakeShelf } from "./shelf";
import { FakeWire } from "./wire";

export const ME: Member = { user: "me", role: "owner", muted_until: 0 };
export const ANN: Member = { user: "ann", role: "member", muted_until: 0 };

export function profile(id: string, change: Partial<Profile> = {}): Profile {
  return {
    id,
    name: id,
    display: id.toUpperCase(),
    kind: "person",
    admin: false,
    status: "",
    avatar: "",
    initials: "",
    color: "",
    created_at: 1,
    disabled: false,
    ...change,
  };
}

export function myRoom(id: string, change: Partial<RoomInfo> = {}, unread = 0, read = 0): MyRoom {
  const room = roomInfo({ id, name: id, people: 2, offset: 10, ...change });
  return {
    room,
    me: ME,
    unread: { read, unread, mentions: 0, offset: room.offset },
    preferences: { level: "all", muted: false },
    members: change.kind === "direct" ? ["me", "ann"] : [],
  };
}

export function said(id: number, user = "ann", more: object = {}): Message {
  return messageOf(id, { type: "message", by: user, at: id, text: `m${id}`, ...more });
}

export function opened(one: MyRoom, messages: Message[], more = false): Opened {
  return {
    room: one.room,
    me: one.me,
    rights: ["read", "say", "react"],
    members: [ME, ANN],
    messages,
    more,
    pinned: 0,
    users: [profile("ann")],
    unread: one.unread,
    preferences: one.preferences,
    epoch: "e",
  };
}

/** A chat, with the test as its server: `rooms` is the list, `pages` are the rooms' first pages. */
export class Stage {
  readonly server = new FakeServer();
  readonly wire = new FakeWire();
  readonly shelf = new FakeShelf();
  readonly chat: Chat;
  rooms: MyRoom[] = [];
  readonly pages = new Map<string, Opened>();
  /** What is answered besides, by "GET /unread" and its like; null for nothing. */
  readonly answers = new Map<string, (asked: Asked) => void>();

  constructor(me = profile("me")) {
    this.server.answer = (asked) => this.#answer(asked);
    this.chat = new Chat({
      api: this.server.api,
      wire: this.wire,
      session: { user: me, login: "l" },
      shelf: this.shelf,
      tab: "t",
    });
  }

  /** Connected, with the rooms followed from where they are. */
  async start(...rooms: MyRoom[]): Promise<void> {
    this.rooms = rooms;
    this.chat.start();
    await settle();
    this.wire.connect();
    await settle();
    for (const { room } of rooms) this.wire.subscribed(room.id, room.offset);
    await settle();
  }

  /** How often that was asked for. */
  asked(what: string): number {
    return this.server.log.filter((one) => one === what).length;
  }

  #answer(asked: Asked): void {
    const what = `${asked.method} ${asked.path}`;
    const own = this.answers.get(what);
    if (own) return own(asked);
    if (what === "GET /rooms") return asked.answer({ items: this.rooms, users: [profile("ann")] });
    if (what.endsWith("/presence")) return asked.answer({ states: {} });
    if (what === "GET /users") return asked.answer({ items: [], next: null });
    if (what === "GET /unread") return asked.answer({ items: this.#unread(asked) });
    const page = /^GET \/rooms\/(\w+)\/open$/.exec(what)?.[1];
    const found = this.pages.get(page ?? "");
    if (found) asked.answer(found);
    else asked.answer({ type: "/problems/none", title: "It is not there", status: 404 }, 404);
  }

  #unread(asked: Asked): (Counted & { room: string })[] {
    const of = asked.query.get("room");
    return this.rooms
      .filter((one) => one.room.id === of)
      .map((one) => ({ room: one.room.id, ...one.unread }));
  }
}
