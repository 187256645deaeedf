/**
 * Which messages are in the page, and where it is scrolled to.
 *
 * What one looks at stays where it is, whatever comes or goes around it: before the page changes it
 * is noted where the first message in view is, and afterwards the page is scrolled so that it is
 * there again. At the end, the page goes along with what comes.
 */

import { tick } from "svelte";

import type { Message } from "../../core/types";
import { dayOf, indexOf } from "./grouping";
import { Heights, type Slice, sliceFor, suffices, type View } from "./window";

/** A message, and how far below the top of the view it begins. */
export interface Place {
  readonly id: number;
  readonly from: number;
}

export interface Around {
  /** Whether the last message that is there is the latest. */
  atEnd(): boolean;
  /** There is little left on that side. */
  near(side: "older" | "newer"): void;
}

/** So near to the end is at the end: half pixels, and fingers. */
const AT_END = 8;
/** From the end of what is loaded, in heights of the view, more is loaded. */
const NEAR = 1.5;
/** From so many heights of the view on, the end is far away. */
const FAR = 0.5;
/** Where in the view a message goes that is looked for. */
const SHARE = 0.25;

export class Scroll {
  slice = $state.raw<Slice>({ start: 0, end: 0 });
  /** Heights of the empty places on either side of the slice. */
  above = $state(0);
  below = $state(0);
  /** At the end, and going along with it. */
  following = $state(true);
  /** A good way from the end. */
  far = $state(false);
  /** Where the first message in view is. */
  place: Place | null = null;

  readonly #around: Around;
  readonly #heights = new Heights();
  #messages: readonly Message[] = [];
  #offsets: Float64Array = new Float64Array(1);
  #scroller: HTMLElement | null = null;
  #list: HTMLElement | null = null;
  #goal: number | null = null;
  /** The page is changing: the place stays as it was noted. */
  #held = false;
  #width = 0;
  /** How far it was scrolled when the place was noted. */
  #noted = 0;
  /** The height of a day's name. */
  #day = 0;

  constructor(around: Around, begin: Place | number | null) {
    this.#around = around;
    this.following = begin === null;
    if (typeof begin === "number") this.#goal = begin;
    else this.place = begin;
  }

