// Who is here, and where: the awareness of Yjs, in a room that keeps nothing.

import * as Y from "yjs";
import {
  applyAwarenessUpdate,
  Awareness,
  encodeAwarenessUpdate,
  removeAwarenessStates,
} from "y-protocols/awareness";

/** With a "change" event; `others` are the states of the others, by their number in Yjs. */
export class People extends EventTarget {
  #awareness;
  #connections = new Map(); // of each number, the connection that spoke of it last
  #room;
  #sending = false;
  #changed = false; // since it was sent

  constructor(client, name, doc) {
    super();
    const awareness = (this.#awareness = new Awareness(doc));
    awareness.on("update", ({ added, updated }, origin) => {
      for (const number of [...added, ...updated]) {
        if (origin?.connection) this.#connections.set(number, origin.connection);
      }
      if (!origin?.connection && updated.includes(doc.clientID)) this.#send();
    });
    awareness.on("change", () => this.dispatchEvent(new Event("change")));

    const room = (this.#room = client.newSubscription(`people:${name}`));
    room.on("publication", ({ data, info }) =>
      applyAwarenessUpdate(awareness, data, { connection: info?.client }),
    );
    room.on("subscribed", () => this.say({}));
    room.on("join", () => this.say({})); // who comes knows nobody yet
    room.on("leave", ({ info }) =>
      this.#gone((number) => this.#connections.get(number) === info.client),
    );
    room.on("subscribing", () => this.#gone(() => true)); // as far as can be known
    room.subscribe();
  }

  get others() {
    const states = new Map(this.#awareness.getStates());
    states.delete(this.#awareness.clientID);
    return states;
  }

  get own() {
    return this.#awareness.getLocalState();
  }

  /** Tell the others `what` is new about oneself, and the rest anew. */
  say(what) {
    this.#awareness.setLocalState({ ...this.own, ...what });
  }

  #gone(isGone) {
    removeAwarenessStates(this.#awareness, [...this.others.keys()].filter(isGone), "gone");
  }

  /** Send one's own state, one message at a time: where several are waiting, the latest alone. */
  async #send() {
    this.#changed = true;
    if (this.#sending) return;
    this.#sending = true;
    while (this.#changed && this.#room.state === "subscribed") {
      this.#changed = false;
      const { clientID } = this.#awareness;
      await this.#room.publish(encodeAwarenessUpdate(this.#awareness, [clientID])).catch(() => {});
    }
    this.#sending = false;
  }
}

/** A place in `text` that stays where it is, whatever is written before it. */
export function place(text, index) {
  return Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(text, index));
}

/** Where such a place is now; null where that is not known. */
export function index(text, place) {
  if (!place) return null;
  const position = Y.createRelativePositionFromJSON(place);
  return Y.createAbsolutePositionFromRelativePosition(position, text.doc)?.index ?? null;
}
