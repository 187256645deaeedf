import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { AGAIN_MS, PATIENCE_MS } from "../../src/core/deeds";
import type { Room } from "../../src/core/room";
import type { RoomEvent } from "../../src/core/types";
import { type Asked, settle } from "./support/api";
import { myRoom, opened, said, Stage } from "./support/chat";

const LIKE = "👍";
const REACT = "reactions/%F0%9F%91%8D";

let stage: Stage;
let room: Room;
/** What was asked for and not answered. */
let asked: Asked[];

function likes(): readonly string[] {
  return room.messages[0]?.reactions.find((one) => one.emoji === LIKE)?.users ?? [];
}

function event(offset: number, type: string, by = "me", more: Partial<RoomEvent> = {}): void {
  stage.wire.event("r", offset, { type, by, at: 50, message: 8, emoji: LIKE, ...more });
}

function next(method: string): Asked {
  const found = asked.shift() as Asked;
  expect(`${found.method} ${found.path}`).toBe(`${method} /rooms/r/messages/8/${REACT}`);
  return found;
}

beforeEach(async () => {
  vi.useFakeTimers();
  stage = new Stage();
  asked = [];
  for (const method of ["PUT", "DELETE"]) {
    for (const what of [REACT, "pin"]) {
      stage.answers.set(`${method} /rooms/r/messages/8/${what}`, (one) => asked.push(one));
    }
  }
  const one = myRoom("r");
  stage.pages.set("r", opened(one, [said(8), said(9)]));
  await stage.start(one);
  room = stage.chat.room("r");
  await settle();
});

afterEach(() => {
  stage.chat.stop();
  vi.useRealTimers();
});

describe("a reaction", () => {
  it("is there at once, and stays the same through answer and event", async () => {
    const before = room.messages[1];
    const done = room.react(8, LIKE, true);
    expect(likes()).toEqual(["me"]);
    expect([room.messages, room.messages[1]]).toEqual([room.messages, before]);
    expect(room.messages[0]).toBe(room.messages[0]);
    await settle();
    next("PUT").answer(null, 204);
    await done;
    expect(likes()).toEqual(["me"]);
    event(11, "reacted");
    expect(likes()).toEqual(["me"]);
    event(12, "unreacted"); // with another device
    expect(likes()).toEqual([]);
  });

  it("is there once where the event comes before the answer", async () => {
    const done = room.react(8, LIKE, true);
    await settle();
    event(11, "reacted", "ann");
    expect(likes()).toEqual(["ann", "me"]);
    event(12, "reacted");
    expect(likes()).toEqual(["ann", "me"]);
    event(13, "unreacted");
    expect(likes()).toEqual(["ann"]);
    next("PUT").answer(null, 204);
    await done;
    expect(likes()).toEqual(["ann"]);
  });

  it("is taken back where it is refused, and that is said", async () => {
    const done = room.react(8, LIKE, true);
    await settle();
    next("PUT").answer({ type: "", title: "Enough", status: 409 }, 409);
    await expect(done).rejects.toThrow("Enough");
    expect(likes()).toEqual([]);
  });

  it("is what was meant last, and that goes out last", async () => {
    void room.react(8, LIKE, true);
    void room.react(8, LIKE, false);
    const done = room.react(8, LIKE, true);
    expect(likes()).toEqual(["me"]);
    await settle();
    expect(asked).toHaveLength(1);
    next("PUT").answer(null, 204);
    event(11, "reacted");
    expect(likes()).toEqual(["me"]);
    await settle();
    next("DELETE").answer(null, 204);
    event(12, "unreacted");
    expect(likes()).toEqual(["me"]);
    await settle();
    next("PUT").answer(null, 204);
    await done;
    event(13, "reacted");
    expect(likes()).toEqual(["me"]);
  });

  it("goes out also where the one before was refused", async () => {
    const first = room.react(8, LIKE, true);
    const second = room.react(8, LIKE, false);
    await settle();
    next("PUT").answer({}, 403);
    await expect(first).rejects.toThrow();
    await settle();
    next("DELETE").answer(null, 204);
    await second;
    expect(likes()).toEqual([]);
  });

  it("is let go of where it was so already and no event comes", async () => {
    event(11, "reacted");
    const done = room.react(8, LIKE, true);
    await settle();
    next("PUT").answer(null, 204);
    await done;
    expect(likes()).toEqual(["me"]);
    event(12, "unreacted");
    expect(likes()).toEqual([]);
  });

  it("is not on a message that is deleted", async () => {
    void room.react(8, LIKE, true).catch(() => undefined);
    event(11, "deleted", "ann");
    expect(room.messages[0]).toMatchObject({ deleted_at: 50, reactions: [] });
    await settle();
    next("PUT").answer({}, 410);
  });

  it("is on its way again after a lost connection, and there once", async () => {
    const done = room.react(8, LIKE, true);
    await settle();
    next("PUT").fail();
    stage.wire.listener.state("connecting");
    await settle();
    expect(likes()).toEqual(["me"]);
    stage.wire.connect();
    stage.wire.subscribed("r", 11, true);
    event(11, "reacted"); // the server had it
    await settle();
    next("PUT").answer(null, 204);
    await done;
    expect(likes()).toEqual(["me"]);
    event(12, "unreacted");
    expect(likes()).toEqual([]);
  });

  it("is the room's own once that was fetched again", async () => {
    const done = room.react(8, LIKE, true);
    await settle();
    next("PUT").answer(null, 204);
    await done;
    stage.wire.listener.state("connecting");
    stage.wire.connect();
    stage.pages.set("r", opened(myRoom("r", { offset: 40 }), [said(8), said(40)]));
    stage.wire.subscribed("r", 40, false);
    await settle();
    expect(likes()).toEqual([]); // another device took it back meanwhile
  });

  it("is given up after a while without an answer", async () => {
    const done = room.react(8, LIKE, true);
    const failed = expect(done).rejects.toThrow("does not answer");
    for (let waited = 0; waited <= PATIENCE_MS; waited += AGAIN_MS) {
      await settle();
      next("PUT").fail();
      expect(likes()).toEqual(["me"]);
      await vi.advanceTimersByTimeAsync(AGAIN_MS);
    }
    next("PUT").fail();
    await failed;
    expect(likes()).toEqual([]);
  });
});

describe("a pin", () => {
  it("is there at once, and counted when the server says so", async () => {
    const done = room.pin(8, true);
    expect([room.messages[0]?.pinned_at, room.pinned]).toEqual([Date.now(), 0]);
    await settle();
    asked.shift()?.answer(null, 204);
    await done;
    event(11, "pinned", "me", { emoji: undefined });
    expect([room.messages[0]?.pinned_at, room.pinned]).toEqual([50, 1]);
    void room.pin(8, false);
    expect([room.messages[0]?.pinned_at, room.pinned]).toEqual([null, 1]);
    event(12, "unpinned", "me", { emoji: undefined });
    expect([room.messages[0]?.pinned_at, room.pinned]).toEqual([null, 0]);
  });
});
