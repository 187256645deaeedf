import { expect, test } from "vitest";

import { callsFor, isUnread, neighbour } from "../../src/app/frame/order";
import type { RoomEntry, RoomList } from "../../src/core/model";
import type { Level, RoomKind } from "../../src/core/types";

interface Given {
  kind?: RoomKind;
  level?: Level;
  muted?: boolean;
  unread?: number;
  mentions?: number;
}

function entry(id: string, given: Given = {}): RoomEntry {
  const { kind = "public", level = "all", muted = false, unread = 0, mentions = 0 } = given;
  const some = { id, info: { kind }, preferences: { level, muted } };
  return { ...some, unread: { read: 0, unread, mentions } } as unknown as RoomEntry;
}

function list(...rooms: RoomEntry[]): RoomList {
  return { rooms: rooms.slice(0, 2), conversations: rooms.slice(2) } as unknown as RoomList;
}

test("what is unread is what somebody wants to be told of", () => {
  expect(isUnread(entry("a", { unread: 3 }))).toBe(true);
  expect(isUnread(entry("a"))).toBe(false);
  expect(isUnread(entry("a", { unread: 3, level: "mentions" }))).toBe(false);
  expect(isUnread(entry("a", { unread: 3, mentions: 1, level: "mentions" }))).toBe(true);
  expect(isUnread(entry("a", { unread: 3, mentions: 1, level: "nothing" }))).toBe(false);
  expect(isUnread(entry("a", { unread: 3, mentions: 1, muted: true }))).toBe(false);
  expect(isUnread(entry("a", { unread: 3, kind: "direct", level: "mentions" }))).toBe(true);
});

test("everything in a conversation is for oneself", () => {
  expect(callsFor(entry("a", { unread: 3, mentions: 1 }))).toBe(1);
  expect(callsFor(entry("a", { unread: 3, kind: "direct" }))).toBe(3);
  expect(callsFor(entry("a", { unread: 3, kind: "direct", muted: true }))).toBe(0);
});

test("neighbours go round and round, over rooms and conversations", () => {
  const rooms = list(entry("a"), entry("b"), entry("c"));
  expect(neighbour(rooms, "a", 1)).toBe("b");
  expect(neighbour(rooms, "c", 1)).toBe("a");
  expect(neighbour(rooms, "a", -1)).toBe("c");
  expect(neighbour(rooms, null, 1)).toBe("a");
  expect(neighbour(rooms, null, -1)).toBe("c");
  expect(neighbour(rooms, "gone", 1)).toBe("a");
  expect(neighbour(list(), "a", 1)).toBe(null);
});

test("among the unread ones, others are passed over", () => {
  const rooms = list(entry("a"), entry("b", { unread: 1 }), entry("c"));
  expect(neighbour(rooms, "c", 1, true)).toBe("b");
  expect(neighbour(rooms, "c", -1, true)).toBe("b");
  expect(neighbour(rooms, "b", 1, true)).toBe(null);
});
