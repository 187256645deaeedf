/** The socket: Centrifuge's own client, as much of it as the chat uses. */

import {
  Centrifuge,
  type Subscription,
  type TransportEndpoint,
  UnauthorizedError,
} from "centrifuge";

import { Problem, unreachable } from "./problem";
import type { RoomEvent } from "./types";

export interface Position {
  offset: number;
  epoch: string;
}

/** Who follows a channel. */
export interface Follower {
  /** From here on events come. Where `recovered`, those that were missed come first. */
  subscribed(position: Position, recovered: boolean): void;
  /** `offset` is undefined for what is not stored. */
  event(offset: number | undefined, event: RoomEvent): void;
  /**
   * It may not be followed any more: `why` is empty where that has only been taken away. `full`
   * says that it is one too many.
   */
  ended(why: string, full: boolean): void;
}

export type WireState = "connecting" | "connected" | "ended";

/** What the socket tells of besides. */
export interface Listener {
  state(state: WireState): void;
  /** What came in a channel that the server has put us into. */
  pushed(channel: string, event: RoomEvent): void;
  /** In such a channel something may have been missed. */
  missed(channel: string): void;
  /** What the server says to us alone. */
  message(data: unknown): void;
}

export interface Wire {
  start(listener: Listener): void;
  stop(): void;
  /** Try at once to connect. */
  retry(): void;
  /** Ask for something, and have the answer. Throws `Problem`. */
  call<T>(method: string, data: unknown): Promise<T>;
  /** Follow a channel; the answer ends that. */
  follow(channel: string, follower: Follower): () => void;
  /** What is asked for within `work` goes out together. */
  together(work: () => void): void;
}

const FIRST_DELAY_MS = 300;
const LONGEST_DELAY_MS = 15_000;

/** Characters of one frame. The server takes 64 KiB, unless it is set to less. */
const FRAME = 32_000;

const LIMIT_EXCEEDED = 106;

/** From there on, codes are of who was let in and put out again. */
const PUT_OUT = 2000;

/** Statuses of the protocol's own codes (protocol.md section 10.1). */
const STATUS: Readonly<Record<number, number>> = {
  101: 401,
  102: 404,
  103: 403,
  104: 404,
  105: 409,
  106: 429,
  107: 400,
  108: 404,
  109: 401,
  110: 401,
  111: 429,
  112: 409,
};

/**
 * How the server at `address` (of its WebSocket) can be reached, the best way first: some networks
 * let no WebSocket through.
 */
export function waysTo(address: string): { ways: TransportEndpoint[]; emulationEndpoint: string } {
  const at = (path: string): string => new URL(path, address.replace(/^ws/, "http")).href;
  return {
    ways: [
      { transport: "websocket", endpoint: address },
      { transport: "http_stream", endpoint: at("http_stream") },
      { transport: "sse", endpoint: at("sse") },
    ],
    emulationEndpoint: at("../emulation"),
  };
}

export class CentrifugeWire implements Wire {
  readonly #client: Centrifuge;
  /** Whether the end of the connection is our own, to begin another one. */
  #again = false;

  /** `token` brings what to show; it throws `Problem`, with 401 for who is not signed in any more. */
  constructor(address: string, token: () => Promise<string>) {
    const { ways, emulationEndpoint } = waysTo(address);
    this.#client = new Centrifuge(ways, {
      websocket: inPieces(WebSocket),
      emulationEndpoint,
      minReconnectDelay: FIRST_DELAY_MS,
      maxReconnectDelay: LONGEST_DELAY_MS,
      getToken: async () => {
        try {
          return await token();
        } catch (error) {
          if (error instanceof Problem && error.status === 401) throw new UnauthorizedError("");
          throw error;
        }
      },
    });
  }

  start(listener: Listener): void {
    const client = this.#client;
    client.on("connecting", () => listener.state("connecting"));
    client.on("connected", () => listener.state("connected"));
    client.on("disconnected", () => {
      if (!this.#again) listener.state("ended");
    });
    client.on("message", (context) => listener.message(context.data));
    client.on("publication", (context) =>
      listener.pushed(context.channel, context.data as RoomEvent),
    );
    client.on("subscribed", (context) => {
      if (!context.recovered) listener.missed(context.channel);
    });
    client.connect();
  }

  stop(): void {
    this.#client.removeAllListeners();
    this.#client.disconnect();
  }

  retry(): void {
    // There is no other way to cut the wait short than to begin anew; subscriptions stay.
    if (this.#client.state === "connected") return;
    this.#again = true;
    this.#client.disconnect();
    this.#again = false;
    this.#client.connect();
  }

  async call<T>(method: string, data: unknown): Promise<T> {
    try {
      return (await this.#client.rpc(method, data)).data as T;
    } catch (error) {
      throw problemOf(error);
    }
  }

  follow(channel: string, follower: Follower): () => void {
    const subscription = this.#client.newSubscription(channel, { recoverable: true });
    subscription.on("subscribed", (context) => {
      const position = context.streamPosition ?? { offset: 0, epoch: "" };
      follower.subscribed(position, context.recovered);
    });
    subscription.on("publication", (context) =>
      follower.event(context.offset || undefined, context.data as RoomEvent),
    );
    subscription.on("unsubscribed", ({ code, reason }) =>
      follower.ended(code < PUT_OUT ? reason : "", code === LIMIT_EXCEEDED),
    );
    subscription.subscribe();
    return () => this.#unfollow(subscription);
  }

  together(work: () => void): void {
    this.#client.startBatching();
    try {
      work();
    } finally {
      this.#client.stopBatching();
    }
  }

  #unfollow(subscription: Subscription): void {
    subscription.removeAllListeners();
    subscription.unsubscribe();
    this.#client.removeSubscription(subscription);
  }
}

/**
 * Sockets that send what is long in several frames: with hundreds of rooms, what is sent at once
 * after a lost connection is more than the server takes in one. Each line is a command.
 */
export function inPieces(Socket: typeof WebSocket): typeof WebSocket {
  return class extends Socket {
    override send(data: string): void {
      let piece = "";
      for (const line of data.split("\n")) {
        if (piece && piece.length + line.length >= FRAME) {
          super.send(piece);
          piece = "";
        }
        piece += piece ? `\n${line}` : line;
      }
      super.send(piece);
    }
  };
}

function problemOf(error: unknown): Problem {
  const { code = 0, message = "" } = error as { code?: number; message?: string };
  if (code < 100) return unreachable(); // the client's own: no answer came
  const status = code >= 400 && code < 600 ? code : (STATUS[code] ?? (code === 100 ? 500 : 403));
  return new Problem({ type: "refused", title: message, status });
}
