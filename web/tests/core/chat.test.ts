import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { LOOK_MS } from "../../src/core/chat";
import { ASK_MS } from "../../src/core/markers";
import type { Room } from "../../src/core/room";
import type { Message, RoomEvent } from "../../src/core/types";
import { LATER_MS } from "../../src/core/outbox";
import { AGAIN_MS } from "../../src/core/upkeep";
import { settle } from "./support/api";
import { ANN, myRoom, opened, profile, said, Stage } from "./support/chat";

let stage: Stage;

function message(more: object = {}): RoomEvent {
  return { type: "message", by: "ann", at: 50, text: "hi", ...more };
}

/** A room that is open, with messages 8 and 9 of Ann's, and what is unread of them. */
async function open(id = "r", unread = 0, read = 10): Promise<Room> {
  const one = myRoom(id, {}, unread, read);
  stage.pages.set(id, opened(one, [said(8), said(9)]));
  await stage.start(one);
  const room = stage.chat.room(id);
  await settle();
  return room;
}

function ids(room: Room): number[] {
  return room.messages.map((one) => one.id);
}

beforeEach(() => {
  vi.useFakeTimers();
  stage = new Stage();
});

afterEach(() => {
  stage.chat.stop();
  vi.useRealTimers();
});

describe("the network", () => {
  it("is behind until every room has caught up", async () => {
    const { network } = stage.chat;
    stage.rooms = [myRoom("a"), myRoom("b")];
    stage.chat.start();
    await settle();
    expect(network.state).toBe("connecting");
    stage.wire.connect();
    expect([network.state, network.left, network.total]).toEqual(["behind", 2, 2]);
    stage.wire.subscribed("a", 10);
    expect([network.state, network.left, network.total]).toEqual(["behind", 1, 2]);
    stage.wire.subscribed("b", 10);
    expect([network.state, network.total]).toEqual(["online", 0]);
    stage.wire.listener.state("connecting");
    expect([network.state, network.left]).toEqual(["connecting", 2]);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(network.state).toBe("offline");
    stage.wire.connect();
    expect(network.state).toBe("behind");
  });

  it("follows all rooms in one go", async () => {
    await stage.start(...Array.from({ length: 500 }, (_, index) => myRoom(`r${index}`)));
    expect([stage.wire.followers.size, stage.chat.network.state]).toEqual([500, "online"]);
    expect(stage.wire.batches).toBeLessThan(4);
  });

  it("is tried at once when somebody asks for it", () => {
    stage.chat.start();
    stage.chat.network.retry();
    expect(stage.wire.retries).toBe(1);
  });

  it("loads the list again where it could not be, while there is a connection", async () => {
    let fails = 2;
    stage.answers.set("GET /rooms", (asked) => {
      fails -= 1;
      if (fails >= 0) asked.answer({}, 503);
      else asked.answer({ items: stage.rooms, users: [] });
    });
    await stage.start(myRoom("a"));
    expect(stage.chat.rooms.loaded).toBe(false);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(stage.chat.rooms.get("a")?.title).toBe("a");
  });
});

