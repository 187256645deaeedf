/** What the server refuses with, in words of our own: found by the server's words. */

import type { Problem } from "../core/problem";
import type refusals from "./en/refusals.json";

export type Refusals = Record<keyof typeof refusals, Readonly<Record<string, string>>>;

/** What is asked about; the server's words may be all that is known. */
export type Refused = Pick<Problem, "message"> &
  Partial<Pick<Problem, "kind" | "status" | "detail" | "retryAfter">>;

/** Our words for it, or else the server's. */
export function worded(
  { message, kind = "", status = 0, detail = "", retryAfter = 0 }: Refused,
  { reasons, kinds, statuses }: Refusals,
): string {
  const exact = of(reasons, message);
  if (exact !== undefined) return exact;
  for (const [said, text] of Object.entries(reasons)) {
    const values = said.includes("{}") && patternOf(said).exec(message);
    if (values) return filled(text, values.slice(1));
  }
  const typed = of(kinds, kind);
  if (typed !== undefined) return filled(typed, [String(retryAfter || 1)]);
  const general = of(statuses, String(Math.min(status, 500)));
  // What the server says of this one in particular is more than what holds for all of them.
  return detail || general === undefined ? sentence(message) : general;
}

/** The server's refusals are words in a row. */
export function sentence(text: string): string {
  const [first = "", ...rest] = text;
  const whole = first.toUpperCase() + rest.join("");
  return /[\p{L}\p{N})]$/u.test(whole) ? `${whole}.` : whole;
}

/** What is asked for may be anybody's word, such as "constructor". */
function of(texts: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(texts, name) ? texts[name] : undefined;
}

/** Matches what is said with something in the place of each `{}`. */
function patternOf(said: string): RegExp {
  const parts = said.split("{}").map((part) => part.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"));
  return new RegExp(`^${parts.join("(.+?)")}$`, "su");
}

function filled(text: string, values: readonly string[]): string {
  return text.replace(/\{(\d)\}/g, (_, at: string) => values[Number(at)] ?? "");
}
