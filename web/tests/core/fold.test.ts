import { describe, expect, it } from "vitest";

import { messageOf, RoomState } from "../../src/core/fold";
import type { Member, Message, RoomEvent } from "../../src/core/types";
import { Random, roomInfo, Served } from "./support/histories";

const ANN: Member = { user: "ann", role: "owner", muted_until: 0 };
const BOB: Member = { user: "bob", role: "member", muted_until: 0 };

function state(...messages: Message[]): RoomState {
  return new RoomState(roomInfo({ people: 2, offset: 10 }), [ANN, BOB], messages);
}

function said(id: number, more: object = {}): Message {
  return messageOf(id, { type: "message", by: "ann", at: id, text: `m${id}`, ...more });
}

/** The state after one more event, of Bob at 99. */
function after(before: RoomState, event: RoomEvent): RoomState {
  before.apply(before.info.offset + 1, { by: "bob", at: 99, ...event });
  return before;
}

function only(found: RoomState): Message {
  expect(found.messages).toHaveLength(1);
  return found.messages[0] as Message;
}

describe("a room", () => {
  it("is what it was changed to", () => {
    const { info } = after(state(), { type: "changed", name: "New", slug: "new", keep: 7 });
    expect(info).toMatchObject({ name: "New", slug: "new", keep: 7, topic: "", offset: 11 });
  });

  it("keeps messages for good after a keep of 0", () => {
    const found = after(state(), { type: "changed", keep: 7 });
    expect(after(found, { type: "changed", keep: 0 }).info.keep).toBeNull();
  });

  it("is archived and restored", () => {
    const found = after(state(), { type: "archived" });
    expect(found.info.archived_at).toBe(99);
    expect(after(found, { type: "restored" }).info.archived_at).toBeNull();
  });

  it.each(["created", "unbanned", "invited", "uninvited", "something-new"])(
    "is the same after %s, but for its offset",
    (type) => {
      const before = state(said(3));
      const { members, messages, info } = before;
      const found = after(before, { type, user: "bob" });
      expect([found.members, found.messages]).toEqual([members, messages]);
      expect(found.info).toEqual({ ...info, offset: 11 });
    },
  );

  it("counts a message that is gone as the last, where that says when it was", () => {
    expect(after(state(), { type: "gone", at: 50 }).info.last_at).toBe(50);
    const before = state();
    before.apply(11, { type: "gone" });
    expect(before.info).toMatchObject({ last_at: 1, offset: 11 });
  });
});

describe("members", () => {
  it("come, once", () => {
    const found = after(state(), { type: "joined", user: "cy", role: "guest" });
    expect(found.members.get("cy")).toEqual({ user: "cy", role: "guest", muted_until: 0 });
    found.apply(11, { type: "joined", user: "cy", role: "member" });
    expect(found.info.people).toBe(3);
  });

  it.each(["left", "kicked", "banned"])("go, once: %s", (type) => {
    const found = after(state(), { type, user: "bob", member: true });
    expect([...found.members.keys()]).toEqual(["ann"]);
    found.apply(11, { type, user: "bob", member: true });
    expect(found.info.people).toBe(1);
  });

  it.each(["left", "kicked", "banned"])("go also where they are not loaded: %s", (type) => {
    const found = new RoomState(roomInfo({ people: 300, offset: 10 }), [ANN, BOB], []);
    expect(after(found, { type, user: "zoe", member: true }).info.people).toBe(299);
  });

  it("are as many as before when somebody is banned who is none", () => {
    const found = new RoomState(roomInfo({ people: 300, offset: 10 }), [ANN, BOB], []);
    expect(after(found, { type: "banned", user: "zoe", until: 5 }).info.people).toBe(300);
  });

  it("are muted, unmuted and appointed", () => {
    const found = after(state(), { type: "muted", user: "bob", until: 500 });
    expect(found.members.get("bob")?.muted_until).toBe(500);
    expect(after(found, { type: "unmuted", user: "bob" }).members.get("bob")?.muted_until).toBe(0);
    const one = after(found, { type: "appointed", user: "bob", role: "moderator" });
    expect(one.members.get("bob")?.role).toBe("moderator");
    expect(after(one, { type: "muted", user: "zoe", until: 5 }).members.size).toBe(2);
  });

  it("that are loaded later are brought up to date", () => {
    const found = new RoomState(roomInfo({ people: 5, offset: 10 }), [ANN], []);
    const page: Member[] = ["bob", "cy", "di"].map((user) => ({ ...BOB, user }));
    after(found, { type: "left", user: "bob" });
    after(found, { type: "joined", user: "eve", role: "member" });
    const events = [
      [11, { type: "left", user: "bob" }],
      [12, { type: "joined", user: "eve", role: "member" }],
      [13, { type: "muted", user: "cy", until: 7 }],
    ] as const;
    found.meet([...page, ANN], events, true);
    expect([...found.members.keys()]).toEqual(["ann", "eve", "cy", "di"]);
    expect(found.members.get("cy")?.muted_until).toBe(7);
    expect([found.info.people, found.everybody]).toEqual([5, true]);
  });
});

