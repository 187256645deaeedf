/**
 * Files that are brought to be sent with a message: some at once, the others after them. Those
 * that are there are kept over a reload; of those that were not, only what they were called.
 */

import type { Attached, AttachedFiles } from "./attached";
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

/** What the server does with files. */
export interface Files {
  bring: Bring;
  /** Let go of it. */
  discard(file: string): Promise<unknown>;
  /** Whether it is there, as far as anybody knows. */
  has(file: string): Promise<boolean>;
}

interface Item extends Upload {
  readonly at: number;
}

export class Uploads extends Source implements UploadsModel {
  readonly #server: Files;
  readonly #kept: AttachedFiles;
  readonly #under = new Map<string, AbortController>();
  #items: readonly Item[];

  constructor(server: Files, kept: AttachedFiles) {
    super();
    this.#server = server;
    this.#kept = kept;
    this.#items = kept.all().map(restored);
    for (const { key, info } of this.#items) if (info) void this.#look(key, info.id);
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
    const items = [...files].map((file, index): Item => ({
      key: newKey(),
      file,
      name: file.name,
      size: file.size,
      state: "waiting",
      sent: 0,
      why: "",
      info: null,
      at: Date.now() + index,
    }));
    this.#items = [...this.#items, ...items];
    this.#begin();
  }

  remove(key: string): void {
    const item = this.#get(key);
    if (!item) return;
    this.#drop(item);
    this.#under.get(key)?.abort();
    if (item.info) this.#discard(item.info);
  }

  retry(key: string): void {
    const item = this.#get(key);
    if (item?.state !== "failed" || !item.file) return;
    this.#put(key, { state: "waiting", why: "" });
    this.#begin();
  }

  take(): readonly FileInfo[] {
    const { files } = this;
    this.said(files);
    return files;
  }

  /** These were sent with a message, perhaps by another tab. */
  said(files: readonly FileInfo[]): void {
    for (const { id } of files) {
      const item = this.#items.find((one) => one.info?.id === id);
      if (item) this.#drop(item);
    }
  }

  /** The page is left: what is not there yet will not be. */
  leave(): void {
    for (const item of this.#items) if (!item.info) this.#kept.keep(item);
  }

  /** End what is under way. */
  stop(): void {
    this.#items = [];
    for (const under of this.#under.values()) under.abort();
    this.changed();
  }

  /** One that was kept may be gone by now. */
  async #look(key: string, file: string): Promise<void> {
    if (await this.#server.has(file)) return;
    const item = this.#get(key);
    if (item) this.#drop(item);
  }

  #discard(file: FileInfo): void {
    // The server forgets it by itself where this fails.
    this.#server.discard(file.id).catch(() => undefined);
  }

  #drop(item: Item): void {
    this.#items = this.#items.filter((one) => one.key !== item.key);
    this.#kept.drop(item.key);
    this.changed();
  }

  #get(key: string): Item | undefined {
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

  async #send(item: Item): Promise<void> {
    const under = new AbortController();
    this.#under.set(item.key, under);
    let outcome: Partial<Upload>;
    try {
      outcome = { state: "done", sent: item.size, info: await this.#try(item, under.signal) };
    } catch (error) {
      outcome = { state: "failed", sent: 0, why: (error as Problem).message };
    }
    this.#under.delete(item.key);
    if (this.#get(item.key)) {
      this.#put(item.key, outcome);
      if (outcome.info) this.#kept.keep({ ...item, info: outcome.info });
    } else if (outcome.info) {
      this.#discard(outcome.info); // it was taken out in the moment in which it was there
    }
    this.#begin();
  }

  async #try(item: Item, signal: AbortSignal): Promise<FileInfo> {
    const progress = (sent: number) => {
      if (!signal.aborted) this.#put(item.key, { sent: Math.min(sent, item.size) });
    };
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#server.bring(item.file as File, { progress, signal });
      } catch (error) {
        const busy = error instanceof Problem && error.status === BUSY;
        if (!busy || signal.aborted || tries === TRIES) throw error;
        await new Promise((go) => setTimeout(go, error.retryAfter * 1000 || LATER_MS));
      }
    }
  }
}

/** What was kept, as it is shown: where only its name is known, it can but be taken out. */
function restored(one: Attached): Item {
  const there = one.info !== null;
  const sent = there ? one.size : 0;
  return { ...one, file: null, state: there ? "done" : "failed", sent, why: "" };
}