describe("a connection that ends for good", () => {
  it("tells that the login has ended", async () => {
    const told = vi.fn();
    stage.chat.onEnded(told);
    stage.answers.set("GET /session", (asked) => asked.answer({}, 401));
    await stage.start();
    stage.wire.listener.state("ended");
    await settle();
    expect(told).toHaveBeenCalledOnce();
  });

  it("tells so, too, where somebody else is signed in by now", async () => {
    const told = vi.fn();
    stage.chat.onEnded(told);
    stage.answers.set("GET /session", (asked) =>
      asked.answer({ user: profile("bob"), login: "k" }),
    );
    await stage.start();
    stage.wire.listener.state("ended");
    await settle();
    expect(told).toHaveBeenCalledOnce();
  });

  it("is tried again after a while where one is signed in, later each time", async () => {
    const told = vi.fn();
    stage.chat.onEnded(told);
    stage.answers.set("GET /session", (asked) => asked.answer({ user: profile("me"), login: "l" }));
    await stage.start();
    for (const pause of [2_000, 4_000, 8_000]) {
      const before = stage.wire.retries;
      stage.wire.listener.state("ended");
      await vi.advanceTimersByTimeAsync(pause - 1);
      expect(stage.wire.retries).toBe(before);
      await vi.advanceTimersByTimeAsync(1);
      expect(stage.wire.retries).toBe(before + 1);
    }
    expect(told).not.toHaveBeenCalled();
  });

  it("asks again while nobody can say", async () => {
    stage.answers.set("GET /session", (asked) => asked.fail());
    await stage.start();
    stage.wire.listener.state("ended");
    await vi.advanceTimersByTimeAsync(6_000);
    expect(stage.asked("GET /session")).toBe(3);
    expect(stage.chat.network.state).toBe("ended");
  });
});

