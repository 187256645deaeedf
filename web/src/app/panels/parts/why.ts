import { Problem } from "../../../core/problem";
import { t } from "../../../i18n/pages";

/** Why something was not done, for people: the server's words, or what they are in another language. */
export function why(error: unknown): string {
  if (!(error instanceof Problem)) return String(error);
  const said = error.message;
  return t().panels.refused[said] ?? t().panels.refusedBy[error.kind] ?? sentence(said);
}

/** The server's refusals are words in a row. */
export function sentence(text: string): string {
  const [first = "", ...rest] = text;
  const whole = first.toUpperCase() + rest.join("");
  return /[\p{L}\p{N})]$/u.test(whole) ? `${whole}.` : whole;
}
