/** A list that comes in pages, as a component shows it. */

import { Problem } from "../../../core/problem";
import type { Page } from "../../../core/types";

export type State = "loading" | "ready" | "failed";

export class Pages<T, P extends Page<T> = Page<T>> {
  items = $state.raw<readonly T[]>([]);
  /** `loading` and `failed` are of the next page, where there are items already. */
  state = $state<State>("loading");
  problem = $state.raw<Problem | null>(null);
  /** Whether there is more to ask for. */
  more = $state(false);
  /** All of them as they came. */
  pages = $state.raw<readonly P[]>([]);
  #next: string | null = null;
  #asked = 0;
  readonly #ask: (cursor: string | null) => Promise<P>;

  constructor(ask: (cursor: string | null) => Promise<P>) {
    this.#ask = ask;
  }

  /** Have the list from its beginning; what there is stays until it comes. */
  reload(): Promise<void> {
    this.#next = null;
    return this.load();
  }

  /** Have the next page, or the one that failed. */
  async load(): Promise<void> {
    const anew = this.#next === null;
    const asked = (this.#asked += 1);
    this.state = "loading";
    this.problem = null;
    try {
      const page = await this.#ask(this.#next);
      if (asked !== this.#asked) return; // something else was asked for meanwhile
      this.items = anew ? page.items : [...this.items, ...page.items];
      this.pages = anew ? [page] : [...this.pages, page];
      this.#next = page.next;
      this.more = page.next !== null;
      this.state = "ready";
    } catch (error) {
      if (asked !== this.#asked) return;
      if (!(error instanceof Problem)) throw error;
      this.problem = error;
      this.state = "failed";
    }
  }

  /** Show them no more. */
  drop(which: (item: T) => boolean): void {
    this.items = this.items.filter((item) => !which(item));
  }
}
