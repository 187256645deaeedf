/**
 * The emojis and their names: the data is a file of ours, and the browser keeps it in a database.
 * Nothing is loaded before it is needed. Where the browser keeps no databases, the page has them.
 */

import germanData from "emoji-picker-element-data/de/cldr/data.json?url";
import englishData from "emoji-picker-element-data/en/emojibase/data.json?url";
import type Database from "emoji-picker-element/database";
import type { NativeEmoji } from "emoji-picker-element/shared";

import { currentLanguage, type Language } from "../../i18n/index.svelte";
import type { Emoji } from "./completion";
import { newestDrawn } from "./drawn";
import { shortCodes } from "./shortcodes";

export type Tone = 0 | 1 | 2 | 3 | 4 | 5;

/** An emoji with what it looks like in each tone of skin that it has. */
export interface FullEmoji extends Emoji {
  readonly tones: ReadonlyMap<number, string>;
}

/** The groups of the data that are shown, in their order (2 is the parts of emojis). */
export const GROUPS = [0, 1, 3, 4, 5, 6, 7, 8, 9] as const;
export type Group = (typeof GROUPS)[number];

const DATA: Record<Language, string> = { en: englishData, de: germanData };

/** Those of the frequently used, as long as one uses too few. */
const COMMON =
  "👍️ ❤️ 😂 🎉 🙏 😊 👀 ✅️ 🔥 😅 🤔 👏 😢 💯 🚀 👋 😍 😎 🤣 😉 😭 😮 🙂 👌 💪 🤝 🙈 ✨️ ☕️ ⚠️ ❌️ 👎️".split(
    " ",
  );
const FREQUENT = 32;

interface Updating {
  readonly _lazyUpdate?: Promise<void>;
}

/** What is asked of the database, or of what is in its place. */
export interface Emojis extends Pick<
  Database,
  | "getEmojiByGroup"
  | "getEmojiBySearchQuery"
  | "getEmojiByShortcode"
  | "getEmojiByUnicodeOrName"
  | "getTopFavoriteEmoji"
  | "incrementFavoriteEmojiCount"
> {
  getPreferredSkinTone(): Promise<Tone>;
  setPreferredSkinTone(tone: Tone): Promise<void>;
}

const databases = new Map<Language, Promise<Emojis>>();
const known = new Map<string, string | null>();

function database(language: Language = currentLanguage()): Promise<Emojis> {
  const opened = databases.get(language) ?? open(language);
  databases.set(language, opened);
  return opened;
}

async function open(language: Language): Promise<Emojis> {
  try {
    return await openKept(language).catch(() => openList(language));
  } catch (error) {
    databases.delete(language); // the next time may go well
    throw error;
  }
}

async function openKept(language: Language): Promise<Emojis> {
  const { default: Made } = await import("emoji-picker-element/database");
  const made = new Made({ dataSource: DATA[language], locale: language });
  await made.ready();
  // It looks by itself whether there is newer data; without a network there is not.
  (made as unknown as Updating)._lazyUpdate?.catch(() => undefined);
  return made;
}

async function openList(language: Language): Promise<Emojis> {
  const { EmojiList } = await import("./emoji-list");
  // eslint-disable-next-line no-restricted-syntax -- It is a file of the pages, and no API.
  return new EmojiList(await (await fetch(DATA[language])).json());
}

export async function emojisOf(group: Group): Promise<FullEmoji[]> {
  return shown(await (await database()).getEmojiByGroup(group));
}

/** By a word or the beginning of one; in English, too, where the page is in another language. */
export async function findEmojis(text: string): Promise<FullEmoji[]> {
  const found = await Promise.all(
    languages().map(async (one) => (await database(one)).getEmojiBySearchQuery(text)),
  );
  const all = new Map<string, FullEmoji>();
  for (const emoji of shown(found.flat() as NativeEmoji[])) {
    const other = all.get(emoji.unicode);
    all.set(emoji.unicode, other ? { ...other, codes: [...other.codes, ...emoji.codes] } : emoji);
    for (const code of emoji.codes) known.set(code, emoji.unicode);
  }
  // What is called so comes before what only has to do with it.
  const called = (one: FullEmoji) => isCalled(one, text.toLowerCase());
  const once = [...all.values()];
  return [...once.filter(called), ...once.filter((one) => !called(one))];
}

/** In which names are looked for. */
function languages(): Language[] {
  return currentLanguage() === "en" ? ["en"] : [currentLanguage(), "en"];
}

function isCalled({ name, codes }: Emoji, wanted: string): boolean {
  return [name, ...codes].some((one) =>
    one
      .toLowerCase()
      .split(/[\s_]/)
      .some((word) => word.startsWith(wanted)),
  );
}

export async function frequentEmojis(): Promise<FullEmoji[]> {
  const from = await database();
  const used = shown((await from.getTopFavoriteEmoji(FREQUENT)) as NativeEmoji[]);
  const common = await Promise.all(COMMON.map((one) => from.getEmojiByUnicodeOrName(one)));
  const all = [...used, ...shown(common.filter((one) => one !== null) as NativeEmoji[])];
  return [...new Map(all.map((one) => [one.unicode, one])).values()].slice(0, FREQUENT);
}

/** Remember that one was used, in whichever tone. */
export async function used(emoji: Emoji): Promise<void> {
  const from = await database();
  const base = (await from.getEmojiByUnicodeOrName(emoji.unicode)) as NativeEmoji | null;
  if (base) await from.incrementFavoriteEmojiCount(base.unicode);
}

export async function chosenTone(): Promise<Tone> {
  return await (await database()).getPreferredSkinTone();
}

export async function chooseTone(tone: Tone): Promise<void> {
  await (await database()).setPreferredSkinTone(tone);
}

/** Learn what the short codes of a text mean, so that `emojiOf` knows it. */
export async function learnShortCodes(text: string): Promise<void> {
  const unknown = shortCodes(text).filter((code) => !known.has(code));
  if (unknown.length === 0) return;
  const from = await Promise.all(languages().map((one) => database(one)));
  for (const code of unknown) {
    const named = await Promise.all(from.map((one) => one.getEmojiByShortcode(code)));
    const emoji = named.find((one) => one !== null) as NativeEmoji | undefined;
    known.set(code, emoji?.unicode ?? null);
  }
}

/** What a short code means; undefined where it means nothing, or was not learnt. */
export function emojiOf(code: string): string | undefined {
  return known.get(code) ?? undefined;
}

/** Whether there is something in the text that has to be learnt. */
export function hasUnknownCodes(text: string): boolean {
  return shortCodes(text).some((code) => !known.has(code));
}

/** Those that are drawn here as one picture, as the pages have them. */
function shown(emojis: readonly NativeEmoji[]): FullEmoji[] {
  const newest = newestDrawn();
  return emojis
    .filter((one) => one.version <= newest)
    .map((one) => ({
      unicode: one.unicode,
      name: one.annotation,
      codes: one.shortcodes ?? [],
      tones: new Map(one.skins?.map((skin) => [skin.tone, skin.unicode])),
    }));
}
