import type { Draft, Room } from "../../core/model";
import type { Id, Limits, Message, Reply } from "../../core/types";
import { currentLanguage, t } from "../../i18n/index.svelte";
import { why } from "../../i18n/why.svelte";
import { live } from "../../ui/live.svelte";
import { fileSize } from "../../ui/size";
import { toast } from "../../ui/toast.svelte";
import { countCharacters, LONG_PASTE, textFile, trimmed } from "./counting";
import { emojiOf, hasUnknownCodes, learnShortCodes } from "./emojis";
import { fitting } from "./files";
import { outgoingOf, warnWhileBusy } from "./outgoing";
import { oneLine, replyTo } from "./quote";
import { slowUntil } from "./refusal";
import { seconds } from "./seconds.svelte";
import { expand } from "./shortcodes";

/** How long nobody types before a draft is kept. */
const KEEP_MS = 400;

/** How long a message waits for the names of emojis to be loaded. */
const LEARN_MS = 1_000;

/** Why it cannot be sent just now. */
export type Hindrance = "empty" | "long" | "slow" | "files" | "busy";

/** What the component around it knows. */
export interface Around {
  readonly room: Room;
  readonly me: Id;
  readonly limits: Limits;
  /** Guests bring no files. */
  readonly attaches: boolean;
  reply(): Message | null;
  editing(): Message | null;
  oncancel(): void;
}

