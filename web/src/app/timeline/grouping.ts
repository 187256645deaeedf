/** How messages stand together: by days, and in groups of one author. */

import type { Message } from "../../core/types";

/** Messages of one author within that time have its name once. */
const GROUP_MS = 5 * 60_000;

export interface Row {
  readonly message: Message;
  /** Begins a group: has the author's name. */
  readonly head: boolean;
  /** Has the line for new messages above it. */
  readonly fresh: boolean;
}

export interface Day {
  readonly key: number;
  readonly at: number;
  /** Its beginning is above: the first row is not the day's first. */
  readonly cut: boolean;
  readonly rows: readonly Row[];
}

/** The day that was asked for last: the next question is mostly about the same. */
let last = { from: 0, to: 0, key: 0 };

/** The day of a time where one is, as a number of its year, month and day. */
export function dayOf(at: number): number {
  if (at < last.from || at >= last.to) {
    const date = new Date(at);
    const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()];
    last = {
      from: new Date(year, month, day).getTime(),
      to: new Date(year, month, day + 1).getTime(),
      key: (year * 100 + month + 1) * 100 + day,
    };
  }
  return last.key;
}

type Said = Pick<Message, "user" | "at" | "reply">;

/** Some time on the day before. */
export function dayBefore(at: number): number {
  const date = new Date(at);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() - 1, 12).getTime();
}

/** Whether `message` begins a group, standing behind `before`. */
export function begins(message: Said, before: Omit<Said, "reply"> | undefined): boolean {
  return (
    before === undefined ||
    before.user !== message.user ||
    message.reply !== null ||
    message.at - before.at > GROUP_MS ||
    dayOf(message.at) > dayOf(before.at)
  );
}

/** The messages from `start` to `end` by days; `line` is the first new one. */
export function daysOf(
  messages: readonly Message[],
  start: number,
  end: number,
  line: number | null,
): Day[] {
  const days: { key: number; at: number; cut: boolean; rows: Row[] }[] = [];
  for (let index = start; index < end; index += 1) {
    const message = messages[index];
    if (!message) break;
    const before = messages[index - 1];
    const key = dayOf(message.at);
    let day = days.at(-1);
    // A clock that was wrong makes no day come twice: days only go on.
    if (!day || key > day.key) {
      const cut = before !== undefined && dayOf(before.at) >= key;
      day = { key, at: message.at, cut, rows: [] };
      days.push(day);
    }
    const fresh = message.id === line;
    day.rows.push({ message, head: fresh || begins(message, before), fresh });
  }
  return days;
}

/** The index of the message with that id, or of the first behind its place. */
export function indexOf(messages: readonly Message[], id: number): number {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((messages[middle]?.id ?? 0) < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