describe("an open room", () => {
  it("follows its events", async () => {
    const room = await open();
    expect([room.state, ids(room), room.may("say"), room.may("ban")]).toEqual([
      "ready",
      [8, 9],
      true,
      false,
    ]);
    stage.wire.event("r", 11, message());
    expect(ids(room)).toEqual([8, 9, 11]);
    expect(stage.asked("GET /rooms/r/open")).toBe(1);
  });

  it("has what came while it was fetched", async () => {
    const one = myRoom("r");
    await stage.start(one);
    let answer = (): void => undefined;
    stage.answers.set("GET /rooms/r/open", (asked) => {
      answer = () => asked.answer(opened(one, [said(8), said(10)]));
    });
    const room = stage.chat.room("r");
    for (const offset of [10, 11, 12]) stage.wire.event("r", offset, message());
    expect(room.state).toBe("loading");
    answer();
    await settle();
    expect(ids(room)).toEqual([8, 10, 11, 12]);
  });

  it("is fetched again where an event is missing", async () => {
    const room = await open();
    stage.pages.set("r", opened(myRoom("r", { offset: 12 }), [said(9), said(11), said(12)]));
    stage.wire.event("r", 13, message());
    await settle();
    expect(ids(room)).toEqual([8, 9, 11, 12, 13].slice(1));
    expect(stage.asked("GET /rooms/r/open")).toBe(2);
  });

  it("is fetched again where the connection could not bring what was missed", async () => {
    const room = await open();
    stage.wire.listener.state("connecting");
    stage.wire.connect();
    stage.pages.set("r", opened(myRoom("r", { offset: 40 }), [said(39), said(40)]));
    stage.wire.subscribed("r", 40, false);
    await settle();
    expect([ids(room), room.info.offset]).toEqual([[39, 40], 40]);
  });

  it("is not fetched again where it could", async () => {
    const room = await open();
    stage.wire.listener.state("connecting");
    stage.wire.connect();
    stage.wire.subscribed("r", 12, true);
    stage.wire.event("r", 11, message());
    stage.wire.event("r", 12, message());
    await settle();
    expect(ids(room)).toEqual([8, 9, 11, 12]);
    expect(stage.asked("GET /rooms/r/open")).toBe(1);
  });

  it("is fetched once more where it was followed from a later event on", async () => {
    const one = myRoom("r");
    await stage.start(one);
    stage.wire.subscribed("r", 11);
    stage.pages.set("r", opened(one, [said(9)]));
    const room = stage.chat.room("r");
    stage.wire.subscribed("r", 11);
    await settle();
    stage.pages.set("r", opened(myRoom("r", { offset: 11 }), [said(9), said(11)]));
    await vi.advanceTimersByTimeAsync(AGAIN_MS);
    expect(ids(room)).toEqual([9, 11]);
  });

  it("keeps older messages that were loaded when it is fetched again", async () => {
    const one = myRoom("r");
    stage.pages.set("r", opened(one, [said(8), said(9)], true));
    stage.answers.set("GET /rooms/r/messages", (asked) => {
      const all = [said(3), said(4), said(8, "ann", { text: "edited" })];
      const items = all.filter((found) => found.id < Number(asked.query.get("before")));
      asked.answer({ items, before: 3, after: null, users: [] });
    });
    await stage.start(one);
    const room = stage.chat.room("r");
    await settle();
    await room.loadOlder();
    expect(ids(room)).toEqual([3, 4, 8, 9]);
    stage.pages.set("r", opened(myRoom("r", { offset: 12 }), [said(9), said(12)], true));
    stage.wire.event("r", 13, message());
    await settle();
    expect(ids(room)).toEqual([3, 4, 8, 9, 12, 13]);
    expect([room.messages[2]?.text, room.older]).toEqual(["edited", "more"]);
  });

  it("is tried again where it could not be fetched", async () => {
    await stage.start(myRoom("r"));
    stage.answers.set("GET /rooms/r/open", (asked) => asked.fail());
    const room = stage.chat.room("r");
    await settle();
    expect([room.state, room.why]).toEqual(["failed", expect.stringContaining("does not answer")]);
    stage.answers.delete("GET /rooms/r/open");
    stage.pages.set("r", opened(myRoom("r"), [said(8)]));
    await vi.advanceTimersByTimeAsync(AGAIN_MS);
    expect([room.state, room.why, ids(room)]).toEqual(["ready", "", [8]]);
  });

  it("is gone where one was put out, and says why", async () => {
    const room = await open();
    stage.wire.followers.get("room:r")?.ended("", false);
    stage.wire.listener.pushed("user:me", { type: "gone", room: "r", why: "kicked" });
    expect([room.state, room.why]).toEqual(["gone", "kicked"]);
    expect(stage.chat.rooms.get("r")).toBeUndefined();
    expect(stage.chat.network.state).toBe("online");
  });

  it("is there again when one is let in again", async () => {
    const room = await open();
    stage.wire.listener.pushed("user:me", { type: "gone", room: "r", why: "kicked" });
    await settle();
    stage.wire.listener.pushed("user:me", { type: "entered", room: "r" });
    await settle();
    stage.wire.subscribed("r", 10);
    await settle();
    expect([room.state, stage.chat.room("r")]).toEqual(["ready", room]);
  });

  it("stays in the list where it is one too many to follow", async () => {
    await stage.start(myRoom("r"));
    stage.wire.followers.get("room:r")?.ended("limit exceeded", true);
    expect(stage.chat.rooms.get("r")?.title).toBe("r");
    expect(stage.chat.network.state).toBe("online");
  });

  it("has one's rights asked for again after what may change them", async () => {
    const room = await open();
    stage.answers.set("GET /rooms/r", (asked) =>
      asked.answer({ room: room.info, me: room.me, rights: ["read"] }),
    );
    stage.wire.event("r", 11, { type: "muted", user: "ann", until: 5, by: "bob" });
    stage.wire.event("r", 12, { type: "archived", by: "ann", at: 1 });
    await settle();
    expect([room.may("say"), stage.asked("GET /rooms/r")]).toEqual([false, 1]);
  });

  it("has them asked for, too, when one is not muted any more", async () => {
    const room = await open();
    const me = { ...room.me, muted_until: Date.now() + 60_000 };
    stage.answers.set("GET /rooms/r", (asked) => asked.answer({ me, rights: ["read"] }));
    stage.wire.event("r", 11, { type: "muted", user: "me", until: me.muted_until, by: "ann" });
    await settle();
    expect(room.may("say")).toBe(false);
    stage.answers.set("GET /rooms/r", (asked) =>
      asked.answer({ me: { ...me, muted_until: 0 }, rights: ["read", "say"] }),
    );
    await vi.advanceTimersByTimeAsync(61_001);
    expect(room.may("say")).toBe(true);
  });

  it("shows who types, until they have said it or for six seconds", async () => {
    const room = await open();
    stage.wire.event("r", undefined, { type: "typing", users: ["ann", "bob", "me"] });
    expect(room.typing).toEqual(["ann", "bob"]);
    stage.wire.event("r", 11, message());
    expect(room.typing).toEqual(["bob"]);
    await vi.advanceTimersByTimeAsync(6_000);
    expect(room.typing).toEqual([]);
  });

  it("says that one types every three seconds", async () => {
    const room = await open();
    for (let second = 0; second < 4; second += 1) {
      room.typed();
      await vi.advanceTimersByTimeAsync(1_000);
    }
    const typed = stage.wire.calls.filter((one) => one.method === "chat.typing");
    expect(typed.map((one) => one.data)).toEqual([{ room: "r" }, { room: "r" }]);
  });

  it("counts pins again when one was deleted that is not loaded", async () => {
    const room = await open();
    stage.answers.set("GET /rooms/r/pins", (asked) =>
      asked.answer({ items: [said(5)], next: null, users: [] }),
    );
    stage.wire.event("r", 11, { type: "pinned", message: 5, by: "ann", at: 1 });
    stage.wire.event("r", 12, { type: "pinned", message: 6, by: "ann", at: 1 });
    expect(room.pinned).toBe(2);
    stage.wire.event("r", 13, { type: "deleted", message: 6, user: "ann", by: "ann", at: 1 });
    await settle();
    expect(room.pinned).toBe(1);
  });

  it("brings more of its members", async () => {
    const one = myRoom("r", { people: 4 });
    stage.pages.set("r", opened(one, []));
    stage.answers.set("GET /rooms/r/members", (asked) =>
      asked.answer({
        items: ["bob", "cy"].map((user) => ({ ...ANN, user })),
        next: null,
        users: [profile("bob")],
      }),
    );
    await stage.start(one);
    const room = stage.chat.room("r");
    await settle();
    expect([room.allMembers, room.members.size]).toEqual([false, 2]);
    await room.loadMembers();
    expect([room.allMembers, [...room.members.keys()]]).toEqual([true, ["me", "ann", "bob", "cy"]]);
  });

  it("is one of the twelve that were used last", async () => {
    const names = Array.from({ length: 13 }, (_, index) => `r${index}`);
    for (const name of names) stage.pages.set(name, opened(myRoom(name), []));
    await stage.start(...names.map((name) => myRoom(name)));
    const rooms = names.map((name) => stage.chat.room(name));
    expect(stage.chat.room("r12")).toBe(rooms[12]);
    expect(stage.chat.room("r0")).not.toBe(rooms[0]);
  });
});

