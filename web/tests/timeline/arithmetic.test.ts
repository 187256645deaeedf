import { describe, expect, test } from "vitest";

import type { Message } from "../../src/core/types";
import { begins, dayOf, daysOf, indexOf } from "../../src/app/timeline/grouping";
import { at, Heights, MOST, sliceFor, suffices } from "../../src/app/timeline/window";
import { beginning, isEmojis, isLong } from "../../src/app/timeline/wording";

const NOON = new Date(2025, 10, 26, 12).getTime();

function message(id: number, more: Partial<Message> = {}): Message {
  return {
    id,
    user: "u1",
    at: NOON + id * 1000,
    text: "hello",
    reply: null,
    files: [],
    mentions: [],
    reactions: [],
    nonce: "",
    edited_at: null,
    deleted_at: null,
    deleted_by: null,
    pinned_at: null,
    ...more,
  };
}

const many = (count: number) => Array.from({ length: count }, (_, index) => message(index * 3 + 1));

describe("groups", () => {
  const first = message(1);

  test("are of one author within five minutes", () => {
    expect(begins(message(2), first)).toBe(false);
    expect(begins(message(2, { user: "u2" }), first)).toBe(true);
    expect(begins(message(2, { at: first.at + 300_000 }), first)).toBe(false);
    expect(begins(message(2, { at: first.at + 300_001 }), first)).toBe(true);
    expect(begins(first, undefined)).toBe(true);
  });

  test("begin with an answer, and with a day", () => {
    expect(begins(message(2, { reply: { id: 1, user: "u2", text: "" } }), first)).toBe(true);
    const midnight = new Date(2025, 10, 27).getTime();
    const before = message(1, { at: midnight - 1000 });
    expect(begins(message(2, { at: midnight }), before)).toBe(true);
  });
});

describe("days", () => {
  const day = 86_400_000;
  const messages = [
    message(1),
    message(2),
    message(3, { at: NOON + day }),
    message(4, { at: NOON + day + 1 }),
  ];

  test("have their messages", () => {
    const days = daysOf(messages, 0, 4, null);
    expect(days.map((one) => one.rows.map((row) => row.message.id))).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(days.map((one) => one.cut)).toEqual([false, false]);
    expect(days[0]?.key).toBe(dayOf(NOON));
  });

  test("of which a part is there say so", () => {
    expect(daysOf(messages, 1, 4, null).map((one) => one.cut)).toEqual([true, false]);
    expect(daysOf(messages, 2, 3, null).map((one) => one.cut)).toEqual([false]);
  });

  test("have the line above the first new message, which begins a group", () => {
    const rows = daysOf(messages, 0, 4, 2)[0]?.rows;
    expect(rows?.map((row) => row.fresh)).toEqual([false, true]);
    expect(rows?.map((row) => row.head)).toEqual([true, true]);
  });

  test("come once, also where a clock went wrong", () => {
    const late = [message(1, { at: NOON + day }), message(2), message(3, { at: NOON + day })];
    const days = daysOf(late, 0, 3, null);
    expect(days.map((one) => one.rows.length)).toEqual([3]);
    expect(daysOf(late, 1, 3, null)[0]?.cut).toBe(true);
  });

  test("end where the messages end", () => {
    expect(daysOf(messages, 3, 99, null).flatMap((one) => one.rows)).toHaveLength(1);
    expect(daysOf([], 0, 0, null)).toEqual([]);
  });
});

test("a message is found by its id", () => {
  const messages = many(5);
  expect([0, 1, 2, 4, 13, 99].map((id) => indexOf(messages, id))).toEqual([0, 0, 1, 1, 4, 5]);
});

describe("the window", () => {
  const heights = new Heights();
  const messages = many(10_000);
  for (const one of messages) heights.set(one.id, 20 + (one.id % 7) * 10);
  const offsets = heights.offsets(messages);
  const total = offsets.at(-1) ?? 0;

  test("knows which message is where", () => {
    expect(at(offsets, -5)).toBe(0);
    expect(at(offsets, 0)).toBe(0);
    for (const index of [1, 77, 9_999]) {
      expect(at(offsets, offsets[index] ?? 0)).toBe(index);
      expect(at(offsets, (offsets[index] ?? 0) - 0.01)).toBe(index - 1);
    }
    expect(at(offsets, total + 5)).toBe(10_000);
  });

  test("holds what is seen and some around it, and never too much", () => {
    for (let top = 0; top < total; top += 7_321) {
      for (const height of [300, 900, 2_000]) {
        const view = { top, height };
        const { start, end } = sliceFor(offsets, view);
        expect(end - start).toBeLessThanOrEqual(MOST + 2);
        expect(offsets[start]).toBeLessThanOrEqual(top);
        expect(offsets[end]).toBeGreaterThanOrEqual(Math.min(total, top + height));
        expect(suffices(offsets, { start, end }, view)).toBe(true);
      }
    }
  });

  test("moves when there is too little beyond what is seen", () => {
    const view = { top: 50_000, height: 800 };
    const slice = sliceFor(offsets, view);
    expect(suffices(offsets, slice, { ...view, top: 50_300 })).toBe(true);
    expect(suffices(offsets, slice, { ...view, top: 51_500 })).toBe(false);
    expect(suffices(offsets, slice, { ...view, top: 48_500 })).toBe(false);
    expect(suffices(offsets, { start: 0, end: 40 }, { top: 0, height: 800 })).toBe(true);
  });

  test("holds everything where there is little", () => {
    const few = new Heights().offsets(many(3));
    expect(sliceFor(few, { top: 0, height: 900 })).toEqual({ start: 0, end: 3 });
    expect(sliceFor(new Heights().offsets([]), { top: 0, height: 900 })).toEqual({
      start: 0,
      end: 0,
    });
  });

  test("guesses what was not measured, and forgets what is not so any more", () => {
    const one = message(1, { text: "a\nb\nc" });
    const made = new Heights();
    expect(made.of(one)).toBeGreaterThan(made.of(message(2)));
    const guessed = made.of(one);
    made.set(1, 500);
    expect(made.of(one)).toBe(500);
    made.clear();
    expect(made.of(one)).toBe(guessed);
  });
});

describe("words", () => {
  test("a few emojis alone are large", () => {
    for (const text of ["👍", "👍🏽 🎉", "👩‍👩‍👧", "❤️", "🇩🇪", "1️⃣"]) expect(isEmojis(text)).toBe(true);
    for (const text of ["", "1", "#", "a 👍", "👍".repeat(7), "©", "*"]) {
      expect(isEmojis(text), text).toBe(false);
    }
  });

  test("the beginning of a message has no Markdown", () => {
    expect(beginning("**Hi** [there](https://a.b)\n> `x`", 80)).toBe("Hi there x");
    expect(beginning("```py\nprint()\n```", 80)).toBe("print()");
    expect([...beginning("👍".repeat(50), 10)]).toEqual([...Array(9).fill("👍"), "…"]);
  });

  test("long is what has many letters or lines", () => {
    expect(isLong("a ".repeat(950))).toBe(true);
    expect(isLong("a\n".repeat(30))).toBe(true);
    expect(isLong("a\n".repeat(20))).toBe(false);
  });
});
