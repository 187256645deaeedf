/** Where things are in a chart. */

import type { Measure, Point } from "./history";

const STEPS = [1, 2, 2.5, 5, 10];

/** Round numbers from 0 on, the last of which is not below `high`; at most `most` steps. */
export function ticks(high: number, most: number): number[] {
  const least = Math.max(high, 1) / most;
  const power = 10 ** Math.floor(Math.log10(least));
  // Of what is counted there are no halves.
  const steps = STEPS.map((one) => one * power).filter((one) => Number.isInteger(one));
  const step = steps.find((one) => one >= least) ?? 1;
  const count = Math.max(1, Math.ceil(high / step));
  return Array.from({ length: count + 1 }, (_, n) => n * step);
}

const MINUTE_MS = 60_000;
const SPANS = [5, 10, 20, 30];

/** How many minutes a chart shows that knows of so many milliseconds. */
export function shownMinutes(known: number): number {
  return SPANS.find((one) => one * MINUTE_MS >= known) ?? 30;
}

/** At most so many minutes ago, between now and the beginning, to have marks. */
export function agoMarks(span: number, most: number): number[] {
  const steps = [1, 2, 5, 10];
  const step = steps.find((one) => Math.ceil(span / one) - 1 <= most) ?? 10;
  return Array.from({ length: Math.ceil(span / step) - 1 }, (_, n) => (n + 1) * step);
}

export interface Frame {
  readonly width: number;
  readonly height: number;
  /** Times at the left and at the right. */
  readonly from: number;
  readonly to: number;
  /** The value at the top. */
  readonly high: number;
}

export function x(frame: Frame, at: number): number {
  return rounded(((at - frame.from) / (frame.to - frame.from)) * frame.width);
}

export function y(frame: Frame, value: number): number {
  return rounded(frame.height * (1 - value / frame.high));
}

const rounded = (value: number) => Math.round(value * 10) / 10;

/** Points in a row, without a gap between them. */
export type Run = readonly { readonly at: number; readonly value: number }[];

/** The runs of a measure between two times. */
export function runs(points: readonly Point[], measure: Measure, from: number): Run[] {
  const found: { at: number; value: number }[][] = [];
  let broken = true;
  for (const point of points) {
    const value = point[measure];
    if (value === null || point.at < from) {
      broken = true;
      continue;
    }
    if (broken || point.gap) found.push([]);
    found.at(-1)?.push({ at: point.at, value });
    broken = false;
  }
  return found;
}

/** The line of a run, as the `d` of a path. */
export function line(frame: Frame, run: Run): string {
  return run.map((one, n) => `${n ? "L" : "M"}${x(frame, one.at)} ${y(frame, one.value)}`).join("");
}

/** What is below the line. */
export function area(frame: Frame, run: Run): string {
  const [first, last] = [run[0], run.at(-1)];
  if (!first || !last) return "";
  return `${line(frame, run)}L${x(frame, last.at)} ${frame.height}L${x(frame, first.at)} ${frame.height}Z`;
}

/** The point nearest to a time. */
export function nearest(points: readonly Point[], at: number): Point | undefined {
  let found: Point | undefined;
  for (const one of points) {
    if (!found || Math.abs(one.at - at) <= Math.abs(found.at - at)) found = one;
  }
  return found;
}
