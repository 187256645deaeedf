/** Where one is when a room is opened: where one was, at the first new message, or at the end. */

import type { Room } from "../../core/model";
import type { Id } from "../../core/types";
import { indexOf } from "./grouping";
import type { Place } from "./scroll.svelte";

export interface Opening {
  /** The first message that is new. */
  readonly line: number | null;
  readonly at: Place | number | null;
}

/** Pages that are fetched before so that the first new message is there. */
const PAGES = 2;

const places = new Map<Id, Place>();

/** Keep where one is in that room until it is opened again; null is its end. */
export function keepPlace(room: Id, place: Place | null): void {
  if (place) places.set(room, place);
  else places.delete(room);
}

/** Have the first new message among those that are loaded, unless it is far away. */
export async function prepare(room: Room): Promise<void> {
  for (let page = 0; page < PAGES; page += 1) {
    const first = room.messages[0];
    const { read, unread } = room.unread;
    if (unread === 0 || !first || first.id <= read || room.older !== "more") return;
    await room.loadOlder();
  }
}

export function openingOf(room: Room, me: Id): Opening {
  const { messages, unread } = room;
  const fresh =
    room.me && unread.unread > 0
      ? messages.find((one) => one.id > unread.read && one.user !== me)
      : undefined;
  const line = fresh?.id ?? null;
  const kept = places.get(room.id);
  if (kept && messages[indexOf(messages, kept.id)]?.id === kept.id) return { line, at: kept };
  return { line, at: line };
}
