/** The emojis where the browser keeps no database (private windows of some): in the page alone. */

import type { NativeEmoji } from "emoji-picker-element/shared";

import type { Emojis, Tone } from "./emojis";

/** One emoji, as the file has it. */
export interface Listed extends Omit<NativeEmoji, "unicode" | "name" | "skins"> {
  emoji: string;
  skins?: { tone: number; emoji: string; version: number }[];
}

export class EmojiList implements Emojis {
  readonly #emojis: readonly NativeEmoji[];
  readonly #words = new Map<NativeEmoji, readonly string[]>();
  /** By each of its pictures and short codes. */
  readonly #known = new Map<string, NativeEmoji>();
  readonly #used = new Map<NativeEmoji, number>();
  #tone: Tone = 0;

  constructor(listed: readonly Listed[]) {
    this.#emojis = [...listed].sort((a, b) => a.order - b.order).map(native);
    for (const one of this.#emojis) {
      const { unicode, skins = [], shortcodes = [], tags = [], annotation, emoticon } = one;
      this.#words.set(one, wordsOf([...shortcodes, ...tags, annotation, emoticon ?? ""]));
      for (const picture of [unicode, ...skins.map((skin) => skin.unicode)]) {
        this.#known.set(picture, one);
      }
      for (const code of shortcodes) this.#known.set(`:${code}`, one);
    }
  }

  getEmojiByGroup(group: number): Promise<NativeEmoji[]> {
    return Promise.resolve(this.#emojis.filter((one) => one.group === group));
  }

  /** Those that have every word of it; of the last, the beginning is enough. */
  getEmojiBySearchQuery(query: string): Promise<NativeEmoji[]> {
    const wanted = wordsOf([query]);
    const last = wanted.pop();
    const fits = (words: readonly string[]) =>
      wanted.every((one) => words.includes(one)) &&
      words.some((one) => last !== undefined && one.startsWith(last));
    return Promise.resolve(this.#emojis.filter((one) => fits(this.#words.get(one) ?? [])));
  }

  getEmojiByShortcode(code: string): Promise<NativeEmoji | null> {
    return Promise.resolve(this.#known.get(`:${code.toLowerCase()}`) ?? null);
  }

  getEmojiByUnicodeOrName(unicode: string): Promise<NativeEmoji | null> {
    return Promise.resolve(this.#known.get(unicode) ?? null);
  }

  getTopFavoriteEmoji(limit: number): Promise<NativeEmoji[]> {
    const used = [...this.#used].sort(([, a], [, b]) => b - a);
    return Promise.resolve(used.slice(0, limit).map(([one]) => one));
  }

  incrementFavoriteEmojiCount(unicode: string): Promise<void> {
    const one = this.#known.get(unicode);
    if (one) this.#used.set(one, (this.#used.get(one) ?? 0) + 1);
    return Promise.resolve();
  }

  getPreferredSkinTone(): Promise<Tone> {
    return Promise.resolve(this.#tone);
  }

  setPreferredSkinTone(tone: Tone): Promise<void> {
    this.#tone = tone;
    return Promise.resolve();
  }
}

function native({ emoji, skins, ...others }: Listed): NativeEmoji {
  const made = skins?.map((one) => ({ ...one, unicode: one.emoji }));
  return { ...others, unicode: emoji, name: others.annotation, ...(made && { skins: made }) };
}

function wordsOf(texts: readonly string[]): string[] {
  const words = texts.flatMap((text) => text.toLowerCase().split(/[\s_]+/));
  return words.map((word) => word.replace(/[(),:]/g, "") || word).filter(Boolean);
}
