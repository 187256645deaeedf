/** Which message is pointed at, or has the focus, and what keys do with it. */

import type { Message } from "../../core/types";
import type { Commands } from "./commands.svelte";
import { indexOf } from "./grouping";
import type { Scroll } from "./scroll.svelte";

export class Pointer {
  hovered = $state<number | null>(null);
  #focused = $state<number | null>(null);
  /** The one that had the focus last. */
  #current = $state<number | null>(null);
  scroller: HTMLElement | null = null;

  readonly #messages: () => readonly Message[];
  readonly #scroll: Scroll;
  readonly #commands: Commands;

  constructor(messages: () => readonly Message[], scroll: Scroll, commands: Commands) {
    this.#messages = messages;
    this.#scroll = scroll;
    this.#commands = commands;
  }

  /** The one whose actions are shown. */
  get active(): number | null {
    const { open } = this.#commands;
    if (open && "message" in open) return open.message.id;
    return this.hovered ?? this.#focused;
  }

  /** The one that the tab key leads to. */
  get reach(): number | null {
    const messages = this.#messages();
    const { start, end } = this.#scroll.slice;
    const [first, last] = [messages[start]?.id ?? 0, messages[end - 1]?.id ?? 0];
    const current = this.#current;
    if (current !== null && current >= first && current <= last) return current;
    return this.#scroll.following ? last : (this.#scroll.place?.id ?? last);
  }

  move(event: PointerEvent): void {
    if (event.pointerType !== "mouse" || (!event.movementX && !event.movementY)) return;
    this.hovered = idOf(event.target);
  }

  focusin(event: FocusEvent): void {
    const id = idOf(event.target);
    this.#focused = id;
    if (id !== null) this.#current = id;
  }

  focusout(event: FocusEvent): void {
    if (idOf(event.relatedTarget) === null) this.#focused = null;
  }

  longPressed(on: HTMLElement): void {
    const message = this.#message(idOf(on));
    const article = on.closest<HTMLElement>("article");
    if (message && article) this.#commands.showAll(message, article);
  }

  keydown(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target as HTMLElement;
    const id = idOf(target) ?? (target === this.scroller ? this.reach : null);
    const message = this.#message(id);
    if (!message || target.closest("input, textarea, select")) return;
    const article = this.#article(message.id);
    if (!this.#steps(event.key, message.id)) {
      if (event.key === "Escape" && target !== article) article?.focus();
      else if (target !== article || !this.#does(event.key, message, article)) return;
    }
    this.hovered = null;
    event.preventDefault();
  }

  /** Have the focus on that message, and that in view. */
  focus(id: number): void {
    this.#current = id;
    this.#article(id)?.focus({ preventScroll: true });
  }

  /** The focus is not lost when what has it leaves the page: it goes to what it was in. */
  keepFocus(scroller: HTMLElement | undefined, first = 0, last = 0): void {
    const id = scroller?.contains(document.activeElement) ? idOf(document.activeElement) : null;
    if (id !== null && (id < first || id > last)) scroller?.focus({ preventScroll: true });
  }

  #steps(key: string, from: number): boolean {
    const by = key === "ArrowUp" ? -1 : key === "ArrowDown" ? 1 : 0;
    if (by === 0) return false;
    const messages = this.#messages();
    const to = messages[indexOf(messages, from) + by];
    if (to) void this.#stepTo(to.id);
    return true;
  }

  async #stepTo(id: number): Promise<void> {
    if (!this.#article(id)) await this.#scroll.goTo(id);
    this.focus(id);
    this.#article(id)?.scrollIntoView({ block: "nearest" });
  }

  #does(key: string, message: Message, at: HTMLElement): boolean {
    const commands = this.#commands;
    if (key === "r") commands.reply(message);
    else if (key === "e") commands.edit(message);
    else if (key === "+" && commands.mayReact(message)) {
      commands.show({ kind: "emojis", message, at });
    } else if ((key === "Delete" || key === "Backspace") && commands.mayDelete(message)) {
      commands.show({ kind: "delete", message });
    } else if (key === "Enter") commands.showAll(message, at);
    else return false;
    return true;
  }

  #message(id: number | null): Message | undefined {
    if (id === null) return undefined;
    const found = this.#messages()[indexOf(this.#messages(), id)];
    return found?.id === id ? found : undefined;
  }

  #article(id: number): HTMLElement | null {
    return this.scroller?.querySelector<HTMLElement>(`[data-id="${id}"] > article`) ?? null;
  }
}

function idOf(target: EventTarget | null): number | null {
  const row = target instanceof Element ? target.closest<HTMLElement>("[data-id]") : null;
  return row ? Number(row.dataset["id"]) : null;
}
