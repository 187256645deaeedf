import type { Api } from "./api";
import type { People as PeopleModel } from "./model";
import { Source } from "./observable";
import type { Problem } from "./problem";
import type { Id, Page, Presence, Profile } from "./types";

/** Ids that one request asks for. */
const BATCH = 100;

/** Everybody that is known of: who they are, and whether they are here. */
export class People extends Source implements PeopleModel {
  readonly #api: Api;
  readonly #known = new Map<Id, Profile>();
  readonly #standIns = new Map<Id, Profile>();
  readonly #presence = new Map<Id, Presence>();
  readonly #wanted = new Set<Id>();
  #asking = false;

  constructor(api: Api) {
    super();
    this.#api = api;
  }

  get(id: Id): Profile {
    const known = this.#known.get(id);
    if (known) return known;
    if (id && !this.#standIns.has(id)) {
      this.#standIns.set(id, standIn(id));
      this.#want(id);
    }
    return this.#standIns.get(id) ?? standIn(id);
  }

  presence(id: Id): Presence {
    return this.#presence.get(id) ?? "offline";
  }

  async find(text: string, limit = 10): Promise<Profile[]> {
    const found = await this.#search(text, limit);
    const wanted = text.toLocaleLowerCase();
    const begins = (one: Profile) =>
      one.name?.startsWith(wanted) || one.display.toLocaleLowerCase().startsWith(wanted) ? 0 : 1;
    return found.filter((one) => !one.disabled).sort((a, b) => begins(a) - begins(b));
  }

  learn(profiles: readonly Profile[]): void {
    let news = false;
    for (const profile of profiles) {
      this.#standIns.delete(profile.id);
      if (same(this.#known.get(profile.id), profile)) continue;
      this.#known.set(profile.id, profile);
      news = true;
    }
    if (news) this.changed();
  }

  /** Something about a user is not what it was. */
  renew(id: Id): void {
    if (this.#known.has(id)) this.#want(id);
  }

  setPresence(id: Id, state: Presence): void {
    if (this.presence(id) === state) return;
    if (state === "offline") this.#presence.delete(id);
    else this.#presence.set(id, state);
    this.changed();
  }

  /** Ask who of a room is here: of `members`, nobody else is. */
  async askPresence(room: Id, members: Iterable<Id> = []): Promise<void> {
    try {
      const path = `/rooms/${room}/presence`;
      const { states } = await this.#api.get<{ states: Record<Id, Presence> }>(path);
      this.setPresences(members, states);
    } catch {
      // The next time that somebody asks brings it.
    }
  }

  /** Who of these is here, and nobody else of them. */
  setPresences(of: Iterable<Id>, states: Readonly<Record<Id, Presence>>): void {
    for (const id of of) this.setPresence(id, states[id] ?? "offline");
    for (const [id, state] of Object.entries(states)) this.setPresence(id, state);
  }

  async #search(text: string, limit: number): Promise<Profile[]> {
    try {
      const found = await this.#api.get<Page<Profile>>("/users", { q: text, limit });
      this.learn(found.items);
      return found.items;
    } catch (error) {
      // Guests may not ask: they have those that they have met.
      if ((error as Problem).status !== 403) throw error;
      const wanted = text.toLocaleLowerCase();
      const fits = (one: Profile) =>
        one.name !== null && `${one.name} ${one.display}`.toLocaleLowerCase().includes(wanted);
      return [...this.#known.values()].filter(fits).slice(0, limit);
    }
  }

  #want(id: Id): void {
    this.#wanted.add(id);
    if (this.#asking) return;
    this.#asking = true;
    queueMicrotask(() => void this.#ask());
  }

  async #ask(): Promise<void> {
    while (this.#wanted.size > 0) {
      const ids = [...this.#wanted].slice(0, BATCH);
      for (const id of ids) this.#wanted.delete(id);
      try {
        this.learn((await this.#api.get<Page<Profile>>("/users", { id: ids })).items);
      } catch (error) {
        // Whoever asks again has it asked again, unless it is no use.
        if ((error as Problem).passing) for (const id of ids) this.#standIns.delete(id);
        break;
      }
    }
    this.#asking = false;
  }
}

function same(one: Profile | undefined, other: Profile): boolean {
  const names = Object.keys(other) as (keyof Profile)[];
  return one !== undefined && names.every((name) => one[name] === other[name]);
}

function standIn(id: Id): Profile {
  return {
    id,
    name: null,
    display: "…",
    kind: "person",
    admin: false,
    status: "",
    avatar: "",
    initials: "",
    color: "",
    created_at: 0,
    disabled: false,
  };
}
