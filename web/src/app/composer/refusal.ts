/** Why nothing can be said in a room just now, and when it can. */

import type { Room } from "../../core/model";
import type { Id } from "../../core/types";

export type Refusal =
  | { readonly kind: "archived"; readonly restore: boolean }
  | { readonly kind: "muted"; readonly until: number }
  | { readonly kind: "outside"; readonly join: boolean }
  | { readonly kind: "reading" };

type Seen = Pick<Room, "state" | "info" | "me" | "may">;

/** Null where one may speak, or where it is not known yet. */
export function refusalOf(room: Seen, now: number): Refusal | null {
  if (room.state !== "ready") return null;
  if (room.info.archived_at !== null) return { kind: "archived", restore: room.may("archive") };
  if (room.may("say")) return null;
  if (room.me === null) return { kind: "outside", join: room.may("join") };
  const until = room.me.muted_until;
  if (until > now) return { kind: "muted", until };
  // That a time is past is told by nobody: then the server is asked by the next message.
  return until > 0 ? null : { kind: "reading" };
}

type Slow = Pick<Room, "info" | "me" | "messages" | "pending">;

/** The time from which on one may speak again in slow mode; 0 for now. */
export function slowUntil(room: Slow, me: Id, now: number): number {
  const slow = room.info.slow * 1000;
  const role = room.me?.role;
  if (slow === 0 || (role !== "member" && role !== "guest")) return 0;
  const said = room.messages.findLast((one) => one.user === me)?.at ?? 0;
  const waiting = room.pending.findLast((one) => one.state !== "failed")?.at ?? 0;
  // A clock that goes wrong makes nobody wait for longer than the room wants.
  const until = Math.min(Math.max(said, waiting), now) + slow;
  return until > now ? until : 0;
}
