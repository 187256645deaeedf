import { en } from "./en";

/** All texts, by part of the page. A text with values in it is a function of them. */
export type Catalogue = typeof en;

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

const KEPT = "hubbub.language";

let language = $state<Language>("en");
let catalogue = $state.raw<Catalogue>(en);

/** The texts in the language that was chosen: `{t().frame.signIn}`. */
export function t(): Catalogue {
  return catalogue;
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
  catalogue = wanted === "en" ? en : (await import("./de")).de;
  language = wanted;
  document.documentElement.lang = wanted;
  if (keep) localStorage.setItem(KEPT, wanted);
}
