import { expect, it } from "vitest";

import { difference } from "../../src/app/composer/typing";

it.each([
  ["say this", "say **this**", [4, 8, "**this**"]],
  ["abc", "abc", [3, 3, ""]],
  ["abc", "", [0, 3, ""]],
  ["", "abc", [0, 0, "abc"]],
  ["aa", "aaa", [2, 2, "a"]],
  ["aaa", "aa", [2, 3, ""]],
] as const)("finds what changes from %j to %j", (before, after, expected) => {
  expect(difference(before, after)).toEqual(expected);
});
