import { en } from "./en";
import type { Pages } from "./pages";

/**
 * All texts, by part of the page, but for those of `Pages`. A text with values in it is a function
 * of them.
 */
export type Catalogue = typeof en;

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

const KEPT = "hubbub.language";

let language = $state<Language>("en");
let catalogue = $state.raw<Catalogue>(en);
let pages = $state.raw<Pages | null>(null);

/** The texts in the language that was chosen: `{t().frame.signIn}`. */
export function t(): Catalogue {
  return catalogue;
}

/** The texts of pages in another language than English, in which they come with the pages. */
export function translatedPages(): Pages | null {
  return pages;
}

export function currentLanguage(): Language {
  return language;
}

/** The language that was chosen here before, or the browser's first that there is. */
function preferredLanguage(): Language {
  const wanted = [localStorage.getItem(KEPT) ?? "", ...navigator.languages];
  const found = wanted.map((one) => one.slice(0, 2)).find((one) => one in LANGUAGES);
  return (found as Language | undefined) ?? "en";
}

/** Say what comes first in the language that is preferred. */
export async function startLanguage(): Promise<void> {
  const wanted = preferredLanguage();
  if (wanted !== "en") say(wanted, (await import("./de")).de, null);
}

/** What is fetched for a page, once the page can say all in the language that was chosen. */
export async function withTexts<T>(fetched: Promise<T>): Promise<T> {
  const part = await fetched;
  await translatePages();
  return part;
}

/** Have what pages say in the language that was chosen; English comes with the pages. */
export async function translatePages(): Promise<void> {
  if (language !== "en" && pages === null) await setLanguage(language);
}

/** Say everything in that language. English is always there, others are loaded. */
export async function setLanguage(wanted: Language, keep = false): Promise<void> {
  if (wanted === "en") {
    say(wanted, en, null);
  } else {
    const [{ de }, german] = await Promise.all([import("./de"), import("./de/pages")]);
    say(wanted, de, german.pages);
  }
  if (keep) localStorage.setItem(KEPT, wanted);
}

function say(wanted: Language, first: Catalogue, later: Pages | null): void {
  language = wanted;
  catalogue = first;
  pages = later;
  document.documentElement.lang = wanted;
}