describe("who is here", () => {
  const ASK = "GET /rooms/r/presence";

  it("is asked for now and then by guests, of the room that they look at", async () => {
    stage.chat.stop();
    stage = new Stage(profile("me", { kind: "guest" }));
    stage.pages.set("s", opened(myRoom("s"), []));
    await open();
    stage.chat.room("s");
    stage.chat.room("r");
    await settle();
    const [before, elsewhere] = [stage.asked(ASK), stage.asked("GET /rooms/s/presence")];
    stage.answers.set(ASK, (asked) => asked.answer({ states: { ann: "away" } }));
    await vi.advanceTimersByTimeAsync(LOOK_MS);
    expect([stage.asked(ASK), stage.chat.people.presence("ann")]).toEqual([before + 1, "away"]);
    stage.chat.setAway(true);
    await vi.advanceTimersByTimeAsync(2 * LOOK_MS);
    expect(stage.asked(ASK)).toBe(before + 1);
    stage.chat.setAway(false);
    await settle();
    expect(stage.asked(ASK)).toBe(before + 2);
    stage.wire.listener.state("connecting");
    await vi.advanceTimersByTimeAsync(LOOK_MS);
    expect(stage.asked(ASK)).toBe(before + 2);
    expect(stage.asked("GET /rooms/s/presence")).toBe(elsewhere);
    stage.chat.stop();
    await vi.advanceTimersByTimeAsync(LOOK_MS);
    expect(stage.asked(ASK)).toBe(before + 2);
  });

  it("is told to everybody else", async () => {
    await open();
    const before = stage.asked(ASK);
    await vi.advanceTimersByTimeAsync(2 * LOOK_MS);
    expect(stage.asked(ASK)).toBe(before);
  });
});

