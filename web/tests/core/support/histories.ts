/** Random histories of a room, from a seed. */

import { RoomState } from "../../../src/core/fold";
import type { Message, Messages, RoomEvent, RoomInfo } from "../../../src/core/types";

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }

  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  of<T>(some: readonly T[]): T {
    return some[this.below(some.length)] as T;
  }
}

export const USERS = ["u1", "u2", "u3", "u4"];
const EMOJI = ["👍", "❤️", "🎉", "\u{ff01}"];

export function roomInfo(change: Partial<RoomInfo> = {}): RoomInfo {
  return {
    id: "r1",
    kind: "public",
    name: "Room",
    slug: "room",
    topic: "",
    slow: 0,
    keep: null,
    by: "u1",
    created_at: 1,
    archived_at: null,
    people: 1,
    last_at: 1,
    offset: 1,
    ...change,
  };
}

/** A room on a server: its log, and what it is after all of it. */
export class Served {
  readonly log: RoomEvent[] = [{ type: "created", by: "u1", at: 1 }];
  readonly state = new RoomState(roomInfo(), [{ user: "u1", role: "owner", muted_until: 0 }], []);
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  get offset(): number {
    return this.log.length;
  }

  /** The event with that offset. */
  event(offset: number): RoomEvent {
    return this.log[offset - 1] as RoomEvent;
  }

  happen(event: RoomEvent): void {
    this.log.push(event);
    this.state.apply(this.offset, event);
  }

  /** Something that may happen, mostly messages and what is about them. */
  any(): void {
    const random = this.#random;
    const at = this.offset + 1;
    const by = random.of(USERS);
    const message = random.of(this.state.messages)?.id ?? 0;
    const pinned = this.state.messages.filter((one) => one.pinned_at !== null);
    const known = this.state.messages.find((one) => one.id === message && !one.deleted_at) ?? null;
    const reply = random.of(this.state.messages);
    const makes: (() => RoomEvent | null)[] = [
      () => ({ type: "message", text: `m${at}`, nonce: `n${at}` }),
      () => ({ type: "message", text: "hi", mentions: [random.of([...USERS, "*"])] }),
      () =>
        reply
          ? {
              type: "message",
              text: "re",
              reply: { id: reply.id, user: reply.user, text: reply.text },
            }
          : null,
      () => known && { type: "edited", message, text: `e${at}`, mentions: [random.of(USERS)] },
      () => known && { type: "edited", message },
      () => known && { type: "deleted", message, user: known.user },
      () => known && { type: "reacted", message, emoji: random.of(EMOJI) },
      () => known && { type: "reacted", message, emoji: random.of(EMOJI) },
      () => known && { type: "unreacted", message, emoji: random.of(EMOJI) },
      () => known && (known.pinned_at ? null : { type: "pinned", message }),
      () => (pinned[0] ? { type: "unpinned", message: pinned[0].id } : null),
      () => ({ type: "joined", user: by, role: "member" }),
      () => ({ type: random.of(["left", "kicked", "banned"]), user: random.of(USERS.slice(1)) }),
      () => ({ type: "muted", user: random.of(USERS), until: at * 10 }),
      () => ({ type: "unmuted", user: random.of(USERS) }),
      () => ({
        type: "appointed",
        user: random.of(USERS),
        role: random.of(["owner", "moderator"]),
      }),
      () => ({ type: "changed", topic: `t${at}`, keep: random.of([0, 7]) }),
      () => ({ type: random.of(["archived", "restored"]) }),
      () => ({ type: "gone", ...(random.next() < 0.5 && { at }) }),
      () => (random.next() < 0.2 && message ? { type: "expired", before: message } : null),
    ];
    const event = random.of(makes)();
    if (event) this.happen({ by, at, ...event });
  }

  /** What the API would answer with now. */
  page(query: URLSearchParams): Messages {
    const all = this.state.messages;
    const limit = Number(query.get("limit"));
    const [before, after, around] = ["before", "after", "around"].map((name) => query.get(name));
    let begin = Math.max(0, all.length - limit);
    if (before) begin = Math.max(0, this.#index(Number(before)) - limit);
    if (after) begin = this.#index(Number(after) + 1);
    if (around) begin = Math.max(0, this.#index(Number(around)) - (limit >> 1));
    const end = before ? this.#index(Number(before)) : Math.min(all.length, begin + limit);
    return messages(all, begin, end);
  }

  #index(id: number): number {
    const found = this.state.messages.findIndex((one) => one.id >= id);
    return found < 0 ? this.state.messages.length : found;
  }
}

function messages(all: readonly Message[], begin: number, end: number): Messages {
  const items = all.slice(begin, end);
  return {
    items,
    before: begin > 0 ? (items[0]?.id ?? null) : null,
    after: end < all.length ? (items.at(-1)?.id ?? null) : null,
    users: [],
  };
}
