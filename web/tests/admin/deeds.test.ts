import { describe, expect, it } from "vitest";

import { told } from "../../src/app/admin/deeds";
import { handle } from "../../src/app/admin/handle";
import type { Deed } from "../../src/app/admin/types";
import { duration } from "../../src/app/admin/words";
import { pages as de } from "../../src/i18n/de/pages";
import { pages as en } from "../../src/i18n/en/pages";

const NAMES: Record<string, string> = { u1: "Ann", u2: "Bob", b1: "Builds" };

function read(action: string, detail: Deed["detail"] = {}, user: string | null = null): string[] {
  const deed: Deed = { id: 1, at: 0, by: "u1", action, user, detail };
  return told(deed).map((pieces) =>
    pieces
      .map((one) => ("user" in one ? NAMES[one.user] : "said" in one ? one.said : one.text))
      .join(""),
  );
}

describe("what administrators did", () => {
  it.each<[string, Deed["detail"], string | null, string]>([
    ["administrator", { first: true }, "u1", "Ann became the first administrator"],
    ["administrator", { is: true }, "u2", "Ann made Bob an administrator"],
    ["administrator", { is: false }, "u2", "Ann took administration away from Bob"],
    ["disabled", {}, "u2", "Ann disabled the account of Bob"],
    ["enabled", {}, "u2", "Ann enabled the account of Bob"],
    ["password_link", {}, "u2", "Ann made a password link for Bob"],
    ["logins_ended", { logins: 1 }, "u2", "Ann ended a login of Bob"],
    ["logins_ended", { logins: 3 }, "u2", "Ann ended 3 logins of Bob"],
    ["invited", { pass: "p1", uses: 1 }, null, "Ann made an invitation for one account"],
    ["invited", { pass: "p1", uses: 5 }, null, "Ann made an invitation for 5 accounts"],
    ["invited", { uses: null }, null, "Ann made an invitation for any number of accounts"],
    ["pass_revoked", { pass: "p1" }, null, "Ann revoked a link"],
    ["bot_made", {}, "b1", "Ann made the bot Builds"],
    ["key_made", { key: "k1", name: "{by}" }, "b1", "Ann made the key “{by}” for Builds"],
    ["key_revoked", { key: "k1" }, "b1", "Ann revoked a key of Builds"],
    ["painted", {}, null, "Ann did this: painted"],
  ])("%s %o is a sentence", (action, detail, user, sentence) => {
    expect(read(action, detail, user)).toEqual([sentence]);
  });

  it("with the settings is a sentence for each", () => {
    const detail = {
      name: { from: "hubbub", to: "Our place" },
      sign_up: { from: "invitation", to: "open" },
      guests: { from: true, to: false },
    };
    expect(read("settings", detail)).toEqual([
      "Ann called the server “Our place”",
      "Ann let everybody make an account",
      "Ann let no guests in any more",
    ]);
    expect(read("settings", { colour: { from: 1, to: 2 } })).toEqual(["Ann changed the settings"]);
  });

  it("has the same values in every language", () => {
    const values = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
    for (const [key, english] of Object.entries(en.admin.deeds)) {
      const german = de.admin.deeds[key as keyof typeof de.admin.deeds];
      for (const n of [1, 2]) {
        const said = [english, german].map((one) => (typeof one === "string" ? one : one(n)));
        expect(values(said[1] ?? ""), key).toEqual(values(said[0] ?? ""));
      }
    }
  });
});

describe("numbers in words", () => {
  it.each([
    [-5, "0 seconds"],
    [400, "0 seconds"],
    [61_000, "1 minute"],
    [3_600_000, "1 hour"],
    [3_700_000, "1 hour, 1 minute"],
    [3 * 86_400_000 + 4 * 3_600_000 + 59, "3 days, 4 hours"],
    [86_400_000 + 5_000, "1 day"],
  ])("%s milliseconds", (ms, words) => {
    expect(duration(ms)).toBe(words);
  });
});

describe("what a bot is mentioned by", () => {
  it.each([
    ["Build Server", "build-server"],
    ["  Über-Bot (neu)! ", "uber-bot-neu"],
    ["Großer Bot", "grosser-bot"],
    ["机器人", ""],
    ["x".repeat(40), "x".repeat(32)],
  ])("%s", (display, name) => {
    expect(handle(display)).toBe(name);
  });
});
