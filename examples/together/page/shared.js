// A document of Yjs and its room: what is changed here goes there, and what is changed there comes
// here. Updates of Yjs may come twice, so that nothing has to be remembered but what the server
// has not acknowledged.

import * as Y from "yjs";

const SERVER = Symbol("where a change is from");

const MOST_BYTES = 262_144; // of one message, where several changes go in one
const AGAIN_MS = 1_000;
const EMPTY = 2; // bytes of an update that says nothing

/**
 * With a "change" event for each of: `known`, whether there is a text at all; `complete`, whether
 * it has all that the server has; `saved`, whether the server has all of it; `refused`, why not.
 */
export class SharedText extends EventTarget {
  known = false;
  complete = false;
  refused = "";
  #doc;
  #name;
  #room;
  #unsent = []; // updates that the server has not acknowledged, in their order
  #sending = false;
  #held = null; // updates of others, while it would disturb to apply them

  constructor(client, name, doc) {
    super();
    this.#doc = doc;
    this.#name = name;
    doc.on("update", (update, origin) => {
      if (origin === SERVER) return;
      this.#unsent.push(update);
      this.#send();
    });
    const room = (this.#room = client.newSubscription(`text:${name}`));
    room.on("publication", ({ data }) => this.#take(data));
    room.on("subscribing", () => this.#tell({ complete: false }));
    room.on("subscribed", (context) => this.#catchUp(context));
    room.subscribe();
  }

  get saved() {
    return !this.#unsent.length;
  }

  /** Keep what comes until `release`. */
  hold() {
    this.#held ??= [];
  }

  release() {
    const held = this.#held ?? [];
    this.#held = null;
    held.forEach((update) => this.#take(update));
  }

  #take(update) {
    if (this.#held) this.#held.push(update);
    else Y.applyUpdate(this.#doc, update, SERVER);
  }

  async #catchUp({ wasRecovering, recovered }) {
    // What was missed comes as publications. It does not to a page that is new or was away for
    // too long: that reads the text as it stands. It has all that was published until now, and
    // what is published from now on comes here.
    if (!(wasRecovering && recovered && this.known)) {
      try {
        await this.#read();
      } catch {
        if (this.#room.state === "subscribed") setTimeout(() => this.#catchUp({}), AGAIN_MS);
        return;
      }
    }
    if (this.#room.state === "subscribed") this.#tell({ known: true, complete: true });
    this.#send();
  }

  async #read() {
    const answer = await fetch(`/texts/${this.#name}/state`);
    if (!answer.ok) throw new Error(answer.statusText);
    const state = new Uint8Array(await answer.arrayBuffer());
    if (this.known) {
      // The server may have lost what this page has: a back-up from before was played back.
      const lacking = Y.encodeStateAsUpdate(this.#doc, Y.encodeStateVectorFromUpdate(state));
      if (lacking.length > EMPTY) this.#unsent.push(lacking);
    }
    this.#take(state);
  }

  /** Send what is not acknowledged: one message at a time, so that no change overtakes another. */
  async #send() {
    this.#tell({});
    if (this.#sending || !this.#unsent.length || this.#room.state !== "subscribed") return;
    this.#sending = true;
    let bytes = 0;
    const fits = this.#unsent.findIndex((one) => (bytes += one.length) > MOST_BYTES);
    const batch = this.#unsent.slice(0, fits < 0 ? undefined : Math.max(1, fits));
    try {
      await this.#room.publish(Y.mergeUpdates(batch));
      this.#unsent.splice(0, batch.length);
      this.refused = "";
      queueMicrotask(() => this.#send());
    } catch (error) {
      if (error.code >= 100 && !error.temporary) this.refused = error.message;
      // It may be stored all the same, and does no harm twice.
      else setTimeout(() => this.#send(), AGAIN_MS);
    } finally {
      this.#sending = false;
      this.#tell({});
    }
  }

  #tell(changed) {
    Object.assign(this, changed);
    this.dispatchEvent(new Event("change"));
  }
}
