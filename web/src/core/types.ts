/**
 * The shapes of the chat's HTTP API and of its events (docs/reference/chat-api.md, chat-events.md).
 * Times are Unix milliseconds.
 */

export type Id = string;

export type Kind = "person" | "guest" | "bot";
export type RoomKind = "public" | "private" | "direct";
export type Role = "owner" | "moderator" | "member" | "guest";
export type Level = "all" | "mentions" | "nothing";
export type Presence = "online" | "away" | "offline";
export type SignUpMode = "open" | "invitation" | "closed";

/** What one may do in a room: `rights` of a room that was opened. */
export type Right =
  | "read"
  | "join"
  | "leave"
  | "say"
  | "mention_room"
  | "react"
  | "edit"
  | "delete"
  | "delete_others"
  | "pin"
  | "add"
  | "invite"
  | "kick"
  | "ban"
  | "mute"
  | "topic"
  | "slow"
  | "change"
  | "archive"
  | "appoint"
  | "audit"
  | "export"
  | "hook";

/** An account as everybody may see it; `name` is what it is mentioned by, null for guests. */
export interface Profile {
  id: Id;
  name: string | null;
  display: string;
  kind: Kind;
  admin: boolean;
  status: string;
  avatar: string;
  initials: string;
  color: string;
  created_at: number;
  disabled: boolean;
}

export interface Session {
  user: Profile;
  login: string;
}

export interface Provider {
  id: string;
  name: string;
  path: string;
}

/** How large things may be: bytes of a file, and files and characters of a message. */
export interface Limits {
  file_bytes: number;
  files: number;
  text: number;
}

/** What there is to know of the server before signing in. */
export interface Server {
  name: string;
  sign_up: SignUpMode;
  guests: boolean;
  set_up: boolean;
  providers: Provider[];
  limits: Limits;
}

/** What the code of a link is good for, and whose password it sets. */
export interface PassLook {
  purpose: "administrator" | "account" | "password";
  user: Profile | null;
  expires_at: number | null;
}

export interface RoomInfo {
  id: Id;
  kind: RoomKind;
  name: string;
  slug: string | null;
  topic: string;
  slow: number;
  keep: number | null;
  by: Id;
  created_at: number;
  archived_at: number | null;
  people: number;
  last_at: number;
  offset: number;
}

export interface Member {
  user: Id;
  role: Role;
  muted_until: number;
}

export interface Reply {
  id: number;
  user: Id;
  text: string;
}

export interface FileInfo {
  id: string;
  name: string;
  type: string;
  size: number;
  width: number | null;
  height: number | null;
  preview: boolean;
}

export interface Reaction {
  emoji: string;
  users: Id[];
}

/** A message; deleted ones have no text any more, and `deleted_at`. `*` mentions everybody. */
export interface Message {
  id: number;
  user: Id;
  at: number;
  text: string;
  reply: Reply | null;
  files: FileInfo[];
  mentions: Id[];
  reactions: Reaction[];
  nonce: string;
  edited_at: number | null;
  deleted_at: number | null;
  deleted_by: Id | null;
  pinned_at: number | null;
}

/** `read` is the last event that was read; counts end at 100. */
export interface Unread {
  read: number;
  unread: number;
  mentions: number;
}

/** As the server counts: after the event at that offset. */
export interface Counted extends Unread {
  offset: number;
}

export interface Preferences {
  level: Level;
  muted: boolean;
}

export interface MyRoom {
  room: RoomInfo;
  me: Member;
  unread: Counted;
  preferences: Preferences;
  /** Everybody, of direct conversations. */
  members: Id[];
}

export interface MyRooms {
  items: MyRoom[];
  users: Profile[];
}

export interface Opened {
  room: RoomInfo;
  me: Member | null;
  rights: Right[];
  members: Member[];
  messages: Message[];
  more: boolean;
  pinned: number;
  users: Profile[];
  unread: Counted;
  preferences: Preferences;
  epoch: string;
}

/** Messages in their order; `before` and `after` are ids to go on from, null at the ends. */
export interface Messages {
  items: Message[];
  before: number | null;
  after: number | null;
  users: Profile[];
}

/** Some of a list; `next` goes back as `cursor`, null at the end. */
export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface WithUsers {
  users: Profile[];
}

export interface Segment {
  text: string;
  marked: boolean;
}

export interface Hit {
  room: Id;
  id: number;
  user: Id;
  at: number;
  excerpt: Segment[];
}

export interface Found extends Page<Hit>, WithUsers {
  complete: boolean;
}

/** What somebody wants to be done in a room, by `chat.do`. */
export type Wish =
  | { type: "say"; text?: string; reply?: number; files?: string[]; nonce?: string }
  | { type: "edit"; message: number; text: string }
  | { type: "delete" | "pin" | "unpin"; message: number }
  | { type: "react" | "unreact"; message: number; emoji: string }
  | { type: "leave" | "archive" | "restore" }
  | { type: "join"; invite?: number }
  | { type: "add" | "unban" | "unmute"; user: Id }
  | { type: "kick"; user: Id; reason?: string }
  | { type: "ban"; user: Id; reason?: string; seconds?: number }
  | { type: "mute"; user: Id; reason?: string; seconds?: number }
  | { type: "appoint"; user: Id; role: Exclude<Role, "guest"> }
  | { type: "invite"; seconds?: number; uses?: number }
  | { type: "uninvite"; invite: number }
  | {
      type: "change";
      name?: string;
      topic?: string;
      kind?: Exclude<RoomKind, "direct">;
      slow?: number;
      keep?: number;
    };

export interface NewRoom {
  kind: RoomKind;
  name?: string;
  topic?: string;
  members?: Id[];
}

/** An event of a room, as its log has it (docs/reference/chat-events.md). Empty members are absent. */
export interface RoomEvent {
  type: string;
  by?: Id;
  at?: number;
  [more: string]: unknown;
}

/** What the server said instead (RFC 9457), or why a call over the socket was refused. */
export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail?: string;
  errors?: { in: string; at: string; text: string }[];
  retry_after?: number;
}
