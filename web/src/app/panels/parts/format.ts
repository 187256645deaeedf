/** Times and numbers as they are said in the language of the page. */

import { currentLanguage } from "../../../i18n/index.svelte";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export function moment(at: number): string {
  return new Intl.DateTimeFormat(currentLanguage(), {
    dateStyle: "medium",
    timeStyle: "short",
  }).format(at);
}

export function day(at: number): string {
  return new Intl.DateTimeFormat(currentLanguage(), { dateStyle: "long" }).format(at);
}

export function count(value: number): string {
  return new Intl.NumberFormat(currentLanguage()).format(value);
}

/** So many seconds, in the largest unit that says it without a fraction. */
export function span(seconds: number): string {
  const units = [
    ["day", DAY],
    ["hour", HOUR],
    ["minute", MINUTE],
    ["second", 1],
  ] as const;
  const [unit, size] = units.find(([, size]) => seconds >= size && seconds % size === 0) ?? [
    "second",
    1,
  ];
  return new Intl.NumberFormat(currentLanguage(), {
    style: "unit",
    unit,
    unitDisplay: "long",
  }).format(seconds / size);
}

export function days(value: number): string {
  return span(value * DAY);
}

/** Names in a row: "Ann, Bob and Cem". */
export function row(names: readonly string[]): string {
  return new Intl.ListFormat(currentLanguage(), { type: "conjunction" }).format(names);
}

/** A name within a text: whichever way it is written, what is around it stays in its place. */
export function isolated(name: string): string {
  return `\u2068${name}\u2069`;
}
