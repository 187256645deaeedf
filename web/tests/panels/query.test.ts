import { describe, expect, it } from "vitest";

import { findable, operators, withOperator } from "../../src/app/panels/search/query";

describe("a search", () => {
  it("knows what its operators say", () => {
    const found = operators('deploy from:@ann "in: the evening" IN:ops before:2026-01-31 -has:x');
    expect([...found]).toEqual([
      ["from", "@ann"],
      ["in", "ops"],
      ["before", "2026-01-31"],
    ]);
  });

  it("has one operator of a kind", () => {
    expect(withOperator("deploy from:ann now", "from", "bob")).toBe("deploy now from:bob");
    expect(withOperator("deploy From:ann", "from", "")).toBe("deploy");
    expect(withOperator("", "has", "file")).toBe("has:file");
  });

  it("leaves quotes as they are", () => {
    expect(withOperator('"blue green" -"at six" roll*', "in", "lobby")).toBe(
      '"blue green" -"at six" roll* in:lobby',
    );
    expect(withOperator("“blue green”", "from", "me")).toBe('"blue green" from:me');
    expect(withOperator('"open end', "from", "me")).toContain("open end");
  });

  it("puts an operator before quotes that are open", () => {
    expect(operators(withOperator('"open end', "from", "me")).get("from")).toBe("me");
  });

  it("needs something to look for", () => {
    expect(findable("")).toBe(false);
    expect(findable("  - ... ")).toBe(false);
    expect(findable("-word")).toBe(false);
    expect(findable("before:2026-01-31")).toBe(false);
    expect(findable("from:")).toBe(false);
    expect(findable("from:ann after:2026-01-31")).toBe(true);
    expect(findable("日本")).toBe(true);
    expect(findable('"a')).toBe(true);
  });
});
