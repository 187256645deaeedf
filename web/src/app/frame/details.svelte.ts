/** What is open beside a room. On a wide screen it stays from room to room. */

export type DetailsTab = "members" | "pins" | "files" | "settings" | "search";

let tab = $state<DetailsTab | null>(null);

export function detailsTab(): DetailsTab | null {
  return tab;
}

export function openDetails(wanted: DetailsTab): void {
  tab = wanted;
}

export function closeDetails(): void {
  tab = null;
}