describe("an edit that was begun", () => {
  it("is kept for its message, as long as that is there", async () => {
    const room = await open();
    room.keepEdit(8, "changed");
    room.keepEdit(9, "too");
    expect([room.begunEdit(8), room.begunEdit(9), room.begunEdit(10)]).toEqual([
      "changed",
      "too",
      null,
    ]);
    stage.wire.event("r", 11, { type: "deleted", message: 8, by: "ann", at: 1 });
    expect([room.begunEdit(8), room.begunEdit(9)]).toEqual([null, "too"]);
  });
});

describe("what one says", () => {
  function sent(): unknown[] {
    return stage.server.log.filter((one) => one.endsWith("/messages"));
  }

  it("is among what is pending until the room tells of it", async () => {
    const room = await open();
    const bodies: unknown[] = [];
    stage.answers.set("POST /rooms/r/messages", (asked) => {
      bodies.push([asked.body, asked.key]);
      asked.answer({ id: 11 }, 201);
    });
    room.say("hello", [], { id: 8, user: "ann", text: "m8" });
    const key = room.pending[0]?.key ?? "";
    await settle();
    expect(bodies).toEqual([[{ text: "hello", nonce: key, reply: 8, files: [] }, key]]);
    expect([room.pending.length, stage.chat.network.waiting]).toEqual([1, 1]);
    stage.wire.event("r", 11, message({ by: "me", nonce: key }));
    expect([room.pending, ids(room), stage.chat.network.waiting]).toEqual([[], [8, 9, 11], 0]);
  });

  it("waits for the connection, and is not sent where the room has it by then", async () => {
    const room = await open();
    stage.wire.listener.state("connecting");
    room.say("one");
    await settle();
    expect([sent(), stage.chat.network.waiting]).toEqual([[], 1]);
    stage.wire.connect();
    await settle();
    expect(sent()).toEqual([]);
    const nonce = room.pending[0]?.key;
    stage.wire.event("r", 11, message({ by: "me", nonce }));
    stage.wire.subscribed("r", 11, true);
    await settle();
    expect([sent(), room.pending]).toEqual([[], []]);
  });

  it("is given up with the connection, and sent again under its key with the next", async () => {
    const room = await open();
    const keys: (string | null)[] = [];
    stage.answers.set("POST /rooms/r/messages", (asked) => keys.push(asked.key));
    room.say("one");
    await settle();
    stage.wire.listener.state("connecting");
    await settle();
    expect(room.pending[0]?.state).toBe("waiting");
    stage.wire.connect();
    stage.wire.subscribed("r", 10, true);
    await vi.advanceTimersByTimeAsync(LATER_MS);
    expect([keys.length, new Set(keys).size]).toEqual([2, 1]);
  });

  it("fails where one was put out of the room meanwhile", async () => {
    const room = await open();
    stage.wire.listener.state("connecting");
    room.say("one");
    stage.rooms = [];
    stage.wire.connect();
    stage.wire.followers.get("room:r")?.ended("permission denied", false);
    await settle();
    expect(sent()).toEqual(["POST /rooms/r/messages"]);
    expect(room.pending[0]?.state).toBe("failed");
  });

  it("takes the draft with it", async () => {
    const room = await open();
    room.keepDraft({ text: "hel", reply: null });
    expect([room.draft.text, stage.chat.drafts.has("r")]).toEqual(["hel", true]);
    room.say("hello");
    expect([room.draft.text, stage.chat.drafts.has("r")]).toEqual(["", false]);
  });
});

