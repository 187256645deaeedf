/** What somebody wants to be told of. */

import type { RoomEntry } from "./model";
import type { Id, Message, Preferences } from "./types";

/** Whether somebody wants to be told of a message, or of one that is for them in particular. */
export function wanted(preferences: Preferences, own: boolean): boolean {
  if (preferences.muted || preferences.level === "nothing") return false;
  return own || preferences.level === "all";
}

/** Whether a message is for `me` in particular. */
export function isFor(me: Id, message: Message, room: RoomEntry): boolean {
  const { mentions, reply } = message;
  const direct = room.info.kind === "direct";
  return direct || mentions.includes(me) || mentions.includes("*") || reply?.user === me;
}

/**
 * Whether `me` is to be told of a message that has come in just now. `looking` is the room that
 * is looked at, null where the page is not seen.
 */
export function worthTelling(
  me: Id,
  message: Message,
  room: RoomEntry,
  looking: Id | null,
): boolean {
  if (message.user === me || room.id === looking) return false;
  return wanted(room.preferences, isFor(me, message, room));
}
