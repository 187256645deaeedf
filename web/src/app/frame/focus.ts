/** Where the keyboard is after one has gone somewhere. */

import { touched } from "../screen";

/** To what is written in, where there is; else to the heading, or the page. */
export function focusPage(main: HTMLElement): void {
  if (document.querySelector("dialog[open]")) return;
  const writes = touched.current
    ? null
    : main.querySelector<HTMLElement>("textarea:not([readonly])");
  (writes ?? main.querySelector<HTMLElement>("h1[tabindex]") ?? main).focus({
    preventScroll: true,
  });
}
