import { describe, expect, it } from "vitest";

import de from "../../src/i18n/de/refusals.json";
import en from "../../src/i18n/en/refusals.json";
import { sentence, worded } from "../../src/i18n/refused";

describe("what the server refuses with", () => {
  it("is found by its words", () => {
    const refused = { message: "you are muted in this room", kind: "forbidden", status: 403 };
    expect(worded(refused, en)).toBe("You are muted in this room.");
    expect(worded(refused, de)).toBe("Du bist in diesem Raum stumm geschaltet.");
  });

  it("keeps what changes in it", () => {
    const slow = { message: "slow mode: say more in 12 s" };
    expect(worded(slow, en)).toBe("Slow mode: you can send in 12 s.");
    const name = { message: "A name has 2 to 32 characters.", kind: "name", status: 422 };
    expect(worded(name, de)).toBe("Ein Name hat 2 bis 32 Zeichen.");
    const type = "files of this type are not taken here: it is image/svg+xml, by what is in it";
    expect(worded({ message: type }, de)).toContain("(image/svg+xml)");
  });

  it("is found by its type where its words are made up on the way", () => {
    const invalid = { message: "body.name: too long", kind: "invalid", detail: "…", status: 422 };
    expect(worded(invalid, de)).toBe(de.kinds.invalid);
    const tries = { message: "x", kind: "too-many-tries", status: 429, retryAfter: 40 };
    expect(worded(tries, en)).toBe("Too many tries. Try again in 40 seconds.");
  });

  it("is what its status says where nothing else is known", () => {
    expect(worded({ message: "Bad Gateway", kind: "", status: 502 }, de)).toBe(de.statuses[500]);
    expect(worded({ message: "permission denied", kind: "refused", status: 403 }, en)).toBe(
      en.statuses[403],
    );
  });

  it("is said in the server's words where we have none", () => {
    const message = "a scanner found something";
    expect(worded({ message, detail: message, kind: "unprocessable", status: 422 }, de)).toBe(
      "A scanner found something.",
    );
    expect(worded({ message: "constructor", kind: "constructor" }, de)).toBe("Constructor.");
  });

  it("is a sentence", () => {
    expect(sentence("you are muted in this room")).toBe("You are muted in this room.");
    expect(sentence("Sign in first.")).toBe("Sign in first.");
    expect(sentence("")).toBe("");
  });
});

describe("the languages", () => {
  const slots = (text: string) => [...text.matchAll(/\{\d\}/g)].map(([slot]) => slot).sort();

  it("have the same texts, and say the same of what changes", () => {
    for (const part of ["reasons", "kinds", "statuses"] as const) {
      const [one, other]: Record<string, string>[] = [en[part], de[part]];
      expect(Object.keys(other ?? {})).toEqual(Object.keys(one ?? {}));
      for (const [said, text] of Object.entries(one ?? {})) {
        expect(slots(other?.[said] ?? ""), said).toEqual(slots(text));
      }
    }
  });
});
