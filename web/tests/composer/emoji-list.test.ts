import german from "emoji-picker-element-data/de/cldr/data.json";
import english from "emoji-picker-element-data/en/emojibase/data.json";
import type { NativeEmoji } from "emoji-picker-element/shared";
import { describe, expect, it } from "vitest";

import { EmojiList, type Listed } from "../../src/app/composer/emoji-list";

const list = new EmojiList(english as Listed[]);

function pictures(emojis: readonly (NativeEmoji | null)[]): (string | undefined)[] {
  return emojis.map((one) => one?.unicode);
}

describe("emojis without a database", () => {
  it("are there by groups, in their order", async () => {
    const faces = await list.getEmojiByGroup(0);
    expect(pictures(faces.slice(0, 3))).toEqual(["😀", "😃", "😄"]);
    expect(faces[0]).toMatchObject({ annotation: "grinning face", name: "grinning face" });
    const orders = faces.map((one) => one.order);
    expect(orders).toEqual([...orders].sort((a, b) => a - b));
  });

  it("are found by all words, of which the last may be begun", async () => {
    const found = async (text: string) => pictures(await list.getEmojiBySearchQuery(text));
    expect(await found("rocke")).toContain("🚀");
    expect(await found("Grinning CAT")).toContain("😺");
    expect(await found("grinni cat")).toEqual([]);
    expect(await found("")).toEqual([]);
    const inGerman = await new EmojiList(german as Listed[]).getEmojiBySearchQuery("winkende");
    expect(pictures(inGerman)).toContain("👋");
  });

  it("are known by their short codes and pictures, of any tone", async () => {
    const wave = await list.getEmojiByShortcode("Wave");
    expect(wave?.unicode).toBe("👋");
    expect(wave?.skins?.map((one) => [one.tone, one.unicode]).slice(0, 2)).toEqual([
      [1, "👋🏻"],
      [2, "👋🏼"],
    ]);
    expect(await list.getEmojiByUnicodeOrName("👋🏿")).toBe(wave);
    expect(await list.getEmojiByShortcode("no_such_thing")).toBeNull();
    expect(await list.getEmojiByUnicodeOrName("wave")).toBeNull();
  });

  it("that were used most come first, as long as the page is open", async () => {
    for (const one of ["🚀", "👋", "👋", "x"]) await list.incrementFavoriteEmojiCount(one);
    expect(pictures(await list.getTopFavoriteEmoji(5))).toEqual(["👋", "🚀"]);
    expect(pictures(await list.getTopFavoriteEmoji(1))).toEqual(["👋"]);
    await list.setPreferredSkinTone(3);
    expect(await list.getPreferredSkinTone()).toBe(3);
  });
});
