/** Where the switcher leads: rooms, conversations and people, the best ones first. */

import type { Chat, RoomEntry } from "../../core/model";
import type { Id, Profile } from "../../core/types";
import { fit, folded } from "./fuzzy";
import { callsFor, isUnread } from "./order";

export type Target =
  { kind: "room"; id: Id; entry: RoomEntry } | { kind: "person"; id: Id; profile: Profile };

const MOST = 30;

/** Rooms of one's own by `text`; without any, those that one may want next. */
export function roomTargets(chat: Chat, text: string, here: Id | null): Target[] {
  const wanted = folded(text.trim());
  const all = [...chat.rooms.rooms, ...chat.rooms.conversations];
  return all
    .map((entry) => ({ entry, score: score(chat, entry, wanted, here) }))
    .filter((one) => one.score > 0)
    .sort((a, b) => b.score - a.score || b.entry.info.last_at - a.entry.info.last_at)
    .slice(0, MOST)
    .map(({ entry }) => ({ kind: "room", id: entry.id, entry }));
}

/** People without a conversation of their own among `rooms`. */
export function personTargets(
  chat: Chat,
  found: readonly Profile[],
  rooms: readonly Target[],
): Target[] {
  const there = new Set(
    rooms.flatMap((one) =>
      one.kind === "room" && one.entry.info.kind === "direct" && one.entry.others.length === 1
        ? one.entry.others
        : [],
    ),
  );
  return found
    .filter((one) => one.id !== chat.me.id && !there.has(one.id))
    .map((profile) => ({ kind: "person", id: profile.id, profile }));
}

function score(chat: Chat, entry: RoomEntry, wanted: string, here: Id | null): number {
  if (!wanted) {
    if (entry.id === here) return 0;
    return 1 + (isUnread(entry) ? 1 : 0) + (callsFor(entry) > 0 ? 1 : 0);
  }
  const names = entry.others.map((user) => chat.people.get(user).name ?? "");
  const fits = [entry.title, entry.info.slug ?? "", ...names].map((one) =>
    fit(wanted, folded(one)),
  );
  const best = Math.max(...fits);
  if (best === 0) return 0;
  return best + (isUnread(entry) ? 6 : 0) - (entry.info.archived_at ? 20 : 0);
}
