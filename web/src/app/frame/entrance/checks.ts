/** What the server takes, said before it has to refuse it. */

import type { Catalogue } from "../../../i18n/index.svelte";

const NAME = /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/;
const LEAST_NAME = 2;
export const LEAST_PASSWORD = 8;

/** Why nobody can be mentioned by that name; "" where somebody can. */
export function wrongName(name: string, texts: Catalogue["frame"]): string {
  const meant = name.trim().normalize("NFKC").toLowerCase();
  return NAME.test(meant) && meant.length >= LEAST_NAME ? "" : texts.nameRule;
}

export function wrongPassword(password: string, texts: Catalogue["frame"]): string {
  // As the server counts: whole characters.
  return [...password].length >= LEAST_PASSWORD ? "" : texts.passwordRule;
}
