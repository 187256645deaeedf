/**
 * What a room is, after its events: the first page that the server gave, and each event since
 * (docs/reference/chat-events.md). Objects are replaced, never changed.
 */

import type {
  FileInfo,
  Id,
  Member,
  Message,
  Opened,
  Reaction,
  Reply,
  Role,
  RoomEvent,
  RoomInfo,
} from "./types";

/** An event, with its offset in the room's log. */
export type Happened = readonly [offset: number, event: RoomEvent];

const CHANGES = ["name", "slug", "topic", "kind", "slow", "keep"] as const;

export class RoomState {
  info: RoomInfo;
  members: ReadonlyMap<Id, Member>;
  /** In a row, by id. */
  messages: readonly Message[];
  /** Whether `messages` go on to the latest: only then new ones are added. */
  atEnd = true;
  /** Messages that are pinned. */
  pinned: number;
  /** Whether `pinned` may be off, because of messages that were not loaded. */
  unsure = false;
  /** Whether `members` are all of them. */
  everybody: boolean;

  constructor(info: RoomInfo, members: readonly Member[], messages: readonly Message[]) {
    this.info = info;
    this.members = new Map(members.map((one) => [one.user, one]));
    this.messages = messages;
    this.everybody = members.length === info.people;
    this.pinned = messages.filter((one) => one.pinned_at !== null).length;
  }

  static of(opened: Opened): RoomState {
    const state = new RoomState(opened.room, opened.members, opened.messages);
    state.pinned = opened.pinned;
    return state;
  }

  get(id: number): Message | undefined {
    const found = this.messages[this.#place(id)];
    return found?.id === id ? found : undefined;
  }

  /** Bring the room up to the event with that offset; one that it has already changes nothing. */
  apply(offset: number, event: RoomEvent): void {
    if (offset <= this.info.offset) return;
    this.#room(offset, event);
    this.members = membersAfter(this.members, event);
    this.messages = this.#after(this.messages, event);
    this.info = { ...this.info, offset };
  }

  /**
   * Put a page before or behind what there is, brought up to `events` that came while it was
   * fetched. `atEnd` says that there was nothing behind it.
   */
  join(
    page: readonly Message[],
    side: "before" | "after",
    events: readonly Happened[],
    atEnd = false,
  ): void {
    const fresh = this.#broughtUp(page, events, atEnd).filter((one) => !this.get(one.id));
    this.messages = side === "before" ? [...fresh, ...this.messages] : [...this.messages, ...fresh];
    this.atEnd ||= atEnd;
  }

  /** Show other messages instead. */
  replace(page: readonly Message[], atEnd: boolean, events: readonly Happened[]): void {
    this.messages = this.#broughtUp(page, events, atEnd);
    this.atEnd = atEnd;
  }

  /** Know of more members, brought up to `events`. `all` says that these were the last. */
  meet(page: readonly Member[], events: readonly Happened[], all: boolean): void {
    let fresh: ReadonlyMap<Id, Member> = new Map(page.map((one) => [one.user, one]));
    for (const [, event] of events) fresh = membersAfter(fresh, event);
    this.members = new Map([
      ...this.members,
      ...[...fresh].filter(([id]) => !this.members.has(id)),
    ]);
    this.everybody ||= all;
  }

  #broughtUp(
    page: readonly Message[],
    events: readonly Happened[],
    atEnd: boolean,
  ): readonly Message[] {
    let messages = page;
    for (const [offset, event] of events) {
      if (atEnd && event.type === "message") messages = added(messages, offset, event);
      messages = this.#after(messages, event);
    }
    return messages;
  }

  /** The index of the first message with that id or a higher one. */
  #place(id: number): number {
    let low = 0;
    let high = this.messages.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.messages[middle]?.id ?? 0) < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** What the event does to the room and to its end. */
  #room(offset: number, event: RoomEvent): void {
    const at = event.at ?? 0;
    switch (event.type) {
      case "changed": {
        const changes = CHANGES.filter((name) => event[name] !== undefined);
        this.info = {
          ...this.info,
          ...Object.fromEntries(changes.map((name) => [name, event[name]])),
        };
        this.info.keep ||= null;
        break;
      }
      case "archived":
        this.info = { ...this.info, archived_at: at };
        break;
      case "restored":
        this.info = { ...this.info, archived_at: null };
        break;
      case "joined":
        this.#people(1);
        break;
      case "left":
      case "kicked":
        this.#people(-1);
        break;
      case "banned":
        if (event["member"]) this.#people(-1); // one may be banned who never was here
        break;
      case "message":
        this.info = { ...this.info, last_at: at };
        if (this.atEnd) this.messages = added(this.messages, offset, event);
        break;
      case "gone":
        if (at) this.info = { ...this.info, last_at: at };
        break;
      case "pinned":
        this.pinned += 1;
        break;
      case "unpinned":
        this.pinned = Math.max(0, this.pinned - 1);
        break;
      case "deleted": {
        const message = this.get(event["message"] as number);
        if (message?.pinned_at) this.pinned -= 1;
        else this.unsure = !message && this.pinned > 0;
        break;
      }
      case "expired":
        this.unsure = this.pinned > 0;
        break;
    }
  }

  #people(more: number): void {
    this.info = { ...this.info, people: this.info.people + more };
  }

  /** What the event makes of messages that are there. */
  #after(messages: readonly Message[], event: RoomEvent): readonly Message[] {
    if (event.type === "expired") {
      const before = event["before"] as number;
      return messages
        .filter((one) => one.id >= before)
        .map((one) => (one.reply && one.reply.id < before ? emptied(one) : one));
    }
    const about = event["message"];
    if (typeof about !== "number") return messages;
    let changed = false;
    const made = messages.map((one) => {
      const after =
        event.type === "deleted" && one.reply?.id === about
          ? // Also of one that is not there, because it is from before the first page.
            emptied(one)
          : one.id === about && one.deleted_at === null
            ? changedBy(one, event)
            : one;
      changed ||= after !== one;
      return after;
    });
    return changed ? made : messages;
  }
}

