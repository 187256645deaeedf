/** Times in words. */

import type { Language } from "../i18n/index.svelte";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const formats = new Map<string, Intl.DateTimeFormat>();

function format(language: Language, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  // Where the language is the browser's, too, its region says how times are written there.
  const locale = navigator.languages.find((one) => one.startsWith(language)) ?? language;
  const key = locale + JSON.stringify(options);
  let found = formats.get(key);
  if (!found) formats.set(key, (found = new Intl.DateTimeFormat(locale, options)));
  return found;
}

/** "14:03" */
export function clock(at: number, language: Language): string {
  return format(language, { hour: "numeric", minute: "2-digit" }).format(at);
}

/** "3 May 2025" */
export function day(at: number, language: Language): string {
  return format(language, { day: "numeric", month: "long", year: "numeric" }).format(at);
}

/** "Saturday, 3 May 2025 at 14:03" */
export function full(at: number, language: Language): string {
  return format(language, { dateStyle: "full", timeStyle: "short" }).format(at);
}

/** "5 minutes ago", "yesterday"; a date after a week. */
export function relative(at: number, now: number, language: Language): string {
  const words = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  const ago = at - now;
  const size = Math.abs(ago);
  if (size < MINUTE) return words.format(0, "second");
  if (size < HOUR) return words.format(Math.trunc(ago / MINUTE), "minute");
  if (size < DAY) return words.format(Math.trunc(ago / HOUR), "hour");
  if (size < 7 * DAY) return words.format(Math.trunc(ago / DAY), "day");
  return format(language, { day: "numeric", month: "short", year: "numeric" }).format(at);
}
