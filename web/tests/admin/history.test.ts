import { describe, expect, it } from "vitest";

import { GAP_MS, History, KEPT_MS, minutes, summary } from "../../src/app/admin/history";

const BEGIN = 1_764_000_000_000;

/** Numbers of a server, `at` so many seconds from the beginning. */
function sample(at: number, more: Partial<Parameters<History["with"]>[0]> = {}) {
  return {
    at: BEGIN + at * 1000,
    started_at: BEGIN - 1000,
    connections: 5,
    said: 0,
    deliveries: 0,
    ...more,
  };
}

function historyOf(...samples: ReturnType<typeof sample>[]): History {
  return samples.reduce((history, one) => history.with(one), new History());
}

describe("rates", () => {
  it("are not known from one answer", () => {
    const [point] = historyOf(sample(0, { said: 100, deliveries: 100 })).points;
    expect(point).toEqual({
      at: BEGIN,
      connections: 5,
      said: null,
      deliveries: null,
      gap: true,
    });
  });

  it("are what counters grew by", () => {
    const { points } = historyOf(sample(0), sample(20, { said: 3, deliveries: 60 }));
    expect(points[1]).toMatchObject({ said: 9, deliveries: 3, gap: false });
  });

  it("wait until there is enough to tell one", () => {
    const { points } = historyOf(
      sample(0),
      sample(0.01, { said: 1, deliveries: 9 }),
      sample(3, { said: 1, deliveries: 9 }),
      sample(15, { said: 1, deliveries: 9 }),
    );
    expect(points.map((one) => one.said)).toEqual([null, null, null, 4]);
    expect(points.map((one) => one.deliveries)).toEqual([null, null, 3, 0]);
  });

  it("are taken over a while, so that one message is not twenty a minute", () => {
    const samples = Array.from({ length: 41 }, (_, n) =>
      sample(n * 3, { said: n >= 30 ? 1 : 0, deliveries: n >= 30 ? 100 : 0 }),
    );
    const { points } = historyOf(...samples);
    expect(points[29]).toMatchObject({ said: 0, deliveries: 0 });
    expect(points[30]?.said).toBe(1); // once in the last minute
    expect(points[40]?.said).toBe(1);
    expect(points[30]?.deliveries).toBeCloseTo(100 / 9);
    expect(points[34]?.deliveries).toBe(0); // ten seconds later
  });

  it("begin anew with a server that was started anew", () => {
    const anew = { started_at: BEGIN + 25_000 };
    const { points } = historyOf(
      sample(0, { said: 1000 }),
      sample(20, { said: 1001 }),
      sample(40, { said: 2, ...anew }),
      sample(60, { said: 4, ...anew }),
    );
    expect(points.map((one) => one.said)).toEqual([null, 3, null, 6]);
  });

  it("are those of the same server where two answer in turn", () => {
    const other = { started_at: BEGIN - 9000 };
    const { points } = historyOf(
      sample(0, { said: 10 }),
      sample(10, { said: 500, ...other }),
      sample(20, { said: 12 }),
      sample(30, { said: 500, ...other }),
    );
    expect(points.map((one) => one.said)).toEqual([null, null, 6, 0]);
  });

  it("are never below nothing", () => {
    const { points } = historyOf(sample(0, { said: 10 }), sample(20, { said: 4 }));
    expect(points[1]?.said).toBe(0);
  });

  it("go over a time in which nobody asked", () => {
    const { points } = historyOf(sample(0), sample(300, { said: 50 }));
    expect(points[1]).toMatchObject({ said: 10, gap: true });
  });
});

describe("what is kept", () => {
  it("is of the last half hour", () => {
    const step = 10;
    const count = KEPT_MS / 1000 / step;
    const samples = Array.from({ length: count + 20 }, (_, n) => sample(n * step));
    const { points } = historyOf(...samples);
    expect(points).toHaveLength(count + 1);
    expect((points.at(-1)?.at ?? 0) - (points[0]?.at ?? 0)).toBe(KEPT_MS);
  });

  it("says where nothing is known in between", () => {
    const gap = GAP_MS / 1000;
    const { points } = historyOf(sample(0), sample(gap), sample(2 * gap + 1));
    expect(points.map((one) => one.gap)).toEqual([true, false, true]);
  });

  it("means nothing after the clock was set back, and the same answer twice is one", () => {
    const { points } = historyOf(sample(60), sample(63), sample(3), sample(3));
    expect(points.map((one) => one.at)).toEqual([BEGIN + 3000]);
  });
});

describe("for who reads", () => {
  const { points } = historyOf(
    sample(0, { connections: 2 }),
    sample(30, { connections: 9, said: 7 }),
    sample(59, { connections: 4, said: 7 }),
    sample(61, { connections: 6, said: 8 }),
  );

  it("a summary has the last, the lowest and the highest", () => {
    expect(summary(points, "connections")).toEqual({ last: 6, low: 2, high: 9 });
    expect(summary(points, "said")).toMatchObject({ high: 14 });
    expect(summary(points.slice(0, 1), "said")).toBeNull();
  });

  it("a table has each minute once, the latest first", () => {
    expect(minutes(points).map((one) => [one.at - BEGIN, one.connections])).toEqual([
      [60_000, 6],
      [0, 4],
    ]);
  });
});
