/** Files that are brought to be sent with a message: some at once, the others after them. */

import type { Bring } from "./bring";
import { newKey } from "./key";
import type { Upload, Uploads as UploadsModel } from "./model";
import { Source } from "./observable";
import { Problem } from "./problem";
import type { FileInfo } from "./types";

/** Of which so many are under way at once. */
const AT_ONCE = 3;

/** How long to wait where the server takes no more just now, and how often. */
const LATER_MS = 2_000;
const TRIES = 3;

const BUSY = 429;

export class Uploads extends Source implements UploadsModel {
  readonly #bring: Bring;
  readonly #discard: (file: string) => Promise<unknown>;
  readonly #under = new Map<string, AbortController>();
  #items: readonly Upload[] = [];

  constructor(bring: Bring, discard: (file: string) => Promise<unknown>) {
    super();
    this.#bring = bring;
    this.#discard = discard;
  }

  get items(): readonly Upload[] {
    return this.#items;
  }

  get busy(): boolean {
    return this.#items.some((one) => one.state === "waiting" || one.state === "sending");
  }

  get files(): readonly FileInfo[] {
    return this.#items.flatMap((one) => one.info ?? []);
  }

  add(files: Iterable<File>): void {
    const items = [...files].map((file): Upload => ({
      key: newKey(),
      file,
      name: file.name,
      size: file.size,
      state: "waiting",
      sent: 0,
      why: "",
      info: null,
    }));
    this.#items = [...this.#items, ...items];
    this.#begin();
  }

  remove(key: string): void {
    const item = this.#get(key);
    if (!item) return;
    this.#items = this.#items.filter((one) => one !== item);
    this.#under.get(key)?.abort();
    // The server forgets it by itself where this fails.
    if (item.info) this.#discard(item.info.id).catch(() => undefined);
    this.changed();
  }

  retry(key: string): void {
    if (this.#get(key)?.state !== "failed") return;
    this.#put(key, { state: "waiting", why: "" });
    this.#begin();
  }

  take(): readonly FileInfo[] {
    const { files } = this;
    this.#items = this.#items.filter((one) => one.info === null);
    this.changed();
    return files;
  }

  /** End what is under way. */
  stop(): void {
    this.#items = [];
    for (const under of this.#under.values()) under.abort();
    this.changed();
  }

  #get(key: string): Upload | undefined {
    return this.#items.find((one) => one.key === key);
  }

  #put(key: string, change: Partial<Upload>): void {
    this.#items = this.#items.map((one) => (one.key === key ? { ...one, ...change } : one));
    this.changed();
  }

  /** Begin with as many as may be under way. */
  #begin(): void {
    this.changed();
    while (this.#under.size < AT_ONCE) {
      const next = this.#items.find((one) => one.state === "waiting");
      if (!next) return;
      this.#put(next.key, { state: "sending", sent: 0 });
      void this.#send(next);
    }
  }

  async #send(item: Upload): Promise<void> {
    const under = new AbortController();
    this.#under.set(item.key, under);
    let outcome: Partial<Upload>;
    try {
      outcome = { state: "done", sent: item.size, info: await this.#try(item, under.signal) };
    } catch (error) {
      outcome = { state: "failed", sent: 0, why: (error as Problem).message };
    }
    this.#under.delete(item.key);
    if (this.#get(item.key)) this.#put(item.key, outcome);
    // It was taken out in the moment in which it was there.
    else if (outcome.info) this.#discard(outcome.info.id).catch(() => undefined);
    this.#begin();
  }

  async #try(item: Upload, signal: AbortSignal): Promise<FileInfo> {
    const progress = (sent: number) => {
      if (!signal.aborted) this.#put(item.key, { sent: Math.min(sent, item.size) });
    };
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#bring(item.file, { progress, signal });
      } catch (error) {
        const busy = error instanceof Problem && error.status === BUSY;
        if (!busy || signal.aborted || tries === TRIES) throw error;
        await new Promise((go) => setTimeout(go, error.retryAfter * 1000 || LATER_MS));
      }
    }
  }
}
