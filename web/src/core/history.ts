/**
 * What is loaded of a room's messages, and fetching more of them.
 *
 * What comes while a page is on its way is applied to that page, too: applying an event twice
 * changes nothing.
 */

import { type Happened, RoomState } from "./fold";
import type { Edge } from "./model";
import type { Message, Messages } from "./types";

/** Messages in one page. */
export const PAGE = 50;

export type Fetch = (query: Record<string, number>) => Promise<Messages>;

interface Fetched {
  page: Messages;
  state: RoomState;
  events: readonly Happened[];
}

export class History {
  readonly #fetch: Fetch;
  readonly #changed: () => void;
  /** What came since a page was asked for, for each that is on its way. */
  readonly #recording = new Set<Happened[]>();
  /** Counts the times that all messages were, or are to be, replaced. */
  #turn = 0;
  #state: RoomState | null = null;
  older: Edge = "end";
  newer: Edge = "end";

  constructor(fetch: Fetch, changed: () => void) {
    this.#fetch = fetch;
    this.#changed = changed;
  }

  get state(): RoomState | null {
    return this.#state;
  }

  get messages(): readonly Message[] {
    return this.#state?.messages ?? [];
  }

  /** Begin with that. */
  begin(state: RoomState, older: Edge, newer: Edge): void {
    this.#turn += 1;
    this.#state = state;
    this.older = older;
    this.newer = newer;
    this.#changed();
  }

  /** To be called with everything that comes, before it is applied. */
  record(happened: Happened): void {
    for (const events of this.#recording) events.push(happened);
  }

  /** Have what comes recorded, until the answer is called. */
  recordTo(events: Happened[]): () => void {
    this.#recording.add(events);
    return () => this.#recording.delete(events);
  }

  async loadOlder(): Promise<void> {
    const first = this.messages[0];
    if (!first || this.older === "loading" || this.older === "end") return;
    this.older = "loading";
    this.#changed();
    await this.#more({ before: first.id }, "older", ({ page, state, events }) => {
      state.join(page.items, "before", events);
      return page.before === null ? "end" : "more";
    });
  }

  async loadNewer(): Promise<void> {
    const last = this.messages.at(-1);
    if (!last || this.newer === "loading" || this.newer === "end") return;
    this.newer = "loading";
    this.#changed();
    await this.#more({ after: last.id }, "newer", ({ page, state, events }) => {
      state.join(page.items, "after", events, page.after === null);
      return page.after === null ? "end" : "more";
    });
  }

  /** Have that message, and those around it. False where it is gone; throws `Problem`. */
  async load(message: number): Promise<boolean> {
    if (this.#state?.get(message)) return true;
    const around = (page: Messages) => page.items.some((one) => one.id === message);
    await this.#replace({ around: message }, around);
    return this.#state?.get(message) !== undefined;
  }

  /** Have the last ones. Throws `Problem`. */
  async loadLatest(): Promise<void> {
    if (!this.#state?.atEnd) await this.#replace({}, () => true);
  }

  /** One more page, at an end of what there is. */
  async #more(
    query: Record<string, number>,
    side: "older" | "newer",
    use: (fetched: Fetched) => Edge,
  ): Promise<void> {
    const turn = this.#turn;
    let edge: Edge = "failed";
    try {
      edge = (await this.#page(query, use)) ?? edge;
    } catch {
      // It is said at that end, and tried again there.
    }
    if (turn !== this.#turn) return;
    this[side] = edge;
    this.#changed();
  }

  /** Other messages, if it is a page that will do. */
  async #replace(query: Record<string, number>, will: (page: Messages) => boolean): Promise<void> {
    this.#turn += 1;
    if (this.older === "loading") this.older = "more"; // that page will not be used
    if (this.newer === "loading") this.newer = "more";
    await this.#page(query, ({ page, state, events }) => {
      if (!will(page)) return;
      this.#turn += 1; // pages that were asked for meanwhile belong to what there was
      state.replace(page.items, page.after === null, events);
      this.older = page.before === null ? "end" : "more";
      this.newer = page.after === null ? "end" : "more";
    });
    this.#changed();
  }

  /** Fetch a page, and use it unless the messages are others by then. */
  async #page<T>(
    query: Record<string, number>,
    use: (fetched: Fetched) => T,
  ): Promise<T | undefined> {
    const turn = this.#turn;
    const events: Happened[] = [];
    const end = this.recordTo(events);
    try {
      const page = await this.#fetch({ limit: PAGE, ...query });
      if (turn !== this.#turn || !this.#state) return undefined;
      return use({ page, state: this.#state, events });
    } finally {
      end();
    }
  }
}
