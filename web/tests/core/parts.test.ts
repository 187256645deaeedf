/** The smaller parts of the core. */

import { describe, expect, it, vi } from "vitest";

import { Drafts } from "../../src/core/drafts";
import { Edits } from "../../src/core/edits";
import { newKey } from "../../src/core/key";
import { worthTelling } from "../../src/core/notify";
import type { RoomEntry } from "../../src/core/model";
import { Outbox } from "../../src/core/outbox";
import { Problem, problemFrom } from "../../src/core/problem";
import { type Place, takeOver } from "../../src/core/tabs";
import type { Level, RoomKind } from "../../src/core/types";
import { inPieces } from "../../src/core/wire";
import { FakeServer, settle } from "./support/api";
import { myRoom, said } from "./support/chat";
import { FakeShelf } from "./support/shelf";

describe("keys", () => {
  it("are never the same, and short enough for a nonce", () => {
    const keys = new Set(Array.from({ length: 1_000 }, newKey));
    expect(keys.size).toBe(1_000);
    for (const key of keys) expect(key).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe("drafts", () => {
  const reply = { id: 3, user: "ann", text: "what?" };

  it("are there after a reload, each room's by itself", () => {
    const shelf = new FakeShelf();
    const drafts = new Drafts(shelf, "me");
    drafts.set("a", { text: "hel", reply });
    drafts.set("b", { text: "x", reply: null });
    drafts.set("b", { text: "", reply: null });
    const again = new Drafts(shelf, "me");
    expect([again.get("a"), again.get("b")]).toEqual([
      { text: "hel", reply },
      { text: "", reply: null },
    ]);
    expect([again.has("a"), again.has("b"), shelf.length]).toEqual([true, false, 1]);
    expect(new Drafts(shelf, "ann").has("a")).toBe(false);
  });

  it("tell when rooms come to have one, and not at every letter", async () => {
    const told = vi.fn();
    const drafts = new Drafts(new FakeShelf(), "me");
    drafts.subscribe(told);
    for (const text of ["h", "he", "hel"]) {
      drafts.set("a", { text, reply: null });
      await settle();
    }
    expect(told).toHaveBeenCalledOnce();
  });

  it("are there as long as the page is, where nothing can be kept", () => {
    const shelf = new FakeShelf();
    shelf.full = true;
    shelf.kept.set("hubbub.drafts.me.b", "{");
    const drafts = new Drafts(shelf, "me");
    drafts.set("a", { text: "x", reply: null });
    expect([drafts.get("a").text, drafts.get("b").text]).toEqual(["x", ""]);
  });
});

describe("edits", () => {
  it("are there after a reload, until they are dropped", () => {
    const shelf = new FakeShelf();
    const edits = new Edits(shelf, "me");
    edits.set("a", 3, "new");
    edits.set("a", 4, "newer");
    edits.set("b", 3, "other");
    edits.set("b", 3, null);
    const again = new Edits(shelf, "me");
    expect([again.get("a", 3), again.get("a", 4), again.get("b", 3)]).toEqual([
      "new",
      "newer",
      null,
    ]);
    expect(shelf.length).toBe(1);
  });

  it("are so many of each room, the last ones", () => {
    const edits = new Edits(new FakeShelf(), "me");
    for (let message = 1; message <= 21; message += 1) edits.set("a", message, "x");
    expect([edits.get("a", 1), edits.get("a", 2), edits.get("a", 21)]).toEqual([null, "x", "x"]);
  });

  it("are there without a shelf, and what others left is not read", () => {
    const shelf = new FakeShelf();
    shelf.setItem("hubbub.edits.me.a", "{");
    shelf.setItem("hubbub.edits.me.b", '"x"');
    shelf.full = true;
    const edits = new Edits(shelf, "me");
    edits.set("a", 3, "new");
    expect([edits.get("a", 3), edits.get("b", 3)]).toEqual(["new", null]);
  });
});

describe("what is worth telling", () => {
  interface Case {
    level?: Level;
    muted?: boolean;
    kind?: RoomKind;
    more?: object;
    by?: string;
    looking?: string;
  }
  function worth(found: Case): boolean {
    const { level = "all", muted = false, kind = "public", more, by = "ann", looking } = found;
    const { room: info, me, unread } = myRoom("r", { kind });
    const preferences = { level, muted };
    const room: RoomEntry = { id: "r", info, me, unread, preferences, others: [], title: "r" };
    return worthTelling("me", said(5, by, more), room, looking ?? null);
  }
  const mention = { mentions: ["me"] };

  it.each<[string, boolean, Case]>([
    ["a message", true, {}],
    ["one's own, from another device", false, { by: "me" }],
    ["in the room that is looked at", false, { looking: "r" }],
    ["while another room is looked at", true, { looking: "q" }],
    ["in a room that is muted", false, { muted: true, more: mention }],
    ["where one wants mentions alone", false, { level: "mentions" }],
    ["that mentions one", true, { level: "mentions", more: mention }],
    ["that mentions everybody", true, { level: "mentions", more: { mentions: ["*"] } }],
    ["that mentions somebody else", false, { level: "mentions", more: { mentions: ["bob"] } }],
    ["that answers one", true, { level: "mentions", more: { reply: { id: 1, user: "me" } } }],
    ["in a conversation", true, { level: "mentions", kind: "direct" }],
    ["where one wants nothing", false, { level: "nothing", kind: "direct", more: mention }],
  ])("%s: %s", (_, expected, found) => {
    expect(worth(found)).toBe(expected);
  });
});

describe("problems", () => {
  it("have what the server says", () => {
    const body = {
      type: "/problems/name-taken",
      title: "Taken",
      status: 409,
      detail: "Choose another.",
      errors: [{ in: "body", at: "name", text: "is taken" }],
    };
    const problem = problemFrom(409, "Conflict", "7", JSON.stringify(body));
    expect(problem).toMatchObject({ status: 409, kind: "name-taken", title: "Taken" });
    expect([problem.message, problem.retryAfter]).toEqual(["Choose another.", 7]);
    expect([problem.fields.get("name"), problem.passing]).toEqual(["is taken", false]);
  });

  it.each(["<h1>Bad gateway</h1>", "", "null"])("are there also for a body of %j", (text) => {
    const problem = problemFrom(502, "Bad Gateway", null, text);
    expect([problem.message, problem.passing]).toEqual(["Bad Gateway", true]);
  });

  it("say that no answer came", async () => {
    const server = new FakeServer();
    const asking = server.api.get("/rooms");
    server.next("GET /rooms").fail();
    const problem = await asking.catch((error: unknown) => error);
    expect(problem).toMatchObject({ status: 0, kind: "offline", passing: true });
    expect(problem).toBeInstanceOf(Problem);
  });
});

describe("frames", () => {
  class Socket {
    static sent: string[] = [];
    send(data: string): void {
      Socket.sent.push(data);
    }
  }

  it("are as long as the server takes, and end where a command does", () => {
    const socket = new (inPieces(Socket as unknown as typeof WebSocket))("");
    const lines = Array.from({ length: 500 }, (_, index) => `{"id":${index}}`.padEnd(150, " "));
    socket.send(lines.join("\n"));
    expect(Socket.sent).toHaveLength(3);
    for (const piece of Socket.sent) expect(piece.length).toBeLessThan(32_100);
    expect(Socket.sent.join("\n").split("\n")).toEqual(lines);
    Socket.sent = [];
    socket.send("{}");
    expect(Socket.sent).toEqual(["{}"]);
  });
});

/** Web Locks of one browser. */
class Locks {
  readonly #tails = new Map<string, Promise<unknown>>();

  request(name: string, ...more: unknown[]): Promise<unknown> {
    const work = more.at(-1) as () => unknown;
    const held = (this.#tails.get(name) ?? Promise.resolve()).then(work);
    this.#tails.set(name, held);
    return held;
  }
}

describe("tabs", () => {
  const sender = {
    ready: () => false,
    send: () => Promise.resolve(),
    stored: () => Promise.resolve(false),
  };

  function place(locks?: Locks): Place & { told: Set<() => void> } {
    const told = new Set<() => void>();
    return {
      told,
      navigator: { ...(locks && { locks: locks as unknown as LockManager }) },
      addEventListener: (_, one) => told.add(one),
      removeEventListener: (_, one) => told.delete(one),
    };
  }

  it("take over what another left when it is gone, and not before", async () => {
    const [shelf, locks] = [new FakeShelf(), new Locks()];
    const [one, two] = [
      new Outbox(shelf, "me", "t1", sender),
      new Outbox(shelf, "me", "t2", sender),
    ];
    const end = takeOver(one, place(locks));
    const second = place(locks);
    takeOver(two, second);
    one.add("r", "hello", [], null);
    for (const told of second.told) told();
    await settle();
    expect([one.size, two.size]).toEqual([1, 0]);
    end();
    await settle();
    expect(two.of("r").map((entry) => entry.text)).toEqual(["hello"]);
    expect(two.tabs()).toEqual(["t2"]);
  });

  it("leave it to one of them", async () => {
    const [shelf, locks] = [new FakeShelf(), new Locks()];
    new Outbox(shelf, "me", "t0", sender).add("r", "hello", [], null);
    const others = ["t1", "t2"].map((tab) => new Outbox(shelf, "me", tab, sender));
    for (const outbox of others) takeOver(outbox, place(locks));
    await settle();
    expect(others.map((outbox) => outbox.size)).toEqual([1, 0]);
  });

  it("take over what there is where the browser has no locks", () => {
    const shelf = new FakeShelf();
    new Outbox(shelf, "me", "t0", sender).add("r", "hello", [], null);
    const outbox = new Outbox(shelf, "me", "t1", sender);
    takeOver(outbox, place());
    expect(outbox.size).toBe(1);
  });
});