describe("messages", () => {
  it("are added with all that they have", () => {
    const found = after(state(), {
      type: "message",
      text: "look",
      nonce: "n",
      mentions: ["ann"],
      reply: { id: 3, user: "ann" },
      files: [{ id: "f", name: "a.txt", type: "text/plain", size: 1 }],
    });
    expect(only(found)).toMatchObject({
      id: 11,
      user: "bob",
      at: 99,
      text: "look",
      nonce: "n",
      mentions: ["ann"],
      reply: { id: 3, user: "ann", text: "" },
      files: [{ id: "f", width: null, height: null, preview: false }],
    });
    expect(found.info.last_at).toBe(99);
  });

  it("are not added behind others that are not loaded", () => {
    const found = state(said(3));
    found.atEnd = false;
    expect(only(after(found, { type: "message", text: "x" })).id).toBe(3);
    expect(found.info).toMatchObject({ last_at: 99, offset: 11 });
  });

  it("are edited, where there is a text", () => {
    const found = after(state(said(3)), {
      type: "edited",
      message: 3,
      text: "new",
      mentions: ["u"],
    });
    expect(only(found)).toMatchObject({ text: "new", mentions: ["u"], edited_at: 99 });
    found.apply(12, { type: "edited", message: 3, by: "ann", at: 120 });
    expect(only(found)).toMatchObject({ text: "new", mentions: ["u"], edited_at: 120 });
  });

  it("are emptied when they are deleted", () => {
    const one = said(3, { files: [{ id: "f" }], mentions: ["bob"] });
    const found = after(state({ ...one, pinned_at: 5 }), {
      type: "deleted",
      message: 3,
      user: "ann",
    });
    expect(only(found)).toMatchObject({
      text: "",
      files: [],
      mentions: [],
      reactions: [],
      pinned_at: null,
      deleted_at: 99,
      deleted_by: "bob",
    });
    expect(found.pinned).toBe(0);
  });

  it("are not changed once they are deleted", () => {
    const found = after(state(said(3)), { type: "deleted", message: 3 });
    const deleted = only(found);
    for (const type of ["edited", "reacted", "pinned", "deleted"]) {
      after(found, { type, message: 3, text: "again", emoji: "👍" });
    }
    expect(only(found)).toEqual(deleted);
  });

  it("empty the replies to them, also where they are not loaded", () => {
    const reply = { id: 2, user: "bob", text: "secret" };
    const found = after(state(said(3, { reply })), { type: "deleted", message: 2 });
    expect(only(found).reply).toEqual({ id: 2, user: "bob", text: "" });
  });

  it("expire with the texts of replies to them", () => {
    const reply = { id: 3, user: "ann", text: "secret" };
    const found = after(state(said(3), said(4), said(5, { reply })), {
      type: "expired",
      before: 5,
    });
    expect(only(found)).toMatchObject({ id: 5, reply: { id: 3, text: "" } });
  });

  it("are pinned and unpinned", () => {
    const found = after(state(said(3)), { type: "pinned", message: 3 });
    expect([only(found).pinned_at, found.pinned]).toEqual([99, 1]);
    after(found, { type: "unpinned", message: 3 });
    expect([only(found).pinned_at, found.pinned]).toEqual([null, 0]);
  });

  it("say that pins have to be counted when one is deleted that is not loaded", () => {
    const found = after(state(said(3)), { type: "pinned", message: 2 });
    expect([found.pinned, found.unsure]).toEqual([1, false]);
    expect(after(found, { type: "deleted", message: 2 }).unsure).toBe(true);
  });

  it("have reactions in the server's order, each user once", () => {
    const found = state(said(3));
    for (const emoji of ["👍", "\u{ff01}", "👍"])
      after(found, { type: "reacted", message: 3, emoji });
    found.apply(14, { type: "reacted", message: 3, emoji: "👍", by: "ann", at: 1 });
    expect(only(found).reactions).toEqual([
      { emoji: "\u{ff01}", users: ["bob"] },
      { emoji: "👍", users: ["bob", "ann"] },
    ]);
    after(found, { type: "unreacted", message: 3, emoji: "👍" });
    after(found, { type: "unreacted", message: 3, emoji: "\u{ff01}" });
    expect(only(found).reactions).toEqual([{ emoji: "👍", users: ["ann"] }]);
  });

  it("are other objects only where they have changed", () => {
    const found = state(said(3), said(4));
    const [third, fourth] = found.messages;
    after(found, { type: "reacted", message: 4, emoji: "👍" });
    expect(found.messages[0]).toBe(third);
    expect(found.messages[1]).not.toBe(fourth);
  });
});

