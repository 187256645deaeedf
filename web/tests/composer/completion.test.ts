import { describe, expect, it } from "vitest";

import {
  type Candidate,
  type Choice,
  completed,
  type Emoji,
  insertOf,
  membersOf,
  othersOf,
  queryAt,
  rankEmojis,
  rankPeople,
  withEverybody,
} from "../../src/app/composer/completion";
import type { Chat, Room } from "../../src/core/model";
import { person } from "./people";

/** What is begun at the bar. */
function begun(drawn: string) {
  const caret = drawn.indexOf("|");
  return queryAt(drawn.replace("|", ""), caret);
}

describe("queryAt", () => {
  it.each([
    ["@|", "@", "", 0],
    ["@an|", "@", "an", 0],
    ["hi @Zoë|", "@", "Zoë", 3],
    ["hi (@a.b-c| there", "@", "a.b-c", 4],
    ["so :sm|", ":", "sm", 3],
    ["a\n:+1|", ":", "+1", 2],
  ])("%s", (drawn, sign, text, start) => {
    expect(begun(drawn)).toEqual({ sign, text, start });
  });

  it.each([
    "|",
    "mail@ex|",
    "@an |",
    "so :s|",
    "10:30|",
    "https://ex|",
    "a::bc|",
    "`@an|",
    "```\n:smile|",
    ":)|",
  ])("finds nothing in %j", (drawn) => {
    expect(begun(drawn)).toBeNull();
  });
});

const ann = person("ann", "Ann Lee");
const anton = person("anton", "Anton");
const joanna = person("jo", "Joanna");
const leo = person("leo", "Leo Ander");
const zoe = person("zoe", "Zoë");

function candidates(...people: [ReturnType<typeof person>, boolean, number][]): Candidate[] {
  return people.map(([profile, member, spoke]) => ({ profile, member, spoke }));
}

const names = (choices: readonly Choice[]) =>
  choices.map((one) => (one.kind === "person" ? one.profile.name : one.key));

describe("rankPeople", () => {
  it("has members before others, beginnings before what is within, the last to speak first", () => {
    const all = candidates(
      [anton, false, 0],
      [joanna, true, 9],
      [leo, true, 0],
      [ann, true, 3],
      [person("andy", "Andy"), true, 7],
    );
    expect(names(rankPeople("an", all))).toEqual(["andy", "ann", "leo", "jo", "anton"]);
  });

  it("has everybody where nothing is begun, by when they spoke and then by name", () => {
    const all = candidates([zoe, true, 0], [leo, true, 0], [ann, true, 5]);
    expect(names(rankPeople("", all))).toEqual(["ann", "leo", "zoe"]);
  });

  it("finds names without their accents", () => {
    expect(names(rankPeople("zoe", candidates([zoe, true, 0])))).toEqual(["zoe"]);
    expect(names(rankPeople("ZOË", candidates([zoe, true, 0])))).toEqual(["zoe"]);
  });

  it("leaves out who cannot be mentioned, and names nobody twice", () => {
    const all = candidates(
      [person(null), true, 9],
      [{ ...ann, disabled: true }, true, 8],
      [leo, true, 0],
      [leo, false, 0],
    );
    expect(names(rankPeople("", all))).toEqual(["leo"]);
  });
});

describe("who can be mentioned", () => {
  const people = new Map([ann, leo, zoe].map((one) => [one.id, one]));
  const chat = { me: zoe, people: { get: (id: string) => people.get(id) } } as unknown as Chat;
  const room = (all: boolean) =>
    ({
      allMembers: all,
      members: new Map([ann, zoe].map((one) => [one.id, {}])),
      messages: [ann, leo, zoe].map((one) => ({ user: one.id })),
    }) as unknown as Room;

  it("is every member but oneself, by when they spoke", () => {
    expect(membersOf(room(true), chat)).toEqual([{ profile: ann, member: true, spoke: 1 }]);
  });

  it("is whoever spoke, too, where not all members are known", () => {
    const found = membersOf(room(false), chat).map((one) => [one.profile.name, one.spoke]);
    expect(found).toEqual([
      ["ann", 1],
      ["leo", 2],
    ]);
  });

  it("is others that were found, who are told apart where all members are known", () => {
    expect(othersOf(room(true), [leo, zoe], zoe.id)).toEqual([
      { profile: leo, member: false, spoke: 0 },
    ]);
    expect(othersOf(room(false), [leo], zoe.id)[0]?.member).toBe(true);
  });
});

describe("withEverybody", () => {
  const people = rankPeople("", candidates([ann, true, 0], [leo, false, 0]));

  it("has everybody behind the members", () => {
    expect(names(withEverybody("", people, true))).toEqual(["ann", "*", "leo"]);
  });

  it("has everybody first for who writes most of it", () => {
    expect(names(withEverybody("roo", people, true))).toEqual(["*", "ann", "leo"]);
  });

  it("leaves that out where it does not fit, or is not one's right", () => {
    expect(names(withEverybody("x", people, true))).toEqual(["ann", "leo"]);
    expect(names(withEverybody("", people, false))).toEqual(["ann", "leo"]);
  });

  it("shows everybody also where there are many members", () => {
    const many = Array.from({ length: 20 }, (_, index) => person(`p${index}`));
    const all = rankPeople(
      "",
      many.map((profile) => ({ profile, member: true, spoke: 0 })),
    );
    const shown = withEverybody("", all, true);
    expect(shown).toHaveLength(8);
    expect(shown.at(-1)?.kind).toBe("everybody");
  });
});

describe("rankEmojis", () => {
  const emoji = (unicode: string, ...codes: string[]): Emoji => ({
    unicode,
    name: codes[0] ?? "",
    codes,
  });

  it("has the exact code first, then beginnings, then words, then the rest", () => {
    const ranked = rankEmojis("heart", [
      emoji("😍", "heart_eyes"),
      emoji("💔", "broken_heart"),
      emoji("💌", "love_letter"),
      emoji("❤️", "red_heart", "heart"),
    ]);
    expect(ranked.map((one) => one.kind === "emoji" && [insertOf(one), one.code])).toEqual([
      ["❤️", "heart"],
      ["😍", "heart_eyes"],
      ["💔", "broken_heart"],
      ["💌", "love_letter"],
    ]);
  });

  it("has the shortest of the codes that begin so first", () => {
    const ranked = rankEmojis("smi", [emoji("😃", "smiley"), emoji("😄", "smiling_eyes", "smile")]);
    expect(ranked.map((one) => one.kind === "emoji" && one.code)).toEqual(["smile", "smiley"]);
  });

  it("names no emoji twice", () => {
    expect(rankEmojis("sm", [emoji("😄", "smile"), emoji("😄", "smile")])).toHaveLength(1);
  });
});

describe("completed", () => {
  const choice = rankPeople("", candidates([ann, true, 0]))[0] as Choice;

  it.each([
    ["hi @an|", "hi @ann |"],
    ["hi @an| there", "hi @ann| there"],
    ["@an|.", "@ann |."],
  ])("%s", (before, after) => {
    const query = begun(before);
    if (query === null) throw new Error("nothing was begun");
    const { text, start } = completed(before.replace("|", ""), query, choice);
    expect(`${text.slice(0, start)}|${text.slice(start)}`).toBe(after);
  });
});
