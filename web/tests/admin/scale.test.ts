import { describe, expect, it } from "vitest";

import type { Point } from "../../src/app/admin/history";
import {
  agoMarks,
  area,
  line,
  nearest,
  runs,
  shownMinutes,
  ticks,
  x,
  y,
} from "../../src/app/admin/scale";

function point(at: number, said: number | null, gap = false): Point {
  return { at, connections: 1, said, deliveries: null, gap };
}

describe("the marks of a scale", () => {
  it.each([
    [0, [0, 1]],
    [0.3, [0, 1]],
    [1, [0, 1]],
    [3, [0, 1, 2, 3]],
    [4, [0, 2, 4]],
    [7, [0, 5, 10]],
    [10, [0, 5, 10]],
    [70, [0, 25, 50, 75]],
    [101, [0, 50, 100, 150]],
    [1234, [0, 500, 1000, 1500]],
    [48_000, [0, 20_000, 40_000, 60_000]],
  ])("up to %s are round", (high, marks) => {
    expect(ticks(high, 3)).toEqual(marks);
  });

  it("are few, whole, and reach as high as they have to", () => {
    for (let high = 0; high < 3000; high += 7.3) {
      const marks = ticks(high, 3);
      expect(marks.length).toBeLessThanOrEqual(4);
      expect(marks.at(-1)).toBeGreaterThanOrEqual(high);
      expect(marks.every(Number.isInteger)).toBe(true);
    }
  });
});

describe("the time that is shown", () => {
  it("grows with what is known, up to half an hour", () => {
    const shown = [0, 299_999, 300_001, 900_000, 1_300_000, 9_000_000].map(shownMinutes);
    expect(shown).toEqual([5, 5, 10, 20, 30, 30]);
  });

  it.each([
    [5, 5, [1, 2, 3, 4]],
    [5, 2, [2, 4]],
    [10, 5, [2, 4, 6, 8]],
    [20, 2, [10]],
    [30, 5, [5, 10, 15, 20, 25]],
    [30, 2, [10, 20]],
  ])("of %s minutes has at most %s marks", (span, most, marks) => {
    expect(agoMarks(span, most)).toEqual(marks);
  });
});

describe("a line", () => {
  const frame = { width: 100, height: 50, from: 1000, to: 2000, high: 10 };

  it("is where its times and values are", () => {
    expect([x(frame, 1000), x(frame, 1500), x(frame, 2000)]).toEqual([0, 50, 100]);
    expect([y(frame, 0), y(frame, 10), y(frame, 3.33)]).toEqual([50, 0, 33.4]);
    const run = [
      { at: 1000, value: 0 },
      { at: 1500, value: 10 },
    ];
    expect(line(frame, run)).toBe("M0 50L50 0");
    expect(area(frame, run)).toBe("M0 50L50 0L50 50L0 50Z");
    expect(area(frame, [])).toBe("");
  });

  it("is broken where nothing is known, and begins at the left", () => {
    const points = [point(1, 5), point(2, 1), point(3, null), point(4, 2), point(9, 3, true)];
    const found = runs(points, "said", 2).map((run) => run.map((one) => one.at));
    expect(found).toEqual([[2], [4], [9]]);
  });

  it("is asked for the point next to a time", () => {
    const points = [point(10, 1), point(20, 2), point(40, 3)];
    expect([0, 14, 29, 99].map((at) => nearest(points, at)?.at)).toEqual([10, 10, 20, 40]);
    expect(nearest([], 5)).toBeUndefined();
  });
});
