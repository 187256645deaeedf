import { beforeEach, describe, expect, it, vi } from "vitest";

import { type Deed, told } from "../../src/app/panels/room/audit";
import type { Piece } from "../../src/app/panels/parts/sentence";
import { pieces } from "../../src/app/panels/parts/sentence";
import { setLanguage } from "../../src/i18n/index.svelte";

function deed(
  action: string,
  detail: Record<string, unknown> = {},
  user: string | null = "bob",
): Deed {
  return { id: 1, at: 0, by: "ann", action, user, detail };
}

function line(found: Piece[]): string {
  return found
    .map((one) => ("user" in one ? `<${one.user}>` : "said" in one ? `“${one.said}”` : one.text))
    .join("");
}

const lines = (one: Deed) => told(one).sentences.map(line);

beforeEach(async () => {
  vi.stubGlobal("document", { documentElement: { lang: "" } });
  await setLanguage("en");
});

describe("pieces", () => {
  it("are the values of a text, in its order", () => {
    expect(pieces("{by} and {user}, {by}", { by: { user: "a" }, user: { text: "b" } })).toEqual([
      { user: "a" },
      { text: " and " },
      { text: "b" },
      { text: ", " },
      { user: "a" },
    ]);
  });

  it("leave what has no value", () => {
    expect(pieces("{nothing}", {})).toEqual([{ text: "{nothing}" }]);
  });
});

describe("what moderators did", () => {
  it("is a sentence for each deed", () => {
    expect(lines(deed("kicked"))).toEqual(["<ann> removed <bob>"]);
    expect(lines(deed("joined"))).toEqual(["<ann> added <bob>"]);
    expect(lines(deed("banned", { until: 0 }))).toEqual(["<ann> banned <bob> for good"]);
    expect(lines(deed("banned", { until: 1_764_000_000_000 }))[0]).toMatch(/until .*2025/);
    expect(lines(deed("appointed", { role: "moderator" }))).toEqual([
      "<ann> made <bob> a moderator",
    ]);
    expect(lines(deed("deleted", { message: 4 }))).toEqual(["<ann> deleted a message of <bob>"]);
  });

  it("is one for each thing that was changed", () => {
    const changed = deed("changed", { name: "Ops {by}", topic: "", slow: 90, keep: 7 }, null);
    expect(lines(changed)).toEqual([
      "<ann> called the room “Ops {by}”",
      "<ann> took the topic away",
      "<ann> set slow mode to 90 seconds",
      "<ann> had messages be kept for 7 days",
    ]);
    expect(lines(deed("changed", { slow: 0, keep: 0, kind: "private" }, null))).toEqual([
      "<ann> made the room private",
      "<ann> turned slow mode off",
      "<ann> had messages be kept always",
    ]);
  });

  it("has a reason in the words of who did it", () => {
    expect(told(deed("kicked", { reason: "spam" })).reason).toBe("spam");
    expect(told(deed("kicked", { reason: 4 })).reason).toBe("");
  });

  it("can be something new, or of the server itself", () => {
    expect(lines(deed("sung"))).toEqual(["<ann> did this: sung"]);
    expect(lines({ ...deed("archived", {}, null), by: "" })).toEqual([
      "The server archived the room",
    ]);
  });

  it("is told in every language", async () => {
    await setLanguage("de");
    for (const action of ["kicked", "banned", "muted", "appointed", "invited", "archived"]) {
      expect(line(told(deed(action)).sentences[0] ?? [])).toMatch(/^<ann> /);
    }
  });
});
