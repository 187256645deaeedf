/** What is open beside a room. On a wide screen it stays from room to room. */

import { tick } from "svelte";

export type DetailsTab = "members" | "pins" | "files" | "settings" | "search";

let tab = $state<DetailsTab | null>(null);
let opener: Element | null = null;

export function detailsTab(): DetailsTab | null {
  return tab;
}

export function openDetails(wanted: DetailsTab): void {
  if (tab === null) opener = document.activeElement;
  tab = wanted;
}

export function closeDetails(): void {
  tab = null;
  // The keyboard goes back to where it came from, if it was in what is gone now.
  const back = opener;
  void tick().then(() => {
    if (document.activeElement === document.body && back instanceof HTMLElement) back.focus();
  });
}