describe("what is unread", () => {
  it("counts what others say, and what mentions one", async () => {
    await stage.start(myRoom("a"), myRoom("d", { kind: "direct" }));
    stage.wire.event("a", 11, message());
    stage.wire.event("a", 12, message({ mentions: ["*"] }));
    stage.wire.event("a", 13, message({ by: "me" }));
    stage.wire.event("a", 14, { type: "reacted", message: 11, emoji: "👍", by: "ann" });
    stage.wire.event("d", 11, message());
    const { rooms } = stage.chat;
    expect(rooms.get("a")?.unread).toEqual({ read: 0, unread: 2, mentions: 1 });
    expect([rooms.unread, rooms.mentions]).toEqual([3, 2]);
  });

  it("tells whoever asked of each message that comes in, once", async () => {
    const told = vi.fn();
    await stage.start(myRoom("a"));
    const end = stage.chat.onMessage(told);
    stage.wire.event("a", 11, message());
    stage.wire.event("a", 11, message());
    stage.wire.event("a", 12, message({ by: "me" }));
    end();
    stage.wire.event("a", 13, message());
    expect(told).toHaveBeenCalledOnce();
    expect(told.mock.calls[0]?.[0]).toMatchObject({ id: 11, user: "ann" });
  });

  /** Be let into a room whose last message is `last`, and is followed from there on. */
  async function enter(last: Message, read: number): Promise<void> {
    stage.rooms = [...stage.rooms, myRoom("d", { kind: "direct", offset: last.id }, 1, read)];
    stage.answers.set("GET /rooms/d/messages", (asked) => {
      expect([asked.query.get("before"), asked.query.get("limit")]).toEqual([
        `${last.id + 1}`,
        "1",
      ]);
      asked.answer({ items: [last], before: null, after: null, users: [profile("ann")] });
    });
    stage.wire.listener.pushed("user:me", { type: "entered", room: "d" });
    await settle();
    stage.wire.subscribed("d", last.id);
    await settle();
  }

  it("tells, too, of what was said before a new room was followed, once", async () => {
    const told = vi.fn();
    await stage.start(myRoom("a"));
    stage.chat.onMessage(told);
    await enter(said(2), 1);
    expect(told.mock.calls.map(([one, room]) => [one.id, room.id])).toEqual([[2, "d"]]);
    stage.wire.event("d", 3, message());
    stage.wire.listener.state("connecting");
    stage.wire.connect();
    stage.wire.subscribed("d", 3, true);
    await settle();
    expect(told.mock.calls.map(([one]) => one.id)).toEqual([2, 3]);
    expect(stage.asked("GET /rooms/d/messages")).toBe(1);
  });

  it.each([
    ["from before one came", said(2), 2],
    ["one's own", said(2, "me"), 1],
    ["deleted by then", { ...said(2), deleted_at: 3 }, 1],
  ])("tells of none that is %s", async (_, last, read) => {
    const told = vi.fn();
    await stage.start(myRoom("a"));
    stage.chat.onMessage(told);
    await enter(last, read);
    expect(told).not.toHaveBeenCalled();
  });

  it("asks for none in a room that is followed already", async () => {
    await stage.start(myRoom("a", {}, 1));
    stage.wire.listener.pushed("user:me", { type: "entered", room: "a" });
    stage.wire.listener.state("connecting");
    stage.wire.connect();
    stage.wire.subscribed("a", 12, true);
    await settle();
    expect(stage.asked("GET /rooms/a/messages")).toBe(0);
  });

  it("is nothing once the last message was read, and that is told", async () => {
    const room = await open("r", 2, 7);
    const told: unknown[] = [];
    stage.answers.set("PUT /rooms/r/read", (asked) => {
      told.push(asked.body);
      asked.answer({ read: 9, unread: 0, mentions: 0, offset: 10 });
    });
    expect([room.unread.unread, room.firstUnread]).toEqual([2, 8]);
    room.markRead();
    expect(room.unread).toEqual({ read: 9, unread: 0, mentions: 0 });
    room.markRead();
    await settle();
    expect([told, room.firstUnread]).toEqual([[{ offset: 9 }], 8]);
  });

  it("is told together where one reads on", async () => {
    const room = await open("r", 5, 1);
    const told: unknown[] = [];
    stage.answers.set("PUT /rooms/r/read", (asked) => {
      told.push(asked.body);
      asked.answer({ read: (asked.body as { offset: number }).offset, unread: 1, mentions: 0 });
    });
    for (const offset of [5, 6, 7, 8]) room.markRead(offset);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told).toEqual([{ offset: 5 }, { offset: 8 }]);
  });

  it("is told with the next connection where it could not be", async () => {
    const room = await open("r", 2, 7);
    stage.answers.set("PUT /rooms/r/read", (asked) => asked.fail());
    room.markRead();
    await vi.advanceTimersByTimeAsync(1_000);
    const told: unknown[] = [];
    stage.answers.set("PUT /rooms/r/read", (asked) => {
      told.push(asked.body);
      asked.answer({ read: 9, unread: 0, mentions: 0, offset: 10 });
    });
    stage.wire.listener.state("connecting");
    stage.wire.connect();
    await settle();
    expect(told).toEqual([{ offset: 9 }]);
  });

  it("follows what was read with another device", async () => {
    await stage.start(myRoom("a", {}, 4));
    stage.rooms = [myRoom("a", {}, 1, 9)];
    stage.wire.listener.message({ read: { room: "room:a", offset: 9 } });
    await settle();
    expect(stage.chat.rooms.get("a")?.unread).toEqual({ read: 9, unread: 1, mentions: 0 });
    const asked = stage.asked("GET /unread");
    for (const data of [{ read: { room: "room:a", offset: 9 } }, { read: { room: "x" } }, {}]) {
      stage.wire.listener.message(data);
    }
    expect(stage.asked("GET /unread")).toBe(asked);
  });

  it("has nothing twice that an answer knew of before it was heard", async () => {
    await stage.start(myRoom("a", { offset: 10 }, 1));
    const told = vi.fn();
    stage.chat.onMessage(told);
    stage.rooms = [
      { ...myRoom("a", {}, 3), unread: { read: 0, unread: 3, mentions: 1, offset: 12 } },
    ];
    await stage.chat.rooms.load();
    const { rooms } = stage.chat;
    expect(rooms.get("a")?.unread).toEqual({ read: 0, unread: 3, mentions: 1 });
    for (const offset of [11, 12, 13]) stage.wire.event("a", offset, message({ mentions: ["me"] }));
    expect(rooms.get("a")?.unread).toEqual({ read: 0, unread: 4, mentions: 2 });
    expect(told).toHaveBeenCalledTimes(3);
    await vi.advanceTimersByTimeAsync(ASK_MS);
    expect(stage.asked("GET /unread")).toBe(0);
  });

  it("misses nothing that came while an answer was on its way", async () => {
    await stage.start(myRoom("a"));
    let answer = (): void => undefined;
    stage.answers.set("GET /unread", (asked) => {
      const one = { room: "a", read: 9, unread: 1, mentions: 0, offset: 11 };
      answer = () => asked.answer({ items: [one] });
    });
    stage.wire.listener.message({ read: { room: "room:a", offset: 9 } });
    for (const offset of [11, 12]) stage.wire.event("a", offset, message());
    answer();
    await settle();
    expect(stage.chat.rooms.get("a")?.unread).toEqual({ read: 9, unread: 2, mentions: 0 });
  });

  it("is asked for where something was not heard", async () => {
    await stage.start(myRoom("a"));
    stage.rooms = [myRoom("a", { offset: 12 }, 2)];
    stage.wire.event("a", 12, message());
    expect(stage.chat.rooms.get("a")?.unread.unread).toBe(1);
    await vi.advanceTimersByTimeAsync(ASK_MS);
    expect(stage.chat.rooms.get("a")?.unread.unread).toBe(2);
  });

  it("is asked for again after something unread was deleted", async () => {
    await stage.start(myRoom("a", {}, 3, 5));
    stage.wire.event("a", 11, { type: "deleted", message: 4, by: "ann", at: 1 });
    stage.wire.event("a", 12, { type: "deleted", message: 8, by: "ann", at: 1 });
    stage.rooms = [myRoom("a", {}, 2, 5)];
    await vi.advanceTimersByTimeAsync(ASK_MS);
    expect(stage.chat.rooms.get("a")?.unread.unread).toBe(2);
  });

  it("begins at the first of them also where that is not loaded", async () => {
    const one = myRoom("r", {}, 60, 2);
    stage.pages.set("r", opened(one, [said(8), said(9)], true));
    stage.answers.set("GET /rooms/r/messages", (asked) => {
      expect(asked.query.get("after")).toBe("2");
      asked.answer({ items: [said(3, "me"), said(4)], before: 3, after: 4, users: [] });
    });
    await stage.start(one);
    const room = stage.chat.room("r");
    await settle();
    expect(room.firstUnread).toBe(4);
  });

  it("begins anew each time that somebody comes to look", async () => {
    const room = await open();
    const end = room.subscribe(() => undefined);
    stage.wire.event("r", 11, message());
    expect(room.firstUnread).toBeNull();
    end();
    stage.wire.event("r", 12, message());
    stage.wire.event("r", 13, message());
    expect(room.firstUnread).toBe(12);
    stage.answers.set("PUT /rooms/r/read", (asked) =>
      asked.answer({ read: 13, unread: 0, mentions: 0, offset: 13 }),
    );
    room.markRead();
    room.subscribe(() => undefined);
    expect(room.firstUnread).toBeNull();
  });

  it("begins, while one is away, with what comes then", async () => {
    const room = await open();
    room.subscribe(() => undefined);
    stage.chat.setAway(true);
    stage.wire.event("r", 11, message());
    stage.wire.event("r", 12, message());
    expect(room.firstUnread).toBe(11);
  });
});

