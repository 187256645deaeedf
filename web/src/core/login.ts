/** After the server has ended a connection for good: is one still signed in? */

import type { Api } from "./api";
import type { Problem } from "./problem";
import type { Id, Session } from "./types";

/** How long to wait before the next try; doubled each time. */
export const LOOK_MS = 2_000;
const LONGEST_MS = 60_000;

export class Login {
  readonly #api: Api;
  readonly #user: Id;
  readonly #ended: () => void;
  readonly #go: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pause = LOOK_MS;
  #stopped = false;

  /** `ended` is called when the login has ended, `go` when it may connect again. */
  constructor(api: Api, user: Id, ended: () => void, go: () => void) {
    this.#api = api;
    this.#user = user;
    this.#ended = ended;
    this.#go = go;
  }

  /** The connection has ended for good. */
  async look(): Promise<void> {
    clearTimeout(this.#timer);
    const still = await this.#still();
    if (this.#stopped) return;
    if (still === false) return this.#ended();
    this.#timer = setTimeout(() => (still ? this.#go() : void this.look()), this.#pause);
    this.#pause = Math.min(2 * this.#pause, LONGEST_MS);
  }

  /** It connects. */
  fine(): void {
    clearTimeout(this.#timer);
    this.#pause = LOOK_MS;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Whether it is still the same who is signed in; null while nobody can say. */
  async #still(): Promise<boolean | null> {
    try {
      return (await this.#api.get<Session>("/session")).user.id === this.#user;
    } catch (error) {
      return (error as Problem).passing ? null : false;
    }
  }
}
