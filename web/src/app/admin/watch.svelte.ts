import type { Api } from "../../core/api";
import { Problem } from "../../core/problem";
import { History } from "./history";
import type { Status } from "./types";

const EVERY_MS = 3_000;

/** The server's numbers, asked for again and again while the page is looked at. */
export class Watch {
  status = $state.raw<Status | null>(null);
  history = $state.raw(new History());
  /** Why the last answer did not come. */
  problem = $state.raw<Problem | null>(null);
  readonly #api: Api;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running = false;
  #asking = false;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Begin; the answer ends it. What was heard of stays. */
  start(): () => void {
    this.#running = true;
    const look = () => {
      clearTimeout(this.#timer);
      if (document.visibilityState === "visible") void this.ask();
    };
    document.addEventListener("visibilitychange", look);
    look();
    return () => {
      this.#running = false;
      clearTimeout(this.#timer);
      document.removeEventListener("visibilitychange", look);
    };
  }

  async ask(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      const status = await this.#api.get<Status>("/admin/status");
      this.status = status;
      this.history = this.history.with(status);
      this.problem = null;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.problem = error;
    } finally {
      this.#asking = false;
      clearTimeout(this.#timer);
      if (this.#running && document.visibilityState === "visible") {
        this.#timer = setTimeout(() => void this.ask(), EVERY_MS);
      }
    }
  }
}

const watches = new WeakMap<Api, Watch>();

/** The one of a server: what it knows outlives the page that shows it. */
export function watchOf(api: Api): Watch {
  let found = watches.get(api);
  if (!found) watches.set(api, (found = new Watch(api)));
  return found;
}
