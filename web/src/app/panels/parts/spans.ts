/** Lengths of time to choose from, in seconds. */
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const SPANS = {
  mute: [10 * MINUTE, HOUR, 8 * HOUR, DAY, 7 * DAY],
  ban: [HOUR, DAY, 7 * DAY, 30 * DAY],
  invite: [HOUR, DAY, 7 * DAY, 30 * DAY],
  slow: [5, 10, 30, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR],
} as const;

/** What can be chosen, and what is set, should that be something else. */
export function choices(given: readonly number[], now: number): number[] {
  return [...new Set([...given, now])].sort((a, b) => a - b);
}
