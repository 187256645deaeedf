/** What can be completed at the caret, and with what, best first. */

import type { Chat, Room } from "../../core/model";
import type { Id, Profile } from "../../core/types";
import { inCode } from "./code";
import type { Span } from "./marking";

export type Sign = "@" | ":";

/** What was begun: the sign at `start`, and the text behind it up to the caret. */
export interface Query {
  readonly sign: Sign;
  readonly text: string;
  readonly start: number;
}

/** An emoji as the picker's data has it. */
export interface Emoji {
  readonly unicode: string;
  readonly name: string;
  readonly codes: readonly string[];
}

export type Choice =
  | {
      readonly kind: "person";
      readonly key: string;
      readonly profile: Profile;
      readonly member: boolean;
    }
  | { readonly kind: "everybody"; readonly key: string }
  | { readonly kind: "emoji"; readonly key: string; readonly emoji: Emoji; readonly code: string };

/** Choices that are offered at once. */
export const MOST = 8;

/** Letters behind a colon before emojis are offered. */
const LEAST_LETTERS = 2;

const MENTION = /(?<![\p{L}\p{N}_@.])@([\p{L}\p{N}._-]{0,32})$/u;
const SHORT_CODE = /(?<![\p{L}\p{N}_:/]):([\p{L}\p{N}_+-]{2,40})$/u;

/** Words that mention everybody in the room (the server knows all three). */
const EVERYBODY = ["room", "all", "everyone"];

export function queryAt(text: string, caret: number): Query | null {
  const before = text.slice(Math.max(0, caret - 64), caret);
  const mention = MENTION.exec(before);
  const code = mention ? null : SHORT_CODE.exec(before);
  const found = mention ?? code;
  const begun = found?.[1] ?? "";
  if (!found || (code && begun.length < LEAST_LETTERS) || inCode(text, caret)) return null;
  return { sign: mention ? "@" : ":", text: begun, start: caret - begun.length - 1 };
}

/** Somebody who may be mentioned. `spoke` is higher for who spoke later, 0 for who did not. */
export interface Candidate {
  readonly profile: Profile;
  readonly member: boolean;
  readonly spoke: number;
}

type Seen = Pick<Room, "members" | "allMembers" | "messages">;

/** The members that are known of, and when they spoke. Of big rooms, also who spoke lately. */
export function membersOf(room: Seen, { me, people }: Pick<Chat, "me" | "people">): Candidate[] {
  const spoke = new Map(room.messages.map((one, index) => [one.user, index + 1]));
  const ids = new Set(room.members.keys());
  if (!room.allMembers) for (const id of spoke.keys()) ids.add(id);
  ids.delete(me.id);
  return [...ids].map((id) => ({
    profile: people.get(id),
    member: true,
    spoke: spoke.get(id) ?? 0,
  }));
}

/** Those that the server has found, members or not; of big rooms it is not known who is not. */
export function othersOf(room: Seen, found: readonly Profile[], me: Id): Candidate[] {
  return found
    .filter((profile) => profile.id !== me)
    .map((profile) => ({
      profile,
      member: room.members.has(profile.id) || !room.allMembers,
      spoke: 0,
    }));
}

/**
 * Who can be mentioned by what was begun: members before others, beginnings before what is within,
 * then those who spoke last. Guests and closed accounts have no name to be mentioned by.
 */
export function rankPeople(begun: string, candidates: Iterable<Candidate>): Choice[] {
  const wanted = folded(begun);
  const found: { one: Candidate; fit: number }[] = [];
  const seen = new Set<Id>();
  for (const one of candidates) {
    const { id, name, disabled } = one.profile;
    if (name === null || disabled || seen.has(id)) continue;
    seen.add(id);
    const fit = fitOf(wanted, one.profile);
    if (fit !== null) found.push({ one, fit });
  }
  found.sort(
    (a, b) =>
      Number(b.one.member) - Number(a.one.member) ||
      a.fit - b.fit ||
      b.one.spoke - a.one.spoke ||
      a.one.profile.display.localeCompare(b.one.profile.display),
  );
  return found.map(({ one }) => ({
    kind: "person",
    key: one.profile.id,
    profile: one.profile,
    member: one.member,
  }));
}

/** `people` with "everybody" behind the members where that fits, and no more than are offered. */
export function withEverybody(begun: string, people: readonly Choice[], may: boolean): Choice[] {
  const fits = may && EVERYBODY.some((word) => word.startsWith(begun.toLowerCase()));
  if (!fits) return people.slice(0, MOST);
  const members = people.filter((one) => one.kind === "person" && one.member);
  const others = people.slice(members.length);
  const everybody: Choice = { kind: "everybody", key: "*" };
  // Whoever writes three letters of it means it.
  if (begun.length > 2) return [everybody, ...members, ...others].slice(0, MOST);
  return [...members.slice(0, MOST - 1), everybody, ...others].slice(0, MOST);
}

/** Emojis by how well a short code, or else their name, fits what was begun. */
export function rankEmojis(begun: string, emojis: Iterable<Emoji>): Choice[] {
  const wanted = begun.toLowerCase();
  const found: { emoji: Emoji; code: string; fit: number }[] = [];
  const seen = new Set<string>();
  for (const emoji of emojis) {
    if (seen.has(emoji.unicode)) continue;
    seen.add(emoji.unicode);
    const [fit, code] = codeOf(wanted, emoji);
    found.push({ emoji, code, fit });
  }
  // Of codes that begin so, the shortest are the likeliest; others stay in the data's order.
  found.sort((a, b) => a.fit - b.fit || (a.fit === 1 ? a.code.length - b.code.length : 0));
  return found
    .slice(0, MOST)
    .map(({ emoji, code }) => ({ kind: "emoji", key: emoji.unicode, emoji, code }));
}

/** What a choice puts in the place of what was begun. */
export function insertOf(choice: Choice): string {
  switch (choice.kind) {
    case "person":
      return `@${choice.profile.name ?? ""}`;
    case "everybody":
      return "@room";
    case "emoji":
      return choice.emoji.unicode;
  }
}

/** The text with the choice in it and a space behind, and the caret there. */
export function completed(text: string, query: Query, choice: Choice): Span {
  const end = query.start + 1 + query.text.length;
  const after = text.slice(end);
  const space = /^\s/.test(after) ? "" : " ";
  const insert = insertOf(choice);
  const caret = query.start + insert.length + space.length;
  return { text: text.slice(0, query.start) + insert + space + after, start: caret, end: caret };
}

/** Without accents and case: "Zoë" is found by "zoe". */
function folded(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

function fitOf(wanted: string, profile: Profile): number | null {
  const name = folded(profile.name ?? "");
  const display = folded(profile.display);
  if (name.startsWith(wanted) || display.startsWith(wanted)) return 0;
  if (display.split(/[\s._-]+/).some((word) => word.startsWith(wanted))) return 1;
  if (name.split(/[._-]+/).some((word) => word.startsWith(wanted))) return 1;
  return wanted.length > 1 && (name.includes(wanted) || display.includes(wanted)) ? 2 : null;
}

function codeOf(wanted: string, emoji: Emoji): [fit: number, code: string] {
  const { codes } = emoji;
  if (codes.includes(wanted)) return [0, wanted];
  const begins = codes.filter((code) => code.startsWith(wanted));
  if (begins.length > 0) return [1, begins.reduce((a, b) => (b.length < a.length ? b : a))];
  const word = codes.find((code) => code.includes(`_${wanted}`));
  if (word !== undefined) return [2, word];
  return [3, codes[0] ?? emoji.name];
}
