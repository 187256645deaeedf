import type { Chat, Room } from "../../core/model";
import type { Profile } from "../../core/types";
import {
  type Choice,
  completed,
  membersOf,
  othersOf,
  type Query,
  queryAt,
  rankEmojis,
  rankPeople,
  withEverybody,
} from "./completion";
import { chosenTone, findEmojis, used } from "./emojis";
import type { Span } from "./marking";

/** How long nobody types before the server is asked for people. */
const PAUSE_MS = 150;

/** What is offered at the caret: looked for with each key, and chosen by arrows. */
export class Completer {
  query = $state.raw<Query | null>(null);
  choices = $state.raw<readonly Choice[]>([]);
  active = $state(0);

  readonly #chat: Chat;
  readonly #room: Room;
  /** Where something begins that one does not want to be completed. */
  #unwanted = -1;
  #asked = 0;
  #pause: ReturnType<typeof setTimeout> | undefined;

  constructor(chat: Chat, room: Room) {
    this.#chat = chat;
    this.#room = room;
  }

  get open(): boolean {
    return this.choices.length > 0;
  }

  /** See what is begun at the caret. */
  look(text: string, caret: number): void {
    const query = queryAt(text, caret);
    if (query?.start !== this.#unwanted) this.#unwanted = -1;
    if (query === null || query.start === this.#unwanted) return this.close();
    const before = this.query;
    if (before && before.text === query.text && before.start === query.start) return;
    this.query = query;
    const mine = ++this.#asked;
    clearTimeout(this.#pause);
    if (query.sign === ":") void this.#emojis(query.text, mine);
    else this.#people(query.text, mine);
  }

  move(step: 1 | -1): void {
    this.active = (this.active + step + this.choices.length) % this.choices.length;
  }

  /** The text with what was chosen in it. */
  choose(text: string, index = this.active): Span | null {
    const choice = this.choices[index];
    const query = this.query;
    if (!choice || !query) return null;
    if (choice.kind === "emoji") used(choice.emoji).catch(() => undefined);
    this.close();
    return completed(text, query, choice);
  }

  /** Offer nothing for what is begun here, until something else is. */
  dismiss(): void {
    this.#unwanted = this.query?.start ?? -1;
    this.close();
  }

  close(): void {
    clearTimeout(this.#pause);
    this.#asked += 1;
    this.query = null;
    this.choices = [];
    this.active = 0;
  }

  #people(begun: string, mine: number): void {
    const members = membersOf(this.#room, this.#chat);
    this.#offer(rankPeople(begun, members), begun);
    // A conversation has all of its people here.
    if (!begun || this.#room.info.kind === "direct") return;
    this.#pause = setTimeout(async () => {
      const found = await this.#chat.people.find(begun, 10).catch((): Profile[] => []);
      if (mine !== this.#asked) return;
      const others = othersOf(this.#room, found, this.#chat.me.id);
      this.#offer(rankPeople(begun, [...members, ...others]), begun);
    }, PAUSE_MS);
  }

  async #emojis(begun: string, mine: number): Promise<void> {
    try {
      const [found, tone] = await Promise.all([findEmojis(begun), chosenTone()]);
      if (mine !== this.#asked) return;
      const emojis = found.map((one) => ({ ...one, unicode: one.tones.get(tone) ?? one.unicode }));
      this.#show(rankEmojis(begun, emojis));
    } catch {
      if (mine === this.#asked) this.close(); // it can be written all the same
    }
  }

  #offer(people: Choice[], begun: string): void {
    const direct = this.#room.info.kind === "direct";
    const may = !direct && this.#room.may("mention_room");
    this.#show(withEverybody(begun, people, may));
  }

  #show(choices: readonly Choice[]): void {
    const chosen = this.active > 0 ? this.choices[this.active]?.key : undefined;
    this.choices = choices;
    this.active = Math.max(
      0,
      choices.findIndex((one) => one.key === chosen),
    );
  }
}
