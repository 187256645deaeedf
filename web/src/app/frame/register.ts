import type { TrustedTypesWindow } from "trusted-types/lib";

/**
 * The service worker of this page: lets it come up without the server, and brings new versions.
 */

const WORKER = "sw.js";

/** A page that is open for days asks whether there is a new version, at most so often. */
const ASK_EVERY_MS = 3_600_000;

/**
 * Registers the worker. `tell` is called when a new version waits; what it is given loads it, and
 * everything that is not kept over a reload is lost then.
 */
export async function followVersions(tell: (reload: () => void) => void): Promise<void> {
  if (import.meta.env.DEV || !("serviceWorker" in navigator)) return;
  const workers = navigator.serviceWorker;
  const registration = await workers.register(trusted(WORKER)).catch(() => null);
  if (registration === null) return; // a private window, or no TLS: it works without
  // This page is of the network, so the version that waits is its own.
  if (navigator.onLine) registration.waiting?.postMessage("take-over");

  registration.addEventListener("updatefound", () => {
    const found = registration.installing;
    found?.addEventListener("statechange", () => {
      if (found.state !== "installed" || workers.controller === null) return;
      tell(() => {
        workers.addEventListener("controllerchange", () => location.reload(), { once: true });
        found.postMessage("take-over");
      });
    });
  });

  // A notification was pressed.
  workers.addEventListener("message", ({ data }: MessageEvent<{ show?: unknown } | null>) => {
    const place = data?.show;
    if (typeof place === "string" && place.startsWith("#/")) location.hash = place;
  });

  let asked = Date.now();
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || Date.now() - asked < ASK_EVERY_MS) return;
    asked = Date.now();
    registration.update().catch(() => undefined);
  });
}

/** A notification of the worker, which leads to that place: on phones there are no others. */
export async function notifyByWorker(
  title: string,
  options: NotificationOptions,
  place: string,
): Promise<void> {
  const registration = await navigator.serviceWorker.getRegistration();
  await registration?.showNotification(title, { ...options, data: place });
}

/** The worker's address, for browsers that take none that is merely a string. */
function trusted(address: string): string {
  const policy = (window as Partial<TrustedTypesWindow>).trustedTypes?.createPolicy("hubbub-sw", {
    createScriptURL(url: string) {
      if (url !== WORKER) throw new TypeError("no worker of ours");
      return url;
    },
  });
  // The types of the DOM do not know yet that it takes this.
  return (policy?.createScriptURL(address) ?? address) as unknown as string;
}