describe("being away", () => {
  it("is told once, and again on another connection", async () => {
    await stage.start();
    stage.chat.setAway(true);
    stage.chat.setAway(true);
    stage.wire.connect();
    const told = stage.wire.calls.filter((one) => one.method === "chat.away");
    expect(told.map((one) => one.data)).toEqual([{ away: true }, { away: true }]);
  });
});

describe("coming back", () => {
  it("has the connection tried at once where there is none", async () => {
    await stage.start();
    stage.chat.setAway(true);
    stage.wire.listener.state("connecting");
    await vi.advanceTimersByTimeAsync(3_000);
    stage.chat.setAway(false);
    expect(stage.wire.retries).toBe(1);
  });
});

describe("people", () => {
  it("are here, away or offline as the server tells", async () => {
    await stage.start();
    const { people } = stage.chat;
    stage.wire.listener.pushed("people", { type: "presence", user: "ann", state: "away" });
    expect([people.presence("ann"), people.presence("bob")]).toEqual(["away", "offline"]);
  });

  it("in conversations are asked for with each connection", async () => {
    stage.answers.set("GET /rooms/d/presence", (asked) =>
      asked.answer({ states: { ann: "online" } }),
    );
    await stage.start(myRoom("d", { kind: "direct" }));
    expect(stage.chat.people.presence("ann")).toBe("online");
    expect(stage.chat.rooms.get("d")?.title).toBe("ANN");
  });

  it("are asked for again when they are others", async () => {
    await stage.start(myRoom("d", { kind: "direct" }));
    stage.answers.set("GET /users", (asked) =>
      asked.answer({ items: [profile("ann", { display: "Anne" })], next: null }),
    );
    stage.wire.listener.pushed("people", { type: "user", user: "ann" });
    await settle();
    expect(stage.chat.rooms.get("d")?.title).toBe("Anne");
  });
});
