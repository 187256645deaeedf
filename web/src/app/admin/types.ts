/** What the server tells its administrators (docs/reference/chat-api.md). */

import type { Id, Page, RoomInfo, SignUpMode } from "../../core/types";

export interface Storage {
  at: number;
  database: "sqlite" | "postgresql";
  database_bytes: number;
  messages: number;
  files: number;
  file_bytes: number;
}

/** `said` and `deliveries` count up from `started_at`. */
export interface Status {
  at: number;
  started_at: number;
  version: string;
  connections: number;
  users: number;
  rooms: number;
  said: number;
  deliveries: number;
  storage: Storage;
}

export interface AllRooms extends Page<RoomInfo> {
  private: number;
  direct: number;
}

/** A link that is good: for an account, or to set a password. `null` is without an end. */
export interface Pass {
  id: Id;
  purpose: "administrator" | "account" | "password";
  user: Id | null;
  by: Id | null;
  created_at: number;
  expires_at: number | null;
  uses: number | null;
}

export interface MadePass extends Pass {
  code: string;
}

export interface Key {
  id: Id;
  name: string;
  by: Id;
  created_at: number;
}

export interface MadeKey extends Key {
  key: string;
}

export interface ServerSettings {
  name: string;
  sign_up: SignUpMode;
  guests: boolean;
}

/** Something that an administrator did. */
export interface Deed {
  id: number;
  at: number;
  by: Id;
  action: string;
  user: Id | null;
  detail: Readonly<Record<string, unknown>>;
}

/** What the link of a pass is. */
export function passLink(code: string): string {
  return new URL(`#pass=${encodeURIComponent(code)}`, document.baseURI).href;
}
