/**
 * What one tab left in the outbox, another one sends. Each page holds a lock as long as it lives;
 * who waits for it is called when that page is gone, also when it was only loaded anew.
 */

import type { Outbox } from "./outbox";

/** Of `Window`, as much as is used here. */
export interface Place {
  navigator: { locks?: Pick<LockManager, "request"> };
  addEventListener(type: "storage", told: () => void): void;
  removeEventListener(type: "storage", told: () => void): void;
}

/** Have the outbox take over what pages leave that are gone. The answer ends that. */
export function takeOver(outbox: Outbox, place: Place = window): () => void {
  const { locks } = place.navigator;
  if (!locks) {
    // Not on plain HTTP. Then two tabs may send the same, which the server takes as one.
    for (const tab of outbox.tabs()) outbox.adopt(tab);
    return () => undefined;
  }
  const end = new AbortController();
  const { signal } = end;
  const waiting = new Set([outbox.tab]);
  void locks.request(lockOf(outbox.tab), () => ended(signal));

  const look = () => {
    for (const tab of outbox.tabs()) {
      if (waiting.has(tab)) continue;
      waiting.add(tab);
      locks
        .request(lockOf(tab), { signal }, () => outbox.adopt(tab))
        .catch(() => undefined) // we are gone before it
        .finally(() => waiting.delete(tab));
    }
  };
  look();
  // Another tab has put something there.
  place.addEventListener("storage", look);
  return () => {
    place.removeEventListener("storage", look);
    end.abort();
  };
}

function lockOf(tab: string): string {
  return `hubbub.tab.${tab}`;
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
}
