/** Going elsewhere in a room: to a message, to the end, back to where one was. */

import { tick } from "svelte";

import type { Room } from "../../core/model";
import { t } from "../../i18n/index.svelte";
import { toast, toastProblem } from "../../ui/toast.svelte";
import type { Place, Scroll } from "./scroll.svelte";

/** How long it is shown which message was gone to. */
const FOUND_MS = 2500;

export class Going {
  /** The message that was gone to, for a moment. */
  found = $state<number | null>(null);
  readonly #room: Room;
  readonly #scroll: Scroll;
  readonly #focus: (id: number) => void;
  /** Other messages are on their way because of it. */
  #moving = false;

  constructor(room: Room, scroll: Scroll, focus: (id: number) => void) {
    this.#room = room;
    this.#scroll = scroll;
    this.#focus = focus;
  }

  async find(id: number): Promise<void> {
    const there = await this.#load(() => this.#room.load(id)).catch(toastProblem);
    if (there === false) toast(t().timeline.messageGone);
    if (!there) return;
    await this.#scroll.goTo(id);
    this.#focus(id);
    this.found = id;
    setTimeout(() => {
      if (this.found === id) this.found = null;
    }, FOUND_MS);
  }

  async toLatest(): Promise<void> {
    try {
      await this.#load(() => this.#room.loadLatest());
    } catch (error) {
      toastProblem(error);
      return;
    }
    await this.#scroll.goToEnd();
    // The button that led here is gone: the keyboard is at the last message.
    if (document.activeElement === document.body) this.#focus(this.#room.messages.at(-1)?.id ?? 0);
  }

  /**
   * What was looked at may be gone from what is loaded when the room was fetched again. Where it
   * cannot be had back, there is the nearest that is loaded.
   */
  async regain(place: Place | null): Promise<void> {
    const first = this.#room.messages[0]?.id ?? 0;
    if (!place || place.id >= first || this.#room.older === "end") return;
    if (this.#moving || this.#scroll.following) return;
    const there = await this.#load(() => this.#room.load(place.id)).catch(() => false);
    if (there) await this.#scroll.goBack(place);
  }

  async #load<T>(load: () => Promise<T>): Promise<T> {
    this.#moving = true;
    try {
      const loaded = await load();
      await tick();
      return loaded;
    } finally {
      this.#moving = false;
    }
  }
}
