/** Where the switcher leads: rooms, conversations and people, the best ones first. */

import type { Chat, RoomEntry } from "../../core/model";
import type { Id, Profile } from "../../core/types";
import { fit, folded } from "./fuzzy";
import { callsFor, isUnread } from "./order";

export type Target =
  { kind: "room"; id: Id; entry: RoomEntry } | { kind: "person"; id: Id; profile: Profile };

const MOST = 40;

/**
 * Rooms of one's own by `text`, and those `people` that one has no conversation with yet. Without
 * a text, the rooms that one may want next.
 */
export function targets(
  chat: Chat,
  text: string,
  people: readonly Profile[],
  here: Id | null,
): Target[] {
  const wanted = folded(text.trim());
  const rooms = [...chat.rooms.rooms, ...chat.rooms.conversations];
  const met = new Set(rooms.filter((one) => one.others.length === 1).flatMap((one) => one.others));
  const strangers = people.filter((one) => one.id !== chat.me.id && !met.has(one.id));
  const found: { target: Target; score: number; at: number }[] = [
    ...rooms.map((entry) => ({
      target: { kind: "room" as const, id: entry.id, entry },
      score: ofRoom(chat, entry, wanted, here),
      at: entry.info.last_at,
    })),
    ...strangers.map((profile) => ({
      target: { kind: "person" as const, id: profile.id, profile },
      score: ofPerson(profile, wanted),
      at: 0,
    })),
  ];
  return found
    .filter((one) => one.score > 0)
    .sort((a, b) => b.score - a.score || b.at - a.at)
    .slice(0, MOST)
    .map((one) => one.target);
}

function ofRoom(chat: Chat, entry: RoomEntry, wanted: string, here: Id | null): number {
  if (!wanted) {
    if (entry.id === here) return 0;
    return 1 + (isUnread(entry) ? 1 : 0) + (callsFor(entry) > 0 ? 1 : 0);
  }
  const names = entry.others.map((user) => chat.people.get(user).name);
  const best = bestFit(wanted, [entry.title, entry.info.slug, ...names]);
  if (best === 0) return 0;
  return best + (isUnread(entry) ? 6 : 0) - (entry.info.archived_at ? 20 : 0);
}

function ofPerson(profile: Profile, wanted: string): number {
  // The server has found them, perhaps by other letters than are compared here.
  return Math.max(1, bestFit(wanted, [profile.display, profile.name]));
}

function bestFit(wanted: string, names: readonly (string | null)[]): number {
  return Math.max(...names.map((name) => (name ? fit(wanted, folded(name)) : 0)));
}
