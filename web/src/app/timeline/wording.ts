/** Texts that are made of values: times, sizes, beginnings. */

import type { Message } from "../../core/types";
import { currentLanguage, t } from "../../i18n/index.svelte";
import { clock as shortTime, full as fullTime } from "../../ui/time";

export function clock(at: number): string {
  return shortTime(at, currentLanguage());
}

export function fullDate(at: number): string {
  return fullTime(at, currentLanguage());
}

/** "Wednesday, 26 November", with the year where it is another one. */
export function dayName(at: number, now = Date.now()): string {
  const year = new Date(at).getFullYear() !== new Date(now).getFullYear();
  return new Intl.DateTimeFormat(currentLanguage(), {
    weekday: "long",
    day: "numeric",
    month: "long",
    ...(year && { year: "numeric" }),
  }).format(at);
}

/** Names in a row: "Ann, Bob and Zoe"; beyond `most`, how many more by `others`. */
export function listed(names: readonly string[], most: number, others: (n: number) => string) {
  const shown = names.length > most ? [...names.slice(0, most - 1)] : [...names];
  if (shown.length < names.length) shown.push(others(names.length - shown.length));
  return new Intl.ListFormat(currentLanguage(), { type: "conjunction" }).format(shown);
}

/** A text without the marks of bold, struck and code. */
export function unmarked(text: string): string {
  return text.replace(/(\*\*|__|~~|`)/g, "");
}

/** The beginning of a message without its Markdown, on one line. */
export function beginning(text: string, length: number): string {
  const plain = unmarked(
    text.replace(/```[^\n]*\n?/g, " ").replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1"),
  )
    .replace(/^\s*(?:#{1,6}|>+)\s/gm, "")
    .replace(/\s+/g, " ")
    .trim();
  const characters = [...plain.slice(0, length * 4)];
  return characters.length <= length ? plain : `${characters.slice(0, length - 1).join("")}…`;
}

/** What is in a message, in some words of it. */
export function words(message: Message, length: number): string {
  const texts = t().timeline;
  if (message.deleted_at !== null) return texts.deleted;
  const files = message.files.map((one) => texts.announceFile(one.name));
  return [beginning(message.text, length), ...files].filter(Boolean).join(", ");
}

const CHARACTERS = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const EMOJI =
  /^(?:\p{Emoji_Presentation}|\p{Emoji}\u{fe0f}|\p{Regional_Indicator}{2}|[0-9#*]\u{fe0f}?\u{20e3})/u;

/** Whether it is a few emojis and nothing else. */
export function isEmojis(text: string): boolean {
  if (text.length > 100) return false;
  let count = 0;
  for (const { segment } of CHARACTERS.segment(text)) {
    if (segment.trim() === "") continue;
    count += 1;
    if (count > 6 || !EMOJI.test(segment)) return false;
  }
  return count > 0;
}

/** Whether a message is so long that it is folded at first. */
export function isLong(text: string): boolean {
  return text.length > 1800 || text.split("\n", 26).length > 25;
}
