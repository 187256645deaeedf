/**
 * What the pages see of the chat: a model that is kept up to date by the server's events, with
 * everything that one can do to it. No part of it knows of pages or components.
 *
 * Objects that come out (messages, members, profiles, …) are never changed in place: what is the
 * same object is the same thing, and what has changed is another one.
 */

import type { Observable } from "./observable";
import type {
  FileInfo,
  Id,
  Level,
  Member,
  Message,
  NewRoom,
  Preferences,
  Presence,
  Profile,
  Reply,
  Right,
  RoomInfo,
  Unread,
  Wish,
} from "./types";

/** What the connection is at: `behind` while rooms are still catching up with what was missed. */
export type NetworkState = "connecting" | "offline" | "behind" | "online" | "ended";

export interface Network extends Observable {
  readonly state: NetworkState;
  /** While `behind`: rooms that have not caught up yet, and how many there were. */
  readonly left: number;
  readonly total: number;
  /** Messages of one's own that have not been sent. */
  readonly waiting: number;
  /** Try at once. */
  retry(): void;
}

/** Everybody that is known of. Asking for somebody unknown gives a stand-in, and fetches. */
export interface People extends Observable {
  get(id: Id): Profile;
  presence(id: Id): Presence;
  /** Something about a user is not what it was. */
  renew(id: Id): void;
  /** Accounts whose name or display begins with it, best first; from the server. */
  find(text: string, limit?: number): Promise<Profile[]>;
}

/** A room of one's own in the list. */
export interface RoomEntry {
  readonly id: Id;
  readonly info: RoomInfo;
  readonly me: Member;
  readonly unread: Unread;
  readonly preferences: Preferences;
  /** Of direct conversations: the others. */
  readonly others: readonly Id[];
  /** What it is called: the room's name, or the others' names. */
  readonly title: string;
}

export interface RoomList extends Observable {
  readonly loaded: boolean;
  /** All of them: rooms by title, conversations by the last message. */
  readonly rooms: readonly RoomEntry[];
  readonly conversations: readonly RoomEntry[];
  get(id: Id): RoomEntry | undefined;
  /** In rooms that are not muted and by their level: what title and icon say. */
  readonly unread: number;
  readonly mentions: number;
  create(room: NewRoom): Promise<Id>;
  /** Join a public room. */
  join(id: Id): Promise<void>;
  /** By the code of an invitation. */
  enter(code: string): Promise<Id>;
  markAllRead(): Promise<void>;
}

/** A message of one's own that is not in the room yet. */
export interface Pending {
  /** Also its nonce. */
  readonly key: string;
  readonly room: Id;
  readonly text: string;
  readonly reply: Reply | null;
  readonly files: readonly FileInfo[];
  readonly at: number;
  readonly state: "waiting" | "sending" | "failed";
  /** Why it failed, for people. */
  readonly why: string;
}

export type Edge = "more" | "loading" | "failed" | "end";

/** A room that is looked at. */
export interface Room extends Observable {
  readonly id: Id;
  readonly state: "loading" | "ready" | "gone" | "failed";
  /** Of `gone`: left, kicked, banned, private or nothing; or, as of `failed`, a problem's text. */
  readonly why: string;
  readonly info: RoomInfo;
  readonly title: string;
  readonly me: Member | null;
  may(right: Right): boolean;
  /** Those who look after the room and those who came first; `loadMembers` brings the others. */
  readonly members: ReadonlyMap<Id, Member>;
  readonly allMembers: boolean;
  readonly unread: Unread;
  readonly preferences: Preferences;
  readonly pinned: number;

  /** Messages in a row, by id. At the newer end of them there may be others that are not loaded. */
  readonly messages: readonly Message[];
  /** One's own on the way, to be shown behind the last. */
  readonly pending: readonly Pending[];
  readonly older: Edge;
  readonly newer: Edge;
  /** The id of the first message that was unread when the room was opened; null for none. */
  readonly firstUnread: number | null;
  readonly typing: readonly Id[];
  /** What was begun here and not sent, and what it answers. It survives a reload. */
  readonly draft: Draft;
  /** Files for the next message. */
  readonly uploads: Uploads;

  loadOlder(): Promise<void>;
  loadNewer(): Promise<void>;
  /** Have that message among `messages`. False where it is gone; throws `Problem`. */
  load(message: number): Promise<boolean>;
  /** Have the last messages, and follow them. Throws `Problem`. */
  loadLatest(): Promise<void>;
  /** Have more of the members, some hundreds at a time. Throws `Problem`. */
  loadMembers(): Promise<void>;

  /** At once among `pending`; sent as soon as can be, in order, and once. */
  say(text: string, files?: readonly FileInfo[], reply?: Reply | null): void;
  retry(key: string): void;
  discard(key: string): void;
  keepDraft(draft: Draft): void;
  /** What the message was to say when somebody stopped editing it; null for nothing else. */
  begunEdit(message: number): string | null;
  keepEdit(message: number, text: string | null): void;
  /** To be called while somebody types; sends at most every three seconds. */
  typed(): void;

  /** Shown at once, and taken back where the server refuses it. Throws `Problem`. */
  react(message: number, emoji: string, mine: boolean): Promise<void>;
  pin(message: number, pinned: boolean): Promise<void>;
  /** Whatever else one may wish. Throws `Problem`. */
  wish(wish: Wish): Promise<number>;
  /** Everything up to that message was read (by default up to the last). */
  markRead(message?: number): void;
  setPreferences(level: Level, muted: boolean): Promise<void>;
  leave(): Promise<void>;
}

/** A file on its way to be sent with a message. */
export interface Upload {
  readonly key: string;
  /** Null after a reload: the page has it no more. */
  readonly file: File | null;
  readonly name: string;
  readonly size: number;
  readonly state: "waiting" | "sending" | "done" | "failed";
  /** Bytes that have gone. */
  readonly sent: number;
  /** Why it failed, for people. */
  readonly why: string;
  /** As soon as it is there. */
  readonly info: FileInfo | null;
}

export interface Uploads extends Observable {
  readonly items: readonly Upload[];
  /** Whether something is still on its way. */
  readonly busy: boolean;
  /** Those that are there. */
  readonly files: readonly FileInfo[];
  /** Bring these: as many, and as large, as the server takes. */
  add(files: Iterable<File>): void;
  /** Take it out, wherever it is at. */
  remove(key: string): void;
  retry(key: string): void;
  /** Those that are there, to be said; they are not among the items any more. */
  take(): readonly FileInfo[];
}

export interface Draft {
  readonly text: string;
  readonly reply: Reply | null;
}

/** Rooms where something was begun and not sent. */
export interface Drafts extends Observable {
  has(room: Id): boolean;
}

/** The chat of who is signed in. */
export interface Chat extends Observable {
  readonly me: Profile;
  readonly login: string;
  readonly network: Network;
  readonly people: People;
  readonly rooms: RoomList;
  readonly drafts: Drafts;
  /** The room with that id: kept, and followed, as long as it is among those used last. */
  room(id: Id): Room;
  /** Whether the page is seen, and somebody is there: presence, and what is marked as read. */
  setAway(away: boolean): void;
  /** Have `told` called for each message that comes in now, with the room's entry. */
  onMessage(told: (message: Message, room: RoomEntry) => void): () => void;
  /** Have `told` called when the login has ended: only signing in again helps. */
  onEnded(told: () => void): () => void;
  /** End everything: sockets, timers. What is pending stays stored. */
  stop(): void;
}
