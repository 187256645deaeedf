/**
 * The service worker: lets the page come up without the server, and shows what a notification is
 * about. It keeps the files of one build and nothing else: no answer of the API ever.
 */

declare const self: ServiceWorkerGlobalScope;

/** The files of this build, relative to the page, and what changes with any of them. */
declare const __SHELL__: readonly string[];
declare const __VERSION__: string;

const KEPT = "hubbub-";
const CACHE = KEPT + __VERSION__;
const PAGE = new URL("./", self.location.href).href;
const INDEX = new URL("index.html", PAGE).href;
const FILES = new Set(__SHELL__.map((name) => new URL(name, PAGE).href));

/** A network that does not answer for so long is none, where the page is at hand. */
const PATIENCE_MS = 4_000;

self.addEventListener("install", (event) => {
  const kept = caches.open(CACHE).then((cache) => {
    // Past the browser's own memory, where a page of another build may be.
    return cache.addAll([...FILES].map((url) => new Request(url, { cache: "no-cache" })));
  });
  event.waitUntil(kept);
});

self.addEventListener("activate", (event) => {
  event.waitUntil(forgetOthers().then(() => self.clients.claim()));
});

/** The page says when: it is to be loaded again then. */
self.addEventListener("message", (event) => {
  if (event.data === "take-over") void self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  const url = new URL(request.url);
  url.hash = url.search = "";
  if (request.mode === "navigate") {
    if (url.href === PAGE || url.href === INDEX) event.respondWith(page(request));
  } else if (FILES.has(url.href) && url.href !== INDEX) {
    event.respondWith(file(request));
  }
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const path: unknown = event.notification.data;
  event.waitUntil(show(typeof path === "string" && path.startsWith("#") ? path : ""));
});

/** The page as the server has it now; without a server, as it was kept. */
async function page(request: Request): Promise<Response> {
  const asked = fetch(request);
  asked.catch(() => undefined);
  const kept = await caches.match(INDEX, { cacheName: CACHE });
  if (kept === undefined) return asked;
  const late = new Promise<Response>((resolve) => setTimeout(resolve, PATIENCE_MS, kept));
  return Promise.race([asked.catch(() => kept), late]);
}

/** A file whose name changes with what is in it. */
async function file(request: Request): Promise<Response> {
  return (await caches.match(request, { cacheName: CACHE })) ?? fetch(request);
}

async function forgetOthers(): Promise<void> {
  for (const name of await caches.keys()) {
    if (name.startsWith(KEPT) && name !== CACHE) await caches.delete(name);
  }
}

/** Brings a page to the front, at this place in it. */
async function show(path: string): Promise<void> {
  const [open] = await self.clients.matchAll({ type: "window" });
  if (open === undefined) {
    await self.clients.openWindow(PAGE + path);
  } else {
    await open.focus();
    open.postMessage({ show: path });
  }
}

export {};
