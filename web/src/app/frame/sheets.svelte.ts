/** What lies above all the rest, one at a time: `openSheet("create")` from anywhere. */

export type Sheet = "switcher" | "help" | "create" | "conversation";

let opened = $state<Sheet | null>(null);

export function sheet(): Sheet | null {
  return opened;
}

export function openSheet(wanted: Sheet): void {
  opened = wanted;
}

export function closeSheet(): void {
  opened = null;
}
