/** Numbers as administrators read them. */

import { currentLanguage } from "../../i18n/index.svelte";

const STEPS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1_000],
] as const;

/** "3 days, 4 hours", "12 minutes": no more than matters. */
export function duration(ms: number): string {
  const largest = STEPS.findIndex(([, step]) => ms >= step);
  const shown =
    largest < 0 ? STEPS.slice(-1) : STEPS.slice(largest, largest + (largest < 2 ? 2 : 1));
  let left = Math.max(0, ms);
  const parts = shown.map(([unit, step]) => {
    const value = Math.floor(left / step);
    left -= value * step;
    return { unit, value };
  });
  const said = parts.filter(({ value }, n) => n === 0 || value > 0);
  const words = said.map(({ unit, value }) =>
    new Intl.NumberFormat(currentLanguage(), { style: "unit", unit, unitDisplay: "long" }).format(
      value,
    ),
  );
  return new Intl.ListFormat(currentLanguage(), { type: "unit" }).format(words);
}

/** "1,240", and below ten "3.4". */
export function amount(value: number): string {
  const digits = value < 10 ? 1 : 0;
  return new Intl.NumberFormat(currentLanguage(), { maximumFractionDigits: digits }).format(value);
}

/** "1.2K", for where there is no place. */
export function short(value: number): string {
  return new Intl.NumberFormat(currentLanguage(), {
    notation: "compact",
    maximumSignificantDigits: 3,
  }).format(value);
}
