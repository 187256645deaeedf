// Orders: every one of them, once, whichever way it came. They are in a durable room, so that a
// connection that comes back brings what was missed; what there was before is in its history.

const KEPT = 1_000; // by the server, too

const AGAIN_MS = 1_000;

/** The room's orders by their number, with a "change" event; `complete` says whether any is missing. */
export class Orders extends EventTarget {
  complete = false;
  all = new Map();
  #reading = 0;

  constructor(client) {
    super();
    const room = client.newSubscription("orders");
    room.on("publication", ({ offset, data }) => this.#add([{ offset, data }]));
    room.on("subscribing", () => this.#settle(false));
    room.on("subscribed", (context) => this.#catchUp(room, context));
    room.subscribe();
  }

  async #catchUp(room, context) {
    const { wasRecovering, recovered, streamPosition } = context;
    // What was missed follows by itself, as publications, before anything new. It does not where
    // the page comes for the first time, was away for too long, or lost the connection while it
    // was still reading.
    if (wasRecovering && recovered && !this.#reading) return this.#settle(true);
    const reading = ++this.#reading;
    if (!recovered) this.all.clear();
    let from = { offset: 0, epoch: streamPosition.epoch };
    try {
      while (from.offset < streamPosition.offset) {
        const { publications } = await room.history({ since: from, limit: 300 });
        if (reading !== this.#reading) return; // it was begun anew meanwhile
        if (!publications.length) break;
        this.#add(publications);
        from = { ...from, offset: publications.at(-1).offset };
      }
    } catch {
      // Where the connection was lost again, it is read when that is back.
      if (room.state === "subscribed") setTimeout(() => this.#catchUp(room, context), AGAIN_MS);
      return;
    }
    this.#reading = 0;
    this.#settle(true);
  }

  #add(publications) {
    for (const { offset, data } of publications) {
      if (!this.all.has(offset)) this.all.set(offset, data);
    }
    const last = Math.max(...this.all.keys());
    for (const offset of this.all.keys()) if (offset <= last - KEPT) this.all.delete(offset);
    this.dispatchEvent(new Event("change"));
  }

  #settle(complete) {
    this.complete = complete;
    this.dispatchEvent(new Event("change"));
  }
}
