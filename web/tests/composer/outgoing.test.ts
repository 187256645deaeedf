import { describe, expect, it, vi } from "vitest";

import { Outgoing, outgoingOf } from "../../src/app/composer/outgoing";
import type { Room } from "../../src/core/model";
import { Source } from "../../src/core/observable";
import type { FileInfo } from "../../src/core/types";

class FakeUploads extends Source {
  items: { state: string }[] = [];
  get busy(): boolean {
    return this.items.some((one) => one.state === "sending");
  }
  take(): FileInfo[] {
    const taken = this.items.map((_, index) => ({ id: `f${index}` }) as FileInfo);
    this.items = [];
    return taken;
  }
  now(...states: string[]): void {
    this.items = states.map((state) => ({ state }));
    this.changed();
  }
}

function scene(...states: string[]) {
  const uploads = new FakeUploads();
  uploads.items = states.map((state) => ({ state }));
  const say = vi.fn();
  const keepDraft = vi.fn();
  const room = { uploads, say, keepDraft } as unknown as Room;
  return { uploads, say, keepDraft, room, outgoing: new Outgoing(room) };
}

const letter = (text: string) => ({ text, reply: null });
const turn = () => new Promise((go) => setTimeout(go));

describe("Outgoing", () => {
  it("says at once what waits for nothing, and forgets its draft", () => {
    const { outgoing, say, keepDraft } = scene();
    outgoing.send(letter(" hello\n"));
    expect(say.mock.calls).toEqual([["hello", [], null]]);
    expect(keepDraft).toHaveBeenCalledWith({ text: "", reply: null });
    expect([outgoing.said, outgoing.letter]).toEqual([1, null]);
  });

  it("waits for files, and says text and files together", async () => {
    const { outgoing, say, uploads } = scene("sending", "done");
    outgoing.send(letter("with files"));
    expect(say).not.toHaveBeenCalled();
    expect(outgoing.letter).not.toBeNull();
    uploads.now("done", "done");
    await turn();
    expect(say.mock.calls).toEqual([["with files", [{ id: "f0" }, { id: "f1" }], null]]);
  });

  it("says nothing when a file fails, or it is taken back", async () => {
    const { outgoing, say, uploads } = scene("sending");
    outgoing.send(letter("a"));
    uploads.now("failed");
    await turn();
    expect([outgoing.letter, outgoing.said]).toEqual([null, 0]);
    uploads.now("sending");
    outgoing.send(letter("b"));
    outgoing.takeBack();
    uploads.now("done");
    await turn();
    expect(say).not.toHaveBeenCalled();
  });

  it("says nothing where all of it was taken out meanwhile", async () => {
    const { outgoing, say, uploads } = scene("sending");
    outgoing.send(letter(""));
    uploads.now();
    await turn();
    expect(say).not.toHaveBeenCalled();
  });

  it("is one for each room", () => {
    const { room } = scene();
    expect(outgoingOf(room)).toBe(outgoingOf(room));
    expect(outgoingOf(scene().room)).not.toBe(outgoingOf(room));
  });
});
