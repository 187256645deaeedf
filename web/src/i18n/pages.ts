/** The texts of pages that are fetched when they are opened, and come with them. */

import { pages as english } from "./en/pages";
import { type Catalogue, t as first, translatedPages, translatePages } from "./index.svelte";

export type Pages = typeof english;

// Whoever has not waited for them (`withTexts`) has them as soon as they are there.
translatePages().catch(() => undefined);

let made: { first: Catalogue; pages: Pages; all: Catalogue & Pages } | null = null;

/** The texts in the language that was chosen, those of pages among them: `{t().panels.done}`. */
export function t(): Catalogue & Pages {
  const catalogue = first();
  const pages = translatedPages() ?? english;
  if (made?.first !== catalogue || made.pages !== pages) {
    made = { first: catalogue, pages, all: { ...catalogue, ...pages } };
  }
  return made.all;
}
