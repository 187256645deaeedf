/** Who types in a room, and saying that one does. */

import type { Id } from "./types";

/** How long somebody types after they were last heard of. */
export const TYPING_MS = 6_000;

/** How often one says that one types. */
export const TYPED_MS = 3_000;

export class Typing {
  readonly #me: Id;
  readonly #changed: () => void;
  readonly #typing = new Map<Id, ReturnType<typeof setTimeout>>();
  #users: readonly Id[] = [];
  #typedAt = 0;

  constructor(me: Id, changed: () => void) {
    this.#me = me;
    this.#changed = changed;
  }

  get users(): readonly Id[] {
    return this.#users;
  }

  hear(users: readonly Id[]): void {
    for (const user of users) {
      if (user === this.#me) continue;
      clearTimeout(this.#typing.get(user));
      this.#typing.set(
        user,
        setTimeout(() => this.said(user), TYPING_MS),
      );
    }
    this.#update();
  }

  /** They have said it, or type no more. */
  said(user: Id): void {
    clearTimeout(this.#typing.get(user));
    if (this.#typing.delete(user)) this.#update();
  }

  /** Whether it is time to say that one types. */
  due(): boolean {
    const now = Date.now();
    if (now - this.#typedAt < TYPED_MS) return false;
    this.#typedAt = now;
    return true;
  }

  /** What one typed is said. */
  done(): void {
    this.#typedAt = 0;
  }

  stop(): void {
    for (const timer of this.#typing.values()) clearTimeout(timer);
    this.#typing.clear();
    this.#users = [];
  }

  #update(): void {
    this.#users = [...this.#typing.keys()];
    this.#changed();
  }
}
