/** Light or dark: as the system has it, or as it was chosen here. */

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEPT = "hubbub.theme";

const dark = matchMedia("(prefers-color-scheme: dark)");
let chosen = $state<Theme>(kept());

/** What was chosen. */
export function theme(): Theme {
  return chosen;
}

export function setTheme(wanted: Theme): void {
  chosen = wanted;
  localStorage.setItem(KEPT, wanted);
  show();
}

/** Have the page look so from now on, and follow the system; before anything is drawn. */
export function followTheme(): void {
  show();
  dark.addEventListener("change", show);
  addEventListener("storage", (event) => {
    if (event.key !== KEPT) return;
    chosen = kept();
    show();
  });
}

function show(): void {
  const shown = chosen === "system" ? (dark.matches ? "dark" : "light") : chosen;
  const root = document.documentElement;
  root.dataset["theme"] = shown;
  // What is around the page, on phones.
  const color = getComputedStyle(root).getPropertyValue("--side").trim();
  if (color) document.querySelector('meta[name="theme-color"]')?.setAttribute("content", color);
}

function kept(): Theme {
  const found = localStorage.getItem(KEPT);
  return THEMES.find((one) => one === found) ?? "system";
}