describe("random histories", () => {
  const served = Array.from({ length: 150 }, (_, seed) => {
    const room = new Served(new Random(seed));
    for (let step = 0; step < 120; step += 1) room.any();
    return room;
  });

  it("have every event that changes something", () => {
    const types = new Set(served.flatMap((room) => room.log.map((one) => one.type)));
    expect(types.size).toBe(20);
  });

  it("are the same when every event comes twice, or some come again", () => {
    for (const [seed, room] of served.entries()) {
      const random = new Random(seed + 1_000);
      const found = new RoomState(roomInfo(), [{ user: "u1", role: "owner", muted_until: 0 }], []);
      for (let offset = 2; offset <= room.offset; offset += 1) {
        for (let again = random.below(4); again > 0; again -= 1) {
          const old = 1 + random.below(offset);
          if (old < offset) found.apply(old, room.event(old));
        }
        found.apply(offset, room.event(offset));
        found.apply(offset, room.event(offset));
      }
      expect({ ...found }, `seed ${seed}`).toEqual({ ...room.state });
    }
  });

  it("bring a page up to date, whichever of the events it has already", () => {
    for (const [seed, room] of served.entries()) {
      const random = new Random(seed + 2_000);
      // The page was made when the room was at `at`; events since `from` are applied to it.
      const from = 1 + random.below(room.offset);
      const at = from + random.below(room.offset - from + 1);
      const then = new RoomState(roomInfo(), [{ user: "u1", role: "owner", muted_until: 0 }], []);
      for (let offset = 2; offset <= at; offset += 1) then.apply(offset, room.event(offset));
      const events = room.log.slice(from).map((event, index) => [from + index + 1, event] as const);
      const found = new RoomState({ ...room.state.info }, [], []);
      found.replace(then.messages, true, events);
      expect(found.messages, `seed ${seed}`).toEqual(room.state.messages);
    }
  });
});
