import { describe, expect, test } from "vitest";

import type { Message } from "../../src/core/types";
import { Line } from "../../src/app/timeline/line.svelte";

const said = (...users: string[]) =>
  users.map((user, index) => ({ id: index + 1, user }) as Message);

describe("the line above what is new", () => {
  test("is where others go on while nobody looks", () => {
    const line = new Line(null);
    line.arrived(said("a", "b"), "me", true);
    line.arrived(said("a", "b", "c"), "me", false);
    expect(line.at).toBe(3);
    line.arrived(said("a", "b", "c", "d"), "me", false);
    expect(line.at).toBe(3);
  });

  test("stays after it was seen, until there is something new once more", () => {
    const line = new Line(2);
    line.arrived(said("a", "b"), "me", true);
    expect(line.at).toBe(2);
    line.arrived(said("a", "b", "c"), "me", true);
    expect(line.at).toBe(2);
    line.arrived(said("a", "b", "c", "d"), "me", false);
    expect(line.at).toBe(4);
  });

  test("is not drawn for what was there, was seen, or was said by oneself", () => {
    const line = new Line(null);
    line.arrived(said("a", "b"), "me", false);
    expect(line.at).toBe(null);
    line.arrived(said("a", "b", "c"), "me", true);
    line.arrived(said("a", "b", "c", "me"), "me", false);
    expect(line.at).toBe(null);
    line.arrived(said("a", "b", "c", "me", "me", "d"), "me", false);
    expect(line.at).toBe(6);
  });

  test("does not move where one has not come to yet", () => {
    const line = new Line(2);
    line.arrived(said("a", "b"), "me", false);
    line.arrived(said("a", "b", "c"), "me", false);
    expect(line.at).toBe(2);
  });
});
