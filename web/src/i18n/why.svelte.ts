/** Why something was not done, for people. The words for it are fetched when they are needed. */

import { Problem, UNANSWERED } from "../core/problem";
import { currentLanguage, type Language, t } from "./index.svelte";
import { type Refusals, type Refused, sentence, worded } from "./refused";

const SOURCES: Record<Language, () => Promise<{ default: Refusals }>> = {
  en: () => import("./en/refusals.json"),
  de: () => import("./de/refusals.json"),
};

let fetched = $state.raw<Partial<Record<Language, Refusals>>>({});

/** Have the words for refusals, in the language that was chosen, as far as they can be had. */
export async function refusals(): Promise<void> {
  const language = currentLanguage();
  if (fetched[language]) return;
  const found = await SOURCES[language]().catch(() => null);
  if (found) fetched = { ...fetched, [language]: found.default };
}

/** Until our words are there, the server's: it is reactive. */
export function why(error: unknown): string {
  if (!(error instanceof Problem)) return String(error);
  return wordsFor(error);
}

/** The same of what is only known by the server's words; nothing of nothing. */
export function whySaid(message: string): string {
  return message && wordsFor({ message });
}

function wordsFor(refused: Refused): string {
  if (refused.message === UNANSWERED) return t().frame.unanswered; // also without a network
  const texts = fetched[currentLanguage()];
  if (texts) return worded(refused, texts);
  void refusals();
  return sentence(refused.message);
}