/** What is being written in a room: a new message, or another text for one that is there. */
export class Writing {
  text = $state("");
  /** Why the last try did not work. */
  #problem = $state.raw<unknown>(null);
  readonly failure = $derived(this.#problem === null ? "" : why(this.#problem));
  /** A long text that was just pasted, and may be meant as a file. */
  pasted = $state("");
  /** Whether what is edited was begun some time before. */
  again = $state(false);

  readonly #around: Around;
  readonly #room: { readonly now: Room };
  readonly #uploads: { readonly now: Room["uploads"] };
  readonly #outgoing: { readonly now: ReturnType<typeof outgoingOf> };
  #busy = $state(false);
  #restored = $state.raw<Reply | null>(null);
  #edited: Message | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ended = false;

  constructor(around: Around) {
    this.#around = around;
    this.#room = live(() => around.room);
    this.#uploads = live(() => around.room.uploads);
    this.#outgoing = live(() => outgoingOf(around.room));
    this.#restore();
  }

  /** What is answered: chosen just now, or with the draft. */
  readonly answers = $derived.by((): Reply | null => {
    const chosen = this.#around.reply();
    const reply = chosen ? replyTo(chosen) : this.#restored;
    // What was deleted meanwhile takes no answer.
    const message = this.#room.now.messages.find((one) => one.id === reply?.id);
    return message?.deleted_at ? null : reply;
  });

  readonly count = $derived(countCharacters(this.text));
  readonly tooLong = $derived.by(() => this.count > this.limits.text);

  /** Seconds until one may speak again. */
  readonly wait = $derived.by((): number => {
    if (this.#around.editing()) return 0;
    const until = slowUntil(this.#room.now, this.#around.me, Date.now());
    return until ? Math.max(1, Math.ceil((until - seconds()) / 1000)) : 0;
  });

  /** It will be sent when its files are there. */
  readonly queued = $derived.by(() => this.#outgoing.now.letter !== null);

  readonly hindrance = $derived.by((): Hindrance | null => {
    const { items } = this.#uploads.now;
    const editing = this.#around.editing();
    const files = editing ? editing.files.length : items.length;
    if (this.#busy || this.queued) return "busy";
    if (!trimmed(this.text) && files === 0) return "empty";
    if (this.tooLong) return "long";
    if (editing) return null;
    if (items.some((one) => one.state === "failed")) return "files";
    return this.wait > 0 ? "slow" : null;
  });

  get limits(): Limits {
    return this.#around.limits;
  }

  get said(): number {
    return this.#outgoing.now.said;
  }

  typed(): void {
    this.#problem = null;
    if (this.pasted && !this.text.includes(this.pasted)) this.pasted = "";
    if (this.text.includes(":")) learnShortCodes(this.text).catch(() => undefined);
    if (!this.#around.editing() && trimmed(this.text)) this.#around.room.typed();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.keep(), KEEP_MS);
  }

  /** Have what was begun in the browser, for another time. */
  keep(): void {
    clearTimeout(this.#timer);
    if (this.#ended) return;
    if (this.#edited) return this.#keepEdit(this.#edited);
    const draft: Draft = { text: this.text, reply: this.answers };
    const { room } = this.#around;
    const same = draft.text === room.draft.text && draft.reply?.id === room.draft.reply?.id;
    if (!same) room.keepDraft(draft);
  }

  /** The field goes: what happens to it while it does is nothing to keep. */
  end(): void {
    this.keep();
    this.#ended = true;
  }

  /** Something else is edited, or nothing any more. Whether that is new. */
  turn(): boolean {
    const editing = this.#around.editing();
    if (editing?.id === this.#edited?.id) return false;
    this.keep();
    this.#edited = editing;
    this.#problem = null;
    this.pasted = "";
    const begun = editing && this.#around.room.begunEdit(editing.id);
    this.again = begun !== null;
    if (editing) this.text = begun ?? editing.text;
    else this.#restore();
    return true;
  }

  /** Edit or answer no more. Whether there was something to cancel. */
  cancel(): boolean {
    if (this.#around.editing()) {
      if (this.#edited && !same(this.text, this.#edited.text)) toast(t().composer.keptEdit);
      this.#around.oncancel();
    } else if (this.answers) this.dropReply();
    else return false;
    return true;
  }

  /** Have what is edited be what the message says. */
  startOver(): void {
    this.text = this.#edited?.text ?? "";
    this.again = false;
    this.keep();
  }

  async send(): Promise<void> {
    if (this.hindrance !== null) return;
    const { room } = this.#around;
    this.#problem = null;
    this.#busy = true;
    try {
      const text = await this.#withEmojis();
      const editing = this.#around.editing();
      if (editing) await this.#save(editing, text);
      else outgoingOf(room).send({ text, reply: this.answers });
    } catch (error) {
      this.#problem = error;
    } finally {
      this.#busy = false;
    }
  }

  takeBack(): void {
    outgoingOf(this.#around.room).takeBack();
  }

  /** What was written was said. */
  clear(): void {
    this.text = this.pasted = "";
    this.#problem = null;
    this.dropReply();
  }

  dropReply(): void {
    this.#restored = null;
    if (this.#around.reply()) this.#around.oncancel();
    this.keep();
  }

  attach(files: readonly File[]): void {
    const { uploads } = this.#around.room;
    const { taken, large, left } = fitting(files, uploads.items.length, this.limits);
    const say = t().composer.files;
    if (large.length > 0) {
      const most = fileSize(this.limits.file_bytes, currentLanguage());
      toast(
        say.tooLarge(
          large.map((one) => one.name),
          most,
        ),
        "bad",
      );
    }
    if (left > 0) toast(say.tooMany(this.limits.files), "bad");
    if (taken.length === 0) return;
    uploads.add(taken);
    if (uploads.busy) warnWhileBusy(uploads);
  }

  /** Whether the text that is pasted is too long to be put in the field without a question. */
  holdsBack(text: string): boolean {
    if (!this.#around.attaches || this.#around.editing() || text.length <= LONG_PASTE) return false;
    this.pasted = text;
    return countCharacters(text) > this.limits.text;
  }

  /** What was pasted as a file, or else all of the text. */
  asFile(): void {
    const text = this.pasted || this.text;
    this.text = this.text.includes(text) ? this.text.replace(text, () => "") : this.text;
    this.pasted = "";
    this.attach([textFile(text, t().composer.files.textName)]);
    this.keep();
  }

  /** The line about it for people. */
  quote(): string {
    const editing = this.#around.editing();
    return oneLine(editing ? editing.text : (this.answers?.text ?? ""));
  }

  #restore(): void {
    const { draft } = this.#around.room;
    this.text = draft.text;
    this.#restored = draft.reply;
  }

  #keepEdit(edited: Message): void {
    this.#around.room.keepEdit(edited.id, same(this.text, edited.text) ? null : this.text);
  }

  async #save(editing: Message, text: string): Promise<void> {
    const wish = { type: "edit", message: editing.id, text: trimmed(text) } as const;
    if (wish.text !== editing.text) await this.#around.room.wish(wish);
    this.text = editing.text; // nothing is left to be kept
    this.#around.oncancel();
  }

  async #withEmojis(): Promise<string> {
    const { text } = this;
    if (hasUnknownCodes(text)) {
      // Without a network, a short code is sent as it was written.
      const late = new Promise((go) => setTimeout(go, LEARN_MS));
      await Promise.race([learnShortCodes(text).catch(() => undefined), late]);
    }
    return expand(text, emojiOf);
  }
}

function same(one: string, other: string): boolean {
  return trimmed(one) === trimmed(other);
}
