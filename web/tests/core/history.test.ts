import { describe, expect, it } from "vitest";

import { RoomState } from "../../src/core/fold";
import { History } from "../../src/core/history";
import { Problem } from "../../src/core/problem";
import type { Messages } from "../../src/core/types";
import { settle } from "./support/api";
import { Random, Served } from "./support/histories";

interface Waiting {
  query: URLSearchParams;
  answer(page: Messages): void;
  fail(): void;
}

/** What is loaded of a served room, in pages of five. */
class Client {
  readonly served: Served;
  readonly waiting: Waiting[] = [];
  readonly history: History;
  /** The last event that was heard of. */
  heard: number;

  constructor(served: Served) {
    this.served = served;
    this.history = new History(
      (query) =>
        new Promise((resolve, reject) => {
          const asked = new URLSearchParams(
            Object.entries({ ...query, limit: 5 }).map(([name, value]) => [name, String(value)]),
          );
          const fail = () => reject(new Problem({ type: "", title: "away", status: 0 }));
          this.waiting.push({ query: asked, answer: resolve, fail });
        }),
      () => undefined,
    );
    const { info, members } = served.state;
    const page = served.page(new URLSearchParams({ limit: "5" }));
    const state = new RoomState(info, [...members.values()], page.items);
    this.history.begin(state, page.before === null ? "end" : "more", "end");
    this.heard = served.offset;
  }

  hear(): void {
    if (this.heard === this.served.offset) return;
    this.heard += 1;
    const event = this.served.event(this.heard);
    this.history.record([this.heard, event]);
    this.history.state?.apply(this.heard, event);
  }

  /** Answer the oldest request with what the server has by now. */
  answer(): void {
    const asked = this.waiting.shift();
    asked?.answer(this.served.page(asked.query));
  }

  ids(): number[] {
    return this.history.messages.map((one) => one.id);
  }
}

function talk(messages: number): Served {
  const served = new Served(new Random(1));
  for (let count = 0; count < messages; count += 1) {
    served.happen({ type: "message", by: "u1", at: 1, text: "hi" });
  }
  return served;
}

describe("what is loaded", () => {
  it("grows at its older end up to the first message", async () => {
    const client = new Client(talk(12)); // ids from 2 to 13
    expect(client.history.older).toBe("more");
    for (const [count, edge] of [
      [10, "more"],
      [12, "end"],
    ] as const) {
      const loading = client.history.loadOlder();
      expect(client.history.older).toBe("loading");
      client.answer();
      await loading;
      expect([client.ids().length, client.history.older]).toEqual([count, edge]);
    }
    await client.history.loadOlder();
    expect(client.waiting).toEqual([]);
  });

  it("says where it could not be loaded, and tries again", async () => {
    const client = new Client(talk(12));
    const loading = client.history.loadOlder();
    client.waiting.shift()?.fail();
    await loading;
    expect(client.history.older).toBe("failed");
    const again = client.history.loadOlder();
    client.answer();
    await again;
    expect(client.ids()).toHaveLength(10);
  });

  it("jumps to a message and comes back by newer pages", async () => {
    const client = new Client(talk(20)); // ids from 2 to 21
    const jump = client.history.load(6);
    client.answer();
    expect(await jump).toBe(true);
    expect(client.ids()).toEqual([4, 5, 6, 7, 8]);
    expect([client.history.older, client.history.newer]).toEqual(["more", "more"]);
    client.served.happen({ type: "message", by: "u1", at: 1, text: "new" });
    client.hear();
    expect(client.ids()).toEqual([4, 5, 6, 7, 8]);
    while (client.history.newer === "more") {
      const loading = client.history.loadNewer();
      client.answer();
      await loading;
    }
    expect(client.ids()).toEqual(Array.from({ length: 19 }, (_, index) => index + 4));
    expect(client.history.state?.atEnd).toBe(true);
  });

  it("is the same when a message is gone", async () => {
    const client = new Client(talk(20));
    const before = client.ids();
    const jump = client.history.load(1);
    client.answer();
    expect(await jump).toBe(false);
    expect(client.ids()).toEqual(before);
  });

  it("tells who wants a message that it cannot be fetched", async () => {
    const client = new Client(talk(20));
    const jump = client.history.load(3);
    client.waiting.shift()?.fail();
    await expect(jump).rejects.toThrow(Problem);
  });

  it("takes no page that was asked for before a jump arrived", async () => {
    const client = new Client(talk(30)); // ids from 2 to 31
    const jump = client.history.load(15);
    const older = client.history.loadOlder();
    const [around, before] = client.waiting.splice(0);
    around?.answer(client.served.page(around.query));
    await jump;
    before?.answer(client.served.page(before.query));
    await older;
    expect(client.ids()).toEqual([13, 14, 15, 16, 17]);
    expect([client.history.older, client.history.newer]).toEqual(["more", "more"]);
  });

  it("is what was asked for last", async () => {
    const client = new Client(talk(30));
    const jumps = [client.history.load(4), client.history.load(15)];
    const [first, second] = client.waiting.splice(0);
    second?.answer(client.served.page(second.query));
    first?.answer(client.served.page(first.query));
    expect(await Promise.all(jumps)).toEqual([false, true]);
    expect(client.ids()).toEqual([13, 14, 15, 16, 17]);
  });

  it("takes no older page that is of other messages by then", async () => {
    const client = new Client(talk(30));
    const older = client.history.loadOlder();
    const jump = client.history.load(4);
    client.answer();
    client.answer();
    await Promise.all([older, jump]);
    expect(client.ids()).toEqual([2, 3, 4, 5, 6]);
    expect(client.history.older).toBe("end");
  });
});

describe("pages while events come in", () => {
  it("are a part of what the server has, without gaps", async () => {
    for (let seed = 0; seed < 120; seed += 1) {
      const random = new Random(seed);
      const served = new Served(random);
      for (let step = random.below(60); step > 0; step -= 1) served.any();
      const client = new Client(served);
      const wants = [
        () => client.history.loadOlder(),
        () => client.history.loadNewer(),
        () => client.history.loadLatest(),
        () => client.history.load(random.of(served.state.messages)?.id ?? 1),
      ];
      for (let step = 0; step < 80; step += 1) {
        const chance = random.next();
        if (chance < 0.35) served.any();
        else if (chance < 0.6) client.hear();
        else if (chance < 0.8) void random.of(wants)();
        else client.answer();
        await settle();
      }
      while (client.waiting.length > 0) {
        client.answer();
        await settle();
      }
      while (client.heard < served.offset) client.hear();

      const ids = client.ids();
      const [first = 0, last = 0] = [ids[0], ids.at(-1)];
      const all = served.state.messages;
      const part = all.filter((one) => one.id >= first && one.id <= last);
      expect(client.history.messages, `seed ${seed}`).toEqual(part);
      if (client.history.newer === "end" && ids.length > 0) {
        expect(last, `the end, seed ${seed}`).toBe(all.at(-1)?.id);
      }
      expect(client.history.newer === "end", `seed ${seed}`).toBe(client.history.state?.atEnd);
      expect([client.history.older, client.history.newer]).not.toContain("loading");
    }
  });
});
