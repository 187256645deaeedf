import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { ECHO_MS, type Entry, LATER_MS, Outbox, SAFE_MS } from "../../src/core/outbox";
import { Problem, unreachable } from "../../src/core/problem";
import { settle } from "./support/api";
import { FakeShelf } from "./support/shelf";

interface Sending {
  entry: Entry;
  done(): void;
  fail(problem: Problem): void;
}

/** What is sent waits in `sending` for its end. */
class Sender {
  readonly sending: Sending[] = [];
  readonly sent: string[] = [];
  readonly looked: string[] = [];
  readonly there = new Set<string>();
  closed = new Set<string>();

  ready(room: string): boolean {
    return !this.closed.has(room);
  }

  send(entry: Entry): Promise<void> {
    this.sent.push(entry.text);
    return new Promise((done, fail) => this.sending.push({ entry, done, fail }));
  }

  stored(entry: Entry): Promise<boolean> {
    this.looked.push(entry.text);
    return Promise.resolve(this.there.has(entry.key));
  }

  async finish(problem?: Problem): Promise<void> {
    const one = this.sending.shift();
    if (problem) one?.fail(problem);
    else one?.done();
    await settle();
  }
}

function problem(status: number, retryAfter = 0): Problem {
  return new Problem({ type: "", title: "No", status, detail: `no: ${status}` }, retryAfter);
}

let shelf: FakeShelf;
let sender: Sender;
let outbox: Outbox;

function another(tab: string): Outbox {
  return new Outbox(shelf, "me", tab, sender);
}

function texts(room = "r"): string[] {
  return outbox.of(room).map((one) => `${one.text} ${one.state}`);
}

beforeEach(() => {
  vi.useFakeTimers();
  shelf = new FakeShelf();
  sender = new Sender();
  outbox = another("t1");
});

afterEach(() => {
  outbox.stop();
  vi.useRealTimers();
});

describe("what one says", () => {
  it("goes out in its order, one after the other in each room", async () => {
    for (const text of ["a", "b"]) outbox.add("r", text, [], null);
    outbox.add("q", "c", [], null);
    expect(sender.sent).toEqual(["a", "c"]);
    expect(texts()).toEqual(["a sending", "b waiting"]);
    await sender.finish();
    expect(sender.sent).toEqual(["a", "c", "b"]);
  });

  it("stays until the room tells of it, and no longer than a while", async () => {
    const first = outbox.add("r", "a", [], null);
    outbox.add("r", "b", [], null);
    await sender.finish();
    await sender.finish();
    expect(texts()).toEqual(["a sending", "b sending"]);
    outbox.done(first.key);
    expect(texts()).toEqual(["b sending"]);
    vi.advanceTimersByTime(ECHO_MS);
    expect(texts()).toEqual([]);
    expect(shelf.length).toBe(0);
  });

  it("waits while the room is not followed", async () => {
    sender.closed.add("r");
    outbox.add("r", "a", [], null);
    await settle();
    expect([sender.sent, outbox.size]).toEqual([[], 1]);
    sender.closed.clear();
    outbox.flush();
    expect(sender.sent).toEqual(["a"]);
  });

  it("is tried again after what passes, with the same key, and before what comes after it", async () => {
    const { key } = outbox.add("r", "a", [], null);
    outbox.add("r", "b", [], null);
    await sender.finish(unreachable());
    expect(texts()).toEqual(["a waiting", "b waiting"]);
    await vi.advanceTimersByTimeAsync(LATER_MS);
    expect(sender.sent).toEqual(["a", "a"]);
    expect(sender.sending[0]?.entry.key).toBe(key);
  });

  it("waits for as long as it was told to", async () => {
    outbox.add("r", "a", [], null);
    await sender.finish(problem(429, 30));
    expect(outbox.of("r")[0]?.why).toBe("no: 429");
    await vi.advanceTimersByTimeAsync(29_999);
    expect(sender.sent).toEqual(["a"]);
    await vi.advanceTimersByTimeAsync(1);
    expect(sender.sent).toEqual(["a", "a"]);
  });

  it("fails where it is refused, and what is behind it goes on", async () => {
    const { key } = outbox.add("r", "a", [], null);
    outbox.add("r", "b", [], null);
    await sender.finish(problem(403));
    expect(texts()).toEqual(["a failed", "b sending"]);
    expect([outbox.of("r")[0]?.why, outbox.size]).toEqual(["no: 403", 1]);
    await sender.finish();
    outbox.retry(key);
    expect(sender.sent).toEqual(["a", "b", "a"]);
  });

  it("is discarded", async () => {
    const { key } = outbox.add("r", "a", [], null);
    await sender.finish(problem(403));
    outbox.discard(key);
    expect([texts(), shelf.length]).toEqual([[], 0]);
  });
});

describe("what was kept", () => {
  it("is sent after a reload, under its old key", async () => {
    const { key } = outbox.add("r", "a", [], null);
    outbox.stop();
    outbox = another("t2");
    expect(outbox.tabs()).toEqual(["t1"]);
    outbox.adopt("t1");
    expect(outbox.tabs()).toEqual(["t2"]);
    expect(sender.sending[1]?.entry.key).toBe(key);
    expect(sender.looked).toEqual([]);
  });

  it("is in the order in which it was said, before what is new", () => {
    sender.closed.add("r");
    outbox.add("r", "a", [], null);
    vi.advanceTimersByTime(10);
    outbox = another("t2");
    outbox.add("r", "b", [], null);
    outbox.adopt("t1");
    expect(texts()).toEqual(["a waiting", "b waiting"]);
  });

  it("is looked up where the server has forgotten its key", async () => {
    const { key } = outbox.add("r", "a", [], null);
    outbox.stop();
    vi.advanceTimersByTime(SAFE_MS + 1);
    sender.there.add(key);
    outbox = another("t2");
    outbox.adopt("t1");
    await settle();
    expect([sender.looked, sender.sent, texts()]).toEqual([["a"], ["a"], []]);
  });

  it("is sent where the server has forgotten its key and does not have it", async () => {
    outbox.add("r", "a", [], null);
    outbox.stop();
    vi.advanceTimersByTime(SAFE_MS + 1);
    outbox = another("t2");
    outbox.adopt("t1");
    await settle();
    expect([sender.looked, sender.sent]).toEqual([["a"], ["a", "a"]]);
  });

  it("is not looked up after it was refused", async () => {
    const { key } = outbox.add("r", "a", [], null);
    await sender.finish(problem(403));
    vi.advanceTimersByTime(SAFE_MS + 1);
    outbox.retry(key);
    expect([sender.looked, sender.sent]).toEqual([[], ["a", "a"]]);
  });

  it("is sent all the same where nothing can be kept", async () => {
    shelf.full = true;
    outbox.add("r", "a", [], null);
    await sender.finish();
    expect(sender.sent).toEqual(["a"]);
    expect(texts()).toEqual(["a sending"]);
  });

  it("is nothing where it cannot be read", () => {
    shelf.setItem("hubbub.outbox.me.t9", "{");
    outbox.adopt("t9");
    expect(outbox.size).toBe(0);
  });
});