  attach(scroller: HTMLElement, list: HTMLElement): () => void {
    this.#scroller = scroller;
    this.#list = list;
    this.#width = scroller.clientWidth;
    const watch = new ResizeObserver(() => this.#resized());
    watch.observe(scroller);
    watch.observe(list.parentElement as HTMLElement);
    return () => {
      watch.disconnect();
      this.#scroller = this.#list = null;
    };
  }

  /** Keep what is in view where it is: to be called before the page changes. */
  hold(): void {
    if (this.#held) return;
    this.#note();
    this.#held = true;
    // It changes in several steps: what stands in another group has its room after the others.
    void tick().then(() => {
      this.#held = false;
      this.settle();
    });
  }

  /** Note where the first message in view is. */
  #note(): void {
    const rows = this.#rows();
    if (!this.#scroller || rows.length === 0 || this.#goal !== null || this.#held) return;
    let low = 0;
    let high = rows.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      const row = rows[middle] as HTMLElement;
      if (this.#top(row) + row.offsetHeight <= 0) low = middle + 1;
      else high = middle;
    }
    const row = rows[low] as HTMLElement;
    this.place = { id: Number(row.dataset["id"]), from: this.#top(row) };
    this.#noted = this.#scroller.scrollTop;
  }

  /** These are the messages from now on. */
  update(messages: readonly Message[]): void {
    this.#messages = messages;
    this.#offsets = this.#heights.offsets(messages);
    this.#cut();
  }

  /** To be called after the page has changed: puts it where it was, or has to be. */
  settle(): void {
    const scroller = this.#scroller;
    if (!scroller || scroller.clientHeight === 0) return;
    this.#measure();
    if (this.#goal !== null) {
      const row = this.#row(this.#goal);
      if (!row) {
        // It comes with the next change, unless it is gone.
        const there = this.#messages[indexOf(this.#messages, this.#goal)]?.id === this.#goal;
        if (!there) this.#goal = null;
        return;
      }
      scroller.scrollTop += this.#top(row) - scroller.clientHeight * SHARE;
      this.#goal = null;
      this.#held = false;
    } else if (this.following) {
      scroller.scrollTop = scroller.scrollHeight;
    } else {
      this.#restore(scroller);
    }
    this.#look();
  }

  scrolled(): void {
    if (this.#goal === null) this.#look();
  }

  /** Have that message in view. */
  goTo(id: number): Promise<void> {
    this.#goal = id;
    this.following = false;
    this.#cut();
    return tick().then(() => this.settle());
  }

  /** Be where one was. */
  goBack(place: Place): Promise<void> {
    this.#goal = null;
    this.following = false;
    this.place = place;
    this.#cut();
    return tick().then(() => this.settle());
  }

  goToEnd(): Promise<void> {
    this.#goal = null;
    this.following = true;
    this.#cut();
    return tick().then(() => this.settle());
  }

  #resized(): void {
    const width = this.#scroller?.clientWidth ?? 0;
    this.#follow();
    if (width !== this.#width) {
      this.#width = width;
      this.#heights.clear();
      this.#measure();
      this.#cut();
    }
    this.settle();
  }

  /** Something may have scrolled the page by now, and not have told yet: the place moves along. */
  #follow(): void {
    const scroller = this.#scroller;
    if (!scroller || !this.place) return;
    const by = scroller.scrollTop - this.#noted;
    // At the end it may be that there is less than before.
    if (scroller.scrollTop + scroller.clientHeight > scroller.scrollHeight - 1) return;
    this.place = { ...this.place, from: this.place.from - by };
    this.#noted = scroller.scrollTop;
  }

  #restore(scroller: HTMLElement): void {
    if (!this.place) return;
    const row = this.#row(this.#messages[indexOf(this.#messages, this.place.id)]?.id);
    const off = row
      ? this.#top(row) - this.place.from
      : this.#view().top + (this.#list ? this.#top(this.#list) : 0);
    if (Math.abs(off) >= 0.5) scroller.scrollTop += off;
  }

  /** What there is to see now: where one is, what is missing. */
  #look(): void {
    const scroller = this.#scroller;
    if (!scroller) return;
    this.#note();
    const { scrollTop, scrollHeight, clientHeight } = scroller;
    const left = scrollHeight - scrollTop - clientHeight;
    this.following = left < AT_END && this.#around.atEnd();
    this.far = left > FAR * clientHeight;
    if (!suffices(this.#offsets, this.slice, this.#view())) this.#cut();
    if (this.slice.start === 0 && scrollTop < NEAR * clientHeight) this.#around.near("older");
    if (this.slice.end === this.#messages.length && left < NEAR * clientHeight) {
      this.#around.near("newer");
    }
  }

  /** Take the messages that belong into the page for what is seen. */
  #cut(): void {
    const slice = sliceFor(this.#offsets, this.#view());
    const { start, end } = slice;
    const [first, before] = [this.#messages[start], this.#messages[start - 1]];
    // Of a day that began further up, the name is there already.
    const day = first && before && dayOf(before.at) >= dayOf(first.at) ? this.#day : 0;
    this.above = Math.max(0, (this.#offsets[start] ?? 0) - day);
    this.below = (this.#offsets.at(-1) ?? 0) - (this.#offsets[end] ?? 0);
    if (start !== this.slice.start || end !== this.slice.end) this.slice = slice;
  }

  /** What is seen, or has to be, in pixels from the first message on. */
  #view(): View {
    const height = this.#scroller?.clientHeight || innerHeight;
    const offset = (id: number) => this.#offsets[indexOf(this.#messages, id)] ?? 0;
    if (this.#goal !== null) return { top: offset(this.#goal) - height * SHARE, height };
    if (this.following || !this.place) return { top: (this.#offsets.at(-1) ?? 0) - height, height };
    return { top: offset(this.place.id) - this.place.from, height };
  }

  #measure(): void {
    let changed = false;
    for (const section of this.#list?.querySelectorAll<HTMLElement>("[data-day]") ?? []) {
      this.#day = (section.firstElementChild as HTMLElement).offsetHeight;
      let more = section.dataset["day"] === "cut" ? 0 : this.#day;
      for (const row of section.querySelectorAll<HTMLElement>("[data-id]")) {
        const height = row.getBoundingClientRect().height + more;
        more = 0;
        changed = this.#heights.set(Number(row.dataset["id"]), height) || changed;
      }
    }
    if (changed) this.#offsets = this.#heights.offsets(this.#messages);
  }

  #rows(): ArrayLike<HTMLElement> {
    return this.#list?.querySelectorAll<HTMLElement>("[data-id]") ?? [];
  }

  #row(id: number | undefined): HTMLElement | null {
    return this.#list?.querySelector<HTMLElement>(`[data-id="${id}"]`) ?? null;
  }

  #top(row: HTMLElement): number {
    return row.getBoundingClientRect().top - (this.#scroller?.getBoundingClientRect().top ?? 0);
  }
}
