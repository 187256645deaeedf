/** A new version of the chat that waits to be loaded. */

let waiting = $state.raw<(() => void) | null>(null);

/** Loads it; null where there is none, or nobody wants to hear of it. */
export function newVersion(): (() => void) | null {
  return waiting;
}

export function setNewVersion(load: (() => void) | null): void {
  waiting = load;
}
