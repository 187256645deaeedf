/**
 * Which messages are in the page: those in view, and some on either side of them. All others are
 * the heights of two empty places.
 */

import type { Message } from "../../core/types";

export interface Slice {
  readonly start: number;
  readonly end: number;
}

/** What is seen, in pixels from the top of the first message. */
export interface View {
  readonly top: number;
  readonly height: number;
}

/** Messages in the page at most. */
export const MOST = 160;

/** How much is there on either side of what is seen, in heights of what is seen; and when it is too little. */
const BEYOND = 2;
const TOO_LITTLE = 1.2;

/** How high messages are: as measured, or as it looks from what is in them. */
export class Heights {
  readonly #known = new Map<number, number>();

  of(message: Message): number {
    let height = this.#known.get(message.id);
    if (height === undefined) this.#known.set(message.id, (height = guess(message)));
    return height;
  }

  /** Whether that is another height than before. */
  set(id: number, height: number): boolean {
    if (Math.abs((this.#known.get(id) ?? 0) - height) < 0.01) return false;
    this.#known.set(id, height);
    return true;
  }

  /** Forget them: lines break elsewhere now. */
  clear(): void {
    this.#known.clear();
  }

  /** Where each message begins, and at the end where the last one ends. */
  offsets(messages: readonly Message[]): Float64Array {
    const offsets = new Float64Array(messages.length + 1);
    let sum = 0;
    for (let index = 0; index < messages.length; index += 1) {
      sum += this.of(messages[index] as Message);
      offsets[index + 1] = sum;
    }
    return offsets;
  }
}

/** Roughly. It only has to do until the message is in the page. */
function guess(message: Message): number {
  if (message.deleted_at !== null) return 30;
  const lines = message.text.split("\n", 30).length - 1 + Math.ceil(message.text.length / 90);
  return (
    18 +
    Math.min(lines, 24) * 22 +
    (message.reply ? 24 : 0) +
    (message.files.length > 0 ? 250 : 0) +
    (message.reactions.length > 0 ? 34 : 0)
  );
}

/** The index of the message that is at that place. */
export function at(offsets: Float64Array, place: number): number {
  let low = 0;
  let high = offsets.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((offsets[middle + 1] ?? Infinity) <= place) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The messages to have in the page for that view. */
export function sliceFor(offsets: Float64Array, view: View): Slice {
  const count = offsets.length - 1;
  const seen = { start: at(offsets, view.top), end: at(offsets, view.top + view.height) + 1 };
  let start = Math.min(seen.start, at(offsets, view.top - BEYOND * view.height));
  let end = Math.max(seen.end, at(offsets, view.top + (1 + BEYOND) * view.height) + 1);
  // Where that is too many, because they are small, have as many on one side as on the other.
  const spare = Math.max(0, MOST - (seen.end - seen.start)) >> 1;
  if (end - start > MOST) {
    start = Math.max(start, seen.start - spare);
    end = Math.min(end, seen.end + spare);
  }
  return { start: Math.max(0, start), end: Math.min(count, end) };
}

/** Whether what is in the page will do for that view, at least for now. */
export function suffices(offsets: Float64Array, slice: Slice, view: View): boolean {
  const count = offsets.length - 1;
  const margin = TOO_LITTLE * view.height;
  const above = view.top - (offsets[slice.start] ?? 0);
  const below = (offsets[slice.end] ?? 0) - view.top - view.height;
  const full = slice.end - slice.start >= MOST - 2;
  const enough = full ? margin / 4 : margin;
  return (slice.start === 0 || above >= enough) && (slice.end >= count || below >= enough);
}
