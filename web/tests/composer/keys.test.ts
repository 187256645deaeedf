import { describe, expect, it } from "vitest";

import { commandOf, composes, enterSends } from "../../src/app/composer/keys";

function key(name: string, more: Partial<KeyboardEvent> = {}) {
  return {
    key: name,
    code: "",
    ctrlKey: false,
    metaKey: false,
    shiftKey: false,
    altKey: false,
    isComposing: false,
    keyCode: 0,
    ...more,
  };
}

describe("commandOf", () => {
  it("marks by the key of commands of the device", () => {
    expect(commandOf(key("b", { ctrlKey: true }), false)).toEqual({ do: "mark", kind: "bold" });
    expect(commandOf(key("i", { metaKey: true }), true)).toEqual({ do: "mark", kind: "italic" });
    expect(commandOf(key("e", { ctrlKey: true }), false)).toEqual({ do: "mark", kind: "code" });
  });

  it("makes lists by where a digit is, whatever sign it has", () => {
    const pressed = { ctrlKey: true, shiftKey: true };
    expect(commandOf(key("/", { ...pressed, code: "Digit7" }), false)).toEqual({
      do: "list",
      kind: "numbers",
    });
    expect(commandOf(key("(", { ...pressed, code: "Digit8" }), false)).toEqual({
      do: "list",
      kind: "bullets",
    });
  });

  it("leaves other keys alone", () => {
    expect(commandOf(key("b"), false)).toBeNull();
    expect(commandOf(key("b", { ctrlKey: true }), true)).toBeNull(); // ← in a field on a Mac
    expect(commandOf(key("k", { ctrlKey: true }), false)).toBeNull(); // the switcher's
    expect(commandOf(key("b", { ctrlKey: true, altKey: true }), false)).toBeNull(); // AltGr
    expect(commandOf(key("I", { ctrlKey: true, shiftKey: true }), false)).toBeNull();
  });
});

describe("enterSends", () => {
  it.each([
    [{}, false, false, true],
    [{ shiftKey: true }, false, false, false],
    [{}, true, false, false],
    [{}, false, true, false],
    [{ ctrlKey: true }, true, false, true],
    [{ metaKey: true }, false, true, true],
  ])("%j, touched %s, in a fence %s: %s", (more, touch, fence, sends) => {
    expect(enterSends(key("Enter", more), touch, fence)).toBe(sends);
  });
});

it("knows the keys of an input method", () => {
  expect(composes(key("Enter", { isComposing: true }))).toBe(true);
  expect(composes(key("Enter", { keyCode: 229 }))).toBe(true);
  expect(composes(key("Enter"))).toBe(false);
});
