/** Rooms as they stand in the list, and what of them is worth a look. */

import type { RoomEntry, RoomList } from "../../core/model";
import type { Id } from "../../core/types";

/** Whether it is shown as unread: muted rooms are only where one is mentioned. */
export function isUnread(entry: RoomEntry): boolean {
  const { preferences, unread } = entry;
  if (preferences.muted || preferences.level === "nothing") return false;
  return preferences.level === "all" || entry.info.kind === "direct"
    ? unread.unread > 0
    : unread.mentions > 0;
}

/** Messages that are for oneself: in a conversation, all of them. */
export function callsFor(entry: RoomEntry): number {
  if (entry.preferences.muted || entry.preferences.level === "nothing") return 0;
  return entry.info.kind === "direct" ? entry.unread.unread : entry.unread.mentions;
}

/** The room before or after that one, round and round; among the unread ones with `unread`. */
export function neighbour(
  rooms: RoomList,
  from: Id | null,
  step: 1 | -1,
  unread = false,
): Id | null {
  const all = [...rooms.rooms, ...rooms.conversations];
  const begin = all.findIndex((one) => one.id === from);
  const length = all.length;
  for (let n = 1; n <= length; n += 1) {
    const at = begin < 0 && step < 0 ? length - n : begin + step * n;
    const found = all[((at % length) + length) % length];
    if (found && found.id !== from && (!unread || isUnread(found))) return found.id;
  }
  return null;
}
