import { beforeEach, describe, expect, it } from "vitest";

import { Stage, myRoom, profile } from "./support/chat";
import { settle } from "./support/api";

let stage: Stage;

beforeEach(() => {
  stage = new Stage();
});

function titles(): string[] {
  return stage.chat.rooms.rooms.map((one) => one.title);
}

describe("the list of rooms", () => {
  it("is by title, with numbers as numbers", async () => {
    await stage.start(myRoom("team 10"), myRoom("Äpfel"), myRoom("team 9"), myRoom("zoo"));
    expect(titles()).toEqual(["Äpfel", "team 9", "team 10", "zoo"]);
  });

  it("has conversations by their last message, called by the others", async () => {
    stage.chat.people.learn([profile("ann"), profile("bob")]);
    const one = { ...myRoom("d1", { kind: "direct", last_at: 5 }), members: ["me", "ann"] };
    const two = { ...myRoom("d2", { kind: "direct", last_at: 9 }), members: ["me", "ann", "bob"] };
    const own = { ...myRoom("d3", { kind: "direct", last_at: 1 }), members: ["me"] };
    await stage.start(one, two, own);
    const found = () => stage.chat.rooms.conversations.map((entry) => entry.title);
    expect(found()).toEqual(["ANN, BOB", "ANN", "ME"]);
    expect(stage.chat.rooms.get("d2")?.others).toEqual(["ann", "bob"]);
    stage.wire.event("d1", 11, { type: "message", by: "ann", at: 20, text: "hi" });
    expect(found()).toEqual(["ANN", "ANN, BOB", "ME"]);
  });

  it("keeps the entries of rooms that have not changed", async () => {
    await stage.start(myRoom("a"), myRoom("b"));
    const [a, b] = stage.chat.rooms.rooms;
    stage.wire.event("b", 11, { type: "changed", by: "ann", at: 1, topic: "new" });
    await stage.chat.rooms.load();
    expect(stage.chat.rooms.rooms[0]).toBe(a);
    expect(stage.chat.rooms.rooms[1]).not.toBe(b);
    expect(stage.chat.rooms.rooms[1]?.info.topic).toBe("new");
  });

  it("counts by what one wants to be told", async () => {
    const rooms = [
      myRoom("a", {}, 1),
      { ...myRoom("b", {}, 2), preferences: { level: "mentions", muted: false } as const },
      { ...myRoom("c", {}, 4), preferences: { level: "all", muted: true } as const },
      {
        ...myRoom("d", { kind: "direct" }, 8),
        preferences: { level: "nothing", muted: false } as const,
      },
      { ...myRoom("e"), unread: { read: 0, unread: 16, mentions: 3, offset: 10 } },
      myRoom("f", { kind: "direct" }, 32),
    ];
    await stage.start(...rooms);
    expect([stage.chat.rooms.unread, stage.chat.rooms.mentions]).toEqual([49, 35]);
    stage.wire.listener.pushed("user:me", {
      type: "preferences",
      room: "f",
      level: "all",
      muted: true,
    });
    expect([stage.chat.rooms.unread, stage.chat.rooms.mentions]).toEqual([17, 3]);
  });

  it("counts to a hundred", async () => {
    await stage.start(myRoom("a", {}, 100));
    stage.wire.event("a", 11, { type: "message", by: "ann", at: 1, text: "hi" });
    expect(stage.chat.rooms.get("a")?.unread.unread).toBe(100);
  });

  it("is newer than an answer that was on its way when more was heard", async () => {
    await stage.start(myRoom("a", {}, 4, 2));
    stage.rooms = [myRoom("a", {}, 1, 9)];
    const loading = stage.chat.rooms.load();
    stage.wire.event("a", 11, { type: "message", by: "ann", at: 1, text: "hi" });
    await loading;
    const entry = () => stage.chat.rooms.get("a");
    expect([entry()?.info.offset, entry()?.unread]).toEqual([
      11,
      { read: 9, unread: 2, mentions: 0 },
    ]);
    stage.chat.stop();
  });

  it("has no marker go back", async () => {
    await stage.start(myRoom("a", {}, 0, 9));
    stage.rooms = [myRoom("a", {}, 4, 2)];
    await stage.chat.rooms.load();
    expect(stage.chat.rooms.get("a")?.unread).toEqual({ read: 9, unread: 0, mentions: 0 });
    stage.chat.stop();
  });

  it("follows rooms that come, and not those that go", async () => {
    await stage.start(myRoom("a"));
    stage.rooms = [myRoom("b")];
    stage.wire.listener.pushed("user:me", { type: "entered", room: "b" });
    await settle();
    expect([titles(), [...stage.wire.followers.keys()]]).toEqual([["b"], ["room:b"]]);
  });

  it("is asked for once by all who want it at the same time, and once more by who comes later", async () => {
    await stage.start();
    const before = stage.asked("GET /rooms");
    const { rooms } = stage.chat;
    const all = [rooms.load(), rooms.load()];
    await Promise.resolve();
    await Promise.resolve();
    all.push(rooms.load(), rooms.load());
    await Promise.all(all);
    expect(stage.asked("GET /rooms") - before).toBe(2);
  });

  it("has a room that was made, at once", async () => {
    await stage.start();
    const making = stage.chat.rooms.create({ kind: "public", name: "new" });
    stage.rooms = [myRoom("new")];
    const [call] = stage.wire.calls.filter((one) => one.method === "chat.create");
    expect(call?.data).toMatchObject({ wish: { type: "create", kind: "public", name: "new" } });
    call?.answer({ room: "new", offset: 1 });
    expect([await making, titles()]).toEqual(["new", ["new"]]);
  });

  it("is all read when somebody says so", async () => {
    await stage.start(myRoom("a", {}, 3), myRoom("b"), myRoom("c", { offset: 20 }, 5));
    let body: unknown;
    stage.answers.set("PUT /read", (asked) => {
      body = asked.body;
      const read = { unread: 0, mentions: 0 };
      const items = [
        { room: "a", ...read, read: 10, offset: 10 },
        { room: "c", ...read, read: 20, offset: 20 },
      ];
      asked.answer({ items });
    });
    await stage.chat.rooms.markAllRead();
    const rooms = [
      { room: "a", offset: 10 },
      { room: "c", offset: 20 },
    ];
    expect([body, stage.chat.rooms.unread]).toEqual([{ rooms }, 0]);
  });
});
