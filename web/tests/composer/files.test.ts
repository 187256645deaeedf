import { expect, it } from "vitest";

import { fitting } from "../../src/app/composer/files";

const limits = { file_bytes: 3, files: 2, text: 10 };
const file = (name: string, text = "abc") => new File([text], name);
const names = (files: readonly File[]) => files.map((one) => one.name);

it("takes as many files as a message may have, and counts the others", () => {
  const found = fitting([file("a"), file("b"), file("c"), file("d")], 0, limits);
  expect([names(found.taken), found.left]).toEqual([["a", "b"], 2]);
  expect(fitting([file("a"), file("b")], 1, limits).left).toBe(1);
  expect(fitting([file("a")], 2, limits)).toEqual({ taken: [], large: [], left: 1 });
});

it("leaves out what is too large, in whose place others go", () => {
  const found = fitting([file("film", "abcd"), file("a"), file("b")], 0, limits);
  expect([names(found.taken), names(found.large), found.left]).toEqual([["a", "b"], ["film"], 0]);
});
