/** What one can do with messages, and what is open for it. Everything below the timeline has it. */

import { createContext } from "svelte";

import type { Chat, People, Room } from "../../core/model";
import type { FileInfo, Id, Message } from "../../core/types";
import { t } from "../../i18n/index.svelte";
import { toastProblem, toast } from "../../ui/toast.svelte";
import { href, roomPath } from "../router.svelte";
import { copied } from "./copy";

/** Something about a message that is open, beside `at`. */
export type Overlay =
  | { kind: "menu" | "sheet" | "emojis"; message: Message; at: HTMLElement }
  | { kind: "delete"; message: Message }
  | { kind: "card"; user: Id; at: HTMLElement }
  | { kind: "viewer"; file: FileInfo };

export interface Asked {
  reply(message: Message): void;
  edit(message: Message): void;
  jump(id: number): void;
}

export class Commands {
  open = $state.raw<Overlay | null>(null);
  readonly #room: () => Room;
  readonly #chat: Chat;
  readonly #asked: Asked;

  constructor(room: () => Room, chat: Chat, asked: Asked) {
    this.#room = room;
    this.#chat = chat;
    this.#asked = asked;
  }

  get room(): Room {
    return this.#room();
  }

  get me(): Id {
    return this.#chat.me.id;
  }

  get people(): People {
    return this.#chat.people;
  }

  // What may be done.

  mayReply(message: Message): boolean {
    return message.deleted_at === null && this.room.may("say");
  }

  mayReact(message: Message): boolean {
    return message.deleted_at === null && this.room.may("react");
  }

  mayEdit(message: Message): boolean {
    return message.deleted_at === null && message.user === this.me && this.room.may("edit");
  }

  mayDelete(message: Message): boolean {
    if (message.deleted_at !== null) return false;
    const own = message.user === this.me && this.room.may("delete");
    return own || this.room.may("delete_others");
  }

  mayPin(message: Message): boolean {
    return message.deleted_at === null && this.room.may("pin");
  }

  // What is done.

  reply(message: Message): void {
    if (this.mayReply(message)) this.#asked.reply(message);
  }

  edit(message: Message): void {
    if (this.mayEdit(message)) this.#asked.edit(message);
  }

  jump(id: number): void {
    this.#asked.jump(id);
  }

  /** React with it, or not any more. */
  async react(message: Message, emoji: string): Promise<void> {
    if (!this.mayReact(message)) return;
    const mine = message.reactions.find((one) => one.emoji === emoji)?.users.includes(this.me);
    await this.room.react(message.id, emoji, !mine).catch(toastProblem);
  }

  async pin(message: Message): Promise<void> {
    await this.room.pin(message.id, message.pinned_at === null).catch(toastProblem);
  }

  async delete(message: Message): Promise<boolean> {
    try {
      await this.room.wish({ type: "delete", message: message.id });
      return true;
    } catch (error) {
      toastProblem(error);
      return false;
    }
  }

  async copyText(message: Message): Promise<void> {
    if (await copied(message.text, t().timeline.notCopied)) toast(t().timeline.copied, "good");
  }

  async copyLink(message: Message): Promise<void> {
    const link = location.href.split("#")[0] + href(roomPath(this.room.id, message.id));
    if (await copied(link, t().timeline.notCopied)) toast(t().timeline.copied, "good");
  }

  show(overlay: Overlay): void {
    this.open = overlay;
  }

  /** Everything that can be done, beside `at`, or from below where fingers touch. */
  showAll(message: Message, at: HTMLElement): void {
    if (message.deleted_at !== null) return;
    const kind = matchMedia("(hover: none)").matches ? "sheet" : "menu";
    this.open = { kind, message, at };
  }

  /** What is of that kind is gone. By then something else may be open. */
  close(kind: Overlay["kind"]): void {
    if (this.open?.kind === kind) this.open = null;
  }
}

export const [getCommands, setCommands] = createContext<Commands>();
