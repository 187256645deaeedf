/**
 * What one has said and the server has not stored yet. It is kept in the browser until it is: a
 * reload, a crash or a night without a network loses nothing, and nothing is said twice.
 *
 * Each tab sends what it was given. What a tab left behind that is there no more, the next one
 * takes over (Web Locks tell which tabs there are).
 */

import { newKey } from "./key";
import { Source } from "./observable";
import type { Problem } from "./problem";
import type { Pending } from "./model";
import { named, type Shelf } from "./shelf";
import type { FileInfo, Id, Reply } from "./types";

/** For so long after the first try the server knows a key again (chat-api.md, "Once"). */
export const SAFE_MS = 240_000;

/** How long to wait where nobody said how long. */
export const LATER_MS = 2_000;

/** For so long what was sent stays until the room tells of it: it must not vanish in between. */
export const ECHO_MS = 5_000;

export interface Entry extends Pending {
  /** When it was first tried, 0 for never. Since then it may have been stored. */
  readonly triedAt: number;
}

/** How it gets there. */
export interface Sender {
  /** Whether the room is followed just now, so that what was stored of ours is known. */
  ready(room: Id): boolean;
  /** Throws `Problem`. */
  send(entry: Entry): Promise<void>;
  /** Whether the room has it, of something that was tried so long ago that its key is forgotten. */
  stored(entry: Entry): Promise<boolean>;
}

export class Outbox extends Source {
  readonly #shelf: Shelf;
  readonly #prefix: string;
  readonly #sender: Sender;
  readonly #now: () => number;
  #entries: readonly Entry[] = [];
  readonly #busy = new Set<Id>();
  readonly #waiting = new Map<Id, ReturnType<typeof setTimeout>>();
  readonly #echoes = new Map<string, ReturnType<typeof setTimeout>>();
  #stopped = false;

  /** `tab` is this tab's own word; what other tabs left is given by `adopt`. */
  constructor(
    shelf: Shelf,
    user: Id,
    tab: string,
    sender: Sender,
    now: () => number = () => Date.now(),
  ) {
    super();
    this.#shelf = shelf;
    this.#prefix = `hubbub.outbox.${user}.`;
    this.#sender = sender;
    this.#now = now;
    this.tab = tab;
  }

  readonly tab: string;

  /** How many wait to be sent. */
  get size(): number {
    return this.#entries.filter((one) => one.state !== "failed").length;
  }

  of(room: Id): readonly Pending[] {
    return this.#entries.filter((one) => one.room === room);
  }

  /** Tabs that have left something here, as far as the shelf tells. */
  tabs(): string[] {
    return named(this.#shelf, this.#prefix);
  }

  /** Take over what a tab left that is gone. Our own tab's too, after a reload. */
  adopt(tab: string): void {
    const kept = this.#read(tab).filter((one) => !this.#has(one.key));
    if (kept.length === 0) return;
    this.#entries = [...kept, ...this.#entries].sort((a, b) => a.at - b.at);
    if (tab !== this.tab) this.#shelf.removeItem(this.#prefix + tab);
    this.#keep();
    this.flush();
  }

  add(room: Id, text: string, files: readonly FileInfo[], reply: Reply | null): Entry {
    const key = newKey();
    const entry: Entry = {
      key,
      room,
      text,
      files,
      reply,
      at: this.#now(),
      state: "waiting",
      why: "",
      triedAt: 0,
    };
    this.#entries = [...this.#entries, entry];
    this.#keep();
    this.#flush(room);
    return entry;
  }

  /** The room has it. */
  done(key: string): void {
    if (!this.#has(key)) return;
    clearTimeout(this.#echoes.get(key));
    this.#echoes.delete(key);
    this.#entries = this.#entries.filter((one) => one.key !== key);
    this.#keep();
  }

  discard(key: string): void {
    this.done(key);
  }

  retry(key: string): void {
    const entry = this.#entries.find((one) => one.key === key);
    if (entry?.state !== "failed") return;
    this.#put(key, { state: "waiting", why: "" });
    this.#flush(entry.room);
  }

  /** Send what can be sent: to be called when a room is there again. */
  flush(): void {
    for (const room of new Set(this.#entries.map((one) => one.room))) this.#flush(room);
  }

  stop(): void {
    this.#stopped = true;
    for (const timers of [this.#waiting, this.#echoes]) {
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
    }
  }

  #flush(room: Id): void {
    if (this.#stopped || this.#busy.has(room) || this.#waiting.has(room)) return;
    const next = this.#entries.find((one) => one.room === room && one.state === "waiting");
    if (!next || !this.#sender.ready(room)) return;
    this.#busy.add(room);
    void this.#send(next).then((pause) => {
      this.#busy.delete(room);
      if (pause > 0) this.#later(room, pause);
      else this.#flush(room);
    });
  }

  /** Send one, and say how long to wait before the next (ms). */
  async #send(entry: Entry): Promise<number> {
    try {
      const old = entry.triedAt > 0 && this.#now() - entry.triedAt > SAFE_MS;
      if (old && (await this.#sender.stored(entry))) {
        this.done(entry.key);
        return 0;
      }
      this.#put(entry.key, {
        state: "sending",
        triedAt: old || !entry.triedAt ? this.#now() : entry.triedAt,
      });
      await this.#sender.send(entry);
      this.#sent(entry.key);
      return 0;
    } catch (error) {
      const problem = error as Problem;
      if (problem.passing) {
        this.#put(entry.key, { state: "waiting", why: problem.status ? problem.message : "" });
        return problem.retryAfter * 1000 || LATER_MS;
      }
      // It was refused, so it is nowhere.
      this.#put(entry.key, { state: "failed", why: problem.message, triedAt: 0 });
      return 0;
    }
  }

  #sent(key: string): void {
    if (!this.#has(key) || this.#stopped) return;
    this.#echoes.set(
      key,
      setTimeout(() => this.done(key), ECHO_MS),
    );
  }

  #later(room: Id, pause: number): void {
    if (this.#stopped) return;
    const timer = setTimeout(() => {
      this.#waiting.delete(room);
      this.#flush(room);
    }, pause);
    this.#waiting.set(room, timer);
  }

  #has(key: string): boolean {
    return this.#entries.some((one) => one.key === key);
  }

  #put(key: string, change: Partial<Entry>): void {
    this.#entries = this.#entries.map((one) => (one.key === key ? { ...one, ...change } : one));
    this.#keep();
  }

  #keep(): void {
    const name = this.#prefix + this.tab;
    try {
      if (this.#entries.length === 0) this.#shelf.removeItem(name);
      else this.#shelf.setItem(name, JSON.stringify(this.#entries));
    } catch {
      // The shelf is full: it is sent all the same, as long as the page is open.
    }
    this.changed();
  }

  #read(tab: string): Entry[] {
    try {
      const kept = JSON.parse(this.#shelf.getItem(this.#prefix + tab) ?? "[]") as Entry[];
      return kept.map((one) => (one.state === "sending" ? { ...one, state: "waiting" } : one));
    } catch {
      return [];
    }
  }
}
