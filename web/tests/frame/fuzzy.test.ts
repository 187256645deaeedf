import { expect, test } from "vitest";

import { fit, folded } from "../../src/app/frame/fuzzy";

/** The names that are found, the best first. */
function found(wanted: string, ...names: string[]): string[] {
  return names
    .map((name) => ({ name, score: fit(folded(wanted), folded(name)) }))
    .filter((one) => one.score > 0)
    .sort((a, b) => b.score - a.score)
    .map((one) => one.name);
}

test("a name that begins so is better than a word that does, and than what is inside of one", () => {
  expect(found("gen", "Agenda", "The General", "General")).toEqual([
    "General",
    "The General",
    "Agenda",
  ]);
});

test("the nearer of two that begin so is the shorter one", () => {
  expect(found("dev", "Developers of plugins", "Dev")).toEqual(["Dev", "Developers of plugins"]);
});

test("letters may be left out", () => {
  expect(found("gnl", "General", "Lounge")).toEqual(["General"]);
  expect(found("ae", "Ann Example", "Rae")).toEqual(["Rae", "Ann Example"]);
  expect(found("pro 12", "Project 12", "Project 21")).toEqual(["Project 12"]);
});

test("the first letter begins a word, or all of them are in a row", () => {
  expect(found("em", "A room with quite a long name")).toEqual([]);
});

test("marks and cases are the same letters", () => {
  expect(found("cafe", "Café", "CAFE")).toHaveLength(2);
  expect(found("ÜBER", "uber uns")).toEqual(["uber uns"]);
});

test("nothing that is wanted fits everything", () => {
  expect(found("", "a", "b")).toEqual(["a", "b"]);
});