/** What the event makes of members. */
function membersAfter(members: ReadonlyMap<Id, Member>, event: RoomEvent): ReadonlyMap<Id, Member> {
  const user = event["user"] as Id;
  const member = members.get(user);
  switch (event.type) {
    case "joined":
      return new Map(members).set(user, { user, role: event["role"] as Role, muted_until: 0 });
    case "left":
    case "kicked":
    case "banned": {
      const others = new Map(members);
      return others.delete(user) ? others : members;
    }
    case "muted":
    case "unmuted": {
      const muted_until = (event["until"] as number | undefined) ?? 0;
      return member ? new Map(members).set(user, { ...member, muted_until }) : members;
    }
    case "appointed":
      return member
        ? new Map(members).set(user, { ...member, role: event["role"] as Role })
        : members;
    default:
      return members;
  }
}

function added(messages: readonly Message[], offset: number, event: RoomEvent): readonly Message[] {
  return offset > (messages.at(-1)?.id ?? 0) ? [...messages, messageOf(offset, event)] : messages;
}

/** A message that is not deleted, after an event about it. */
export function changedBy(message: Message, event: RoomEvent): Message {
  const at = event.at ?? 0;
  const by = event.by ?? "";
  switch (event.type) {
    case "edited":
      return event["text"] === undefined
        ? { ...message, edited_at: at }
        : {
            ...message,
            text: event["text"] as string,
            mentions: (event["mentions"] as Id[] | undefined) ?? [],
            edited_at: at,
          };
    case "deleted":
      return {
        ...message,
        text: "",
        files: [],
        mentions: [],
        reactions: [],
        pinned_at: null,
        deleted_at: at,
        deleted_by: by,
      };
    case "reacted":
      return { ...message, reactions: reacted(message.reactions, event["emoji"] as string, by) };
    case "unreacted":
      return { ...message, reactions: unreacted(message.reactions, event["emoji"] as string, by) };
    case "pinned":
      return { ...message, pinned_at: at };
    case "unpinned":
      return { ...message, pinned_at: null };
    default:
      return message;
  }
}

function emptied(message: Message): Message {
  return message.reply?.text ? { ...message, reply: { ...message.reply, text: "" } } : message;
}

function reacted(reactions: readonly Reaction[], emoji: string, by: Id): Reaction[] {
  const there = reactions.find((one) => one.emoji === emoji);
  if (there?.users.includes(by)) return [...reactions];
  const users = [...(there?.users ?? []), by];
  const others = reactions.filter((one) => one !== there);
  return [...others, { emoji, users }].sort((a, b) => byCodePoint(a.emoji, b.emoji));
}

function unreacted(reactions: readonly Reaction[], emoji: string, by: Id): Reaction[] {
  return reactions
    .map((one) =>
      one.emoji === emoji ? { emoji, users: one.users.filter((user) => user !== by) } : one,
    )
    .filter((one) => one.users.length > 0);
}

/** As the server orders them: by code points, where JavaScript's own order is by UTF-16 units. */
function byCodePoint(a: string, b: string): number {
  const [these, those] = [[...a], [...b]];
  for (let index = 0; index < Math.min(these.length, those.length); index += 1) {
    const difference = (these[index]?.codePointAt(0) ?? 0) - (those[index]?.codePointAt(0) ?? 0);
    if (difference) return difference;
  }
  return these.length - those.length;
}

/** The message that the event with that offset tells of. */
export function messageOf(offset: number, event: RoomEvent): Message {
  const reply = event["reply"] as (Partial<Reply> & { id: number; user: Id }) | undefined;
  const files = (event["files"] as (Partial<FileInfo> & FileInfo)[] | undefined) ?? [];
  return {
    id: offset,
    user: event.by ?? "",
    at: event.at ?? 0,
    text: (event["text"] as string | undefined) ?? "",
    reply: reply ? { ...reply, text: reply.text ?? "" } : null,
    files: files.map((one) => ({
      ...one,
      width: one.width ?? null,
      height: one.height ?? null,
      preview: one.preview ?? false,
    })),
    mentions: (event["mentions"] as Id[] | undefined) ?? [],
    reactions: [],
    nonce: (event["nonce"] as string | undefined) ?? "",
    edited_at: null,
    deleted_at: null,
    deleted_by: null,
    pinned_at: null,
  };
}
