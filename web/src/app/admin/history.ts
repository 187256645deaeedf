/** What a server's numbers were in the last half hour, and what its counters say of each moment. */

import type { Status } from "./types";

export const KEPT_MS = 30 * 60_000;

/** Without an answer for that long, it is not known what was in between. */
export const GAP_MS = 30_000;

/** Over how long a rate is taken, and at least: longer, the rarer what is counted. */
const WINDOW_MS = { said: 60_000, deliveries: 10_000 } as const;
const LEAST_MS = { said: 15_000, deliveries: 1_000 } as const;
const UNIT_MS = { said: 60_000, deliveries: 1_000 } as const;

type Counter = keyof typeof WINDOW_MS;
export type Measure = "connections" | Counter;

/** A moment: `said` are messages per minute, `deliveries` are per second. Null is not known. */
export interface Point {
  readonly at: number;
  readonly connections: number;
  readonly said: number | null;
  readonly deliveries: number | null;
  /** Whether nothing is known of the time before it. */
  readonly gap: boolean;
}

type Sample = Pick<Status, "at" | "started_at" | "connections" | Counter>;

export class History {
  readonly points: readonly Point[];
  readonly #samples: readonly Sample[];

  constructor(samples: readonly Sample[] = [], points: readonly Point[] = []) {
    this.#samples = samples;
    this.points = points;
  }

  /** With what is known now; what is older than half an hour is forgotten. */
  with(sample: Sample): History {
    const last = this.#samples.at(-1);
    // Two who ask at once, or a clock that was set back: then what is kept means nothing.
    if (last && sample.at < last.at) return new History().with(sample);
    if (last?.at === sample.at) return this;
    const point: Point = {
      at: sample.at,
      connections: sample.connections,
      said: rate(this.#samples, sample, "said"),
      deliveries: rate(this.#samples, sample, "deliveries"),
      gap: last === undefined || sample.at - last.at > GAP_MS,
    };
    const recent = (one: { at: number }) => sample.at - one.at <= KEPT_MS;
    return new History(
      [...this.#samples.filter(recent), sample],
      [...this.points.filter(recent), point],
    );
  }
}

/**
 * How much a counter grows, by what it was before; null where that is not known. A server that was
 * started anew counts from nothing, and another one behind the same address counts for itself.
 */
function rate(before: readonly Sample[], now: Sample, counter: Counter): number | null {
  const since = now.at - WINDOW_MS[counter];
  let from: Sample | undefined;
  for (let n = before.length - 1; n >= 0; n -= 1) {
    const one = before[n] as Sample;
    if (one.started_at !== now.started_at || now.at - one.at < LEAST_MS[counter]) continue;
    if (from && one.at < since) break;
    from = one; // the earliest of the window, or else the last before it
  }
  if (!from) return null;
  const grown = Math.max(0, now[counter] - from[counter]);
  return (grown / (now.at - from.at)) * UNIT_MS[counter];
}

/** The last, the lowest and the highest of a measure; null where none is known. */
export function summary(points: readonly Point[], measure: Measure) {
  const known = points.flatMap((one) => one[measure] ?? []);
  const last = known.at(-1);
  if (last === undefined) return null;
  return { last, low: Math.min(...known), high: Math.max(...known) };
}

export interface Minute {
  readonly at: number;
  readonly connections: number;
  readonly said: number | null;
  readonly deliveries: number | null;
}

/** The same for a table: of each minute what it was at its end, the latest first. */
export function minutes(points: readonly Point[]): Minute[] {
  const found = new Map<number, Minute>();
  for (const { at, connections, said, deliveries } of points) {
    const minute = Math.floor(at / 60_000) * 60_000;
    found.set(minute, { at: minute, connections, said, deliveries });
  }
  return [...found.values()].reverse();
}
