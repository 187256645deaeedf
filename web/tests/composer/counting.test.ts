import { expect, it } from "vitest";

import { countCharacters, textFile, trimmed } from "../../src/app/composer/counting";

it.each([
  ["", 0],
  ["abc", 3],
  ["😄", 1],
  ["👩‍👩‍👧", 5],
  ["e\u0301", 2],
  ["\ud83d", 1],
])("counts code points: %j", (text, expected) => {
  expect(countCharacters(text)).toBe(expected);
});

it("keeps nothing around a text, but what is within", () => {
  expect(trimmed("\n  a\n\n b \t\n")).toBe("a\n\n b");
});

it("makes a file of a text", async () => {
  const file = textFile("grüße", "text.txt");
  expect([file.name, file.type, await file.text()]).toEqual(["text.txt", "text/plain", "grüße"]);
});
