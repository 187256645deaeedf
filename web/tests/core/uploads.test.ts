import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Bringing } from "../../src/core/bring";
import { Problem, unreachable } from "../../src/core/problem";
import type { FileInfo } from "../../src/core/types";
import { AttachedFiles, KEPT_MS } from "../../src/core/attached";
import { type Files, Uploads } from "../../src/core/uploads";
import { settle } from "./support/api";
import { FakeShelf } from "./support/shelf";

interface Bring {
  name: string;
  how: Bringing;
  done(): void;
  fail(problem: Problem): void;
}

let brought: Bring[];
let discarded: string[];
let uploads: Uploads;
let shelf: FakeShelf;
/** Files that the server has no more. */
let gone: string[];

function info(name: string): FileInfo {
  const plain = { type: "text/plain", size: 3, width: null, height: null, preview: false };
  return { id: `id-${name}`, name, ...plain };
}

function files(...names: string[]): File[] {
  return names.map((name) => new File(["abc"], name));
}

function states(): string[] {
  return uploads.items.map((one) => `${one.name} ${one.state} ${one.sent}`);
}

/** A room's uploads, as after a reload. */
function made(room = "r"): Uploads {
  const server: Files = {
    bring: (file, how) =>
      new Promise((resolve, reject) => {
        how.signal.addEventListener("abort", () => reject(unreachable()));
        const done = () => resolve(info(file.name));
        brought.push({ name: file.name, how, done, fail: reject });
      }),
    discard: (file) => {
      discarded.push(file);
      return Promise.reject(unreachable());
    },
    has: (file) => Promise.resolve(!gone.includes(file)),
  };
  return new Uploads(server, new AttachedFiles(shelf, "me", room));
}

beforeEach(() => {
  vi.useFakeTimers();
  brought = [];
  discarded = [];
  gone = [];
  shelf = new FakeShelf();
  uploads = made();
});

afterEach(() => {
  uploads.stop();
  vi.useRealTimers();
});

describe("files", () => {
  it("are brought three at once, and are there in their order", async () => {
    uploads.add(files("a", "b", "c", "d"));
    expect(brought.map((one) => one.name)).toEqual(["a", "b", "c"]);
    brought[1]?.done();
    await settle();
    expect(brought.map((one) => one.name)).toEqual(["a", "b", "c", "d"]);
    brought[0]?.done();
    await settle();
    expect(uploads.files.map((one) => one.name)).toEqual(["a", "b"]);
    expect(uploads.busy).toBe(true);
  });

  it("say how far they are", () => {
    uploads.add(files("a"));
    brought[0]?.how.progress(2);
    expect(states()).toEqual(["a sending 2"]);
    brought[0]?.how.progress(500); // what goes over the line is more than the file
    expect(states()).toEqual(["a sending 3"]);
  });

  it("fail with a reason, and are tried again when somebody wants it", async () => {
    uploads.add(files("a"));
    const size = {
      type: "",
      title: "Too large",
      status: 413,
      detail: "a file has at most 5 bytes",
    };
    brought[0]?.fail(new Problem(size));
    await settle();
    expect(uploads.items[0]).toMatchObject({ state: "failed", why: size.detail, info: null });
    expect(uploads.busy).toBe(false);
    const [key] = uploads.items.map((one) => one.key);
    uploads.retry(key ?? "");
    brought[1]?.done();
    await settle();
    expect(uploads.items[0]).toMatchObject({ state: "done", why: "", info: info("a") });
  });

  it("wait where the server takes no more just now", async () => {
    uploads.add(files("a"));
    brought[0]?.fail(new Problem({ type: "", title: "", status: 429 }, 5));
    await vi.advanceTimersByTimeAsync(4_999);
    expect(brought).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    brought[1]?.done();
    await settle();
    expect(states()).toEqual(["a done 3"]);
  });

  it("can be taken out while they are on their way", async () => {
    uploads.add(files("a", "b", "c", "d"));
    uploads.remove(uploads.items[0]?.key ?? "");
    await settle();
    expect(brought[0]?.how.signal.aborted).toBe(true);
    expect(states()).toEqual(["b sending 0", "c sending 0", "d sending 0"]);
    expect(discarded).toEqual([]);
  });

  it("are discarded when they are taken out once they are there", async () => {
    uploads.add(files("a"));
    brought[0]?.done();
    await settle();
    uploads.remove(uploads.items[0]?.key ?? "");
    expect([uploads.items, discarded]).toEqual([[], ["id-a"]]);
  });

  it("are discarded when they come to be there after they were taken out", async () => {
    uploads.add(files("a"));
    brought[0]?.done();
    uploads.remove(uploads.items[0]?.key ?? "");
    await settle();
    expect([uploads.items, discarded]).toEqual([[], ["id-a"]]);
  });

  it("are taken to be said, and those that failed stay", async () => {
    uploads.add(files("a", "b"));
    brought[0]?.done();
    brought[1]?.fail(unreachable());
    await settle();
    expect(uploads.take()).toEqual([info("a")]);
    expect([states(), discarded]).toEqual([["b failed 0"], []]);
  });
});

describe("after a reload, files", () => {
  async function bring(...names: string[]): Promise<void> {
    uploads.add(files(...names));
    for (const one of brought.splice(0)) one.done();
    await settle();
  }

  it("that were there are there, in their order, and are sent or removed", async () => {
    await bring("a", "b", "c");
    const again = made();
    expect(again.items.map((one) => [one.name, one.size, one.state, one.file])).toEqual(
      ["a", "b", "c"].map((name) => [name, 3, "done", null]),
    );
    expect([made("other").items, again.busy, brought]).toEqual([[], false, []]);
    again.remove(again.items[1]?.key ?? "");
    expect(discarded).toEqual(["id-b"]);
    expect(again.take()).toEqual([info("a"), info("c")]);
    expect([made().items, shelf.length]).toEqual([[], 0]);
  });

  it("that the server has no more are not there, quietly", async () => {
    await bring("a", "b");
    gone = ["id-a"];
    const again = made();
    await settle();
    expect([again.files, made().files]).toEqual([[info("b")], [info("b")]]);
    expect(discarded).toEqual([]);
  });

  it("are not there a day later", async () => {
    await bring("a");
    await vi.advanceTimersByTimeAsync(KEPT_MS);
    expect([made().items, shelf.length]).toEqual([[], 0]);
  });

  it("that were under way can only be taken out", async () => {
    uploads.add(files("a", "b"));
    brought[0]?.done();
    await settle();
    uploads.leave();
    const again = made();
    expect(again.items.map((one) => `${one.name} ${one.state} ${one.why}`)).toEqual([
      "a done ",
      "b failed ",
    ]);
    const [, lost] = again.items;
    again.retry(lost?.key ?? "");
    expect(again.items[1]?.state).toBe("failed");
    again.remove(lost?.key ?? "");
    expect(made().files).toEqual([info("a")]);
    expect(made().items).toHaveLength(1);
  });

  it("that were sent by another tab are sent by no other", async () => {
    await bring("a", "b");
    const other = made();
    other.said([info("a")]);
    expect([other.files, discarded]).toEqual([[info("b")], []]);
  });
});
