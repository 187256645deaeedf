import { describe, expect, it } from "vitest";

import { inCode, inFence } from "../../src/app/composer/code";
import { expand, shortCodes } from "../../src/app/composer/shortcodes";

const KNOWN = new Map([
  ["smile", "😄"],
  ["heart", "❤️"],
  ["+1", "👍"],
  ["100", "💯"],
]);

const sent = (text: string) => expand(text, (code) => KNOWN.get(code));

describe("expand", () => {
  it.each([
    [":smile:", "😄"],
    ["so good :smile:!", "so good 😄!"],
    [":smile::heart:", "😄❤️"],
    [":unknown::heart:", ":unknown::heart:"],
    [":nope: :heart:", ":nope: ❤️"],
    ["(:+1:)", "(👍)"],
    ["`:smile:` :smile:", "`:smile:` 😄"],
    ["```\n:smile:\n``` :smile:", "```\n:smile:\n``` 😄"],
    ["```\n:smile:", "```\n:smile:"],
    ["at 10:100:20", "at 10:100:20"],
    ["std::heart::smile", "std::heart::smile"],
    ["https://example.org/:smile: :smile:", "https://example.org/:smile: 😄"],
    [":smile:s", ":smile:s"],
    [":toString:", ":toString:"],
    ["no colons", "no colons"],
  ])("%j", (text, expected) => {
    expect(sent(text)).toBe(expected);
  });
});

it("names the short codes that a text has, outside of code", () => {
  expect(shortCodes(":smile: `:heart:` :+1: :smile:")).toEqual(["smile", "+1"]);
});

describe("where code is", () => {
  it.each([
    ["a `b", true],
    ["a `b` c", false],
    ["a `b\nc", false],
    ["```\na", true],
    ["```\na\n``` b", false],
  ])("%j", (text, expected) => {
    expect(inCode(text, text.length)).toBe(expected);
  });

  it("tells an open fence", () => {
    expect(inFence("```js\nx", 7)).toBe(true);
    expect(inFence("`x", 2)).toBe(false);
  });
});
