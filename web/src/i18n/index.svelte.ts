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
export function preferredLanguage(): Language {
  const wanted = [localStorage.getItem(KEPT) ?? "", ...navigator.languages];
  const found = wanted.map((one) => one.slice(0, 2)).find((one) => one in LANGUAGES);
  return (found as Language | undefined) ?? "en";
}

/** Say everything in that language. English is always there, others are loaded. */
export async function setLanguage(wanted: Language, keep = false): Promise<void> {
  const other = wanted === "en" ? null : await german();
  catalogue = other?.de ?? en;
  pages = other?.pages ?? null;
  language = wanted;
  document.documentElement.lang = wanted;
  if (keep) localStorage.setItem(KEPT, wanted);
}

async function german(): Promise<{ de: Catalogue; pages: Pages }> {
  const [{ de }, { pages }] = await Promise.all([import("./de"), import("./de/pages")]);
  return { de, pages };
}
