import type { Problem } from "../../../src/core/problem";
import type { RoomEvent } from "../../../src/core/types";
import type { Follower, Listener, Wire } from "../../../src/core/wire";

interface Call {
  method: string;
  data: unknown;
  answer(data: unknown): void;
  refuse(problem: Problem): void;
}

/** A socket of which the test is the other end. */
export class FakeWire implements Wire {
  listener!: Listener;
  readonly followers = new Map<string, Follower>();
  readonly calls: Call[] = [];
  retries = 0;
  stopped = false;
  /** How many times something went out together. */
  batches = 0;

  start(listener: Listener): void {
    this.listener = listener;
  }

  stop(): void {
    this.stopped = true;
  }

  retry(): void {
    this.retries += 1;
  }

  call<T>(method: string, data: unknown): Promise<T> {
    return new Promise((resolve, reject) => {
      this.calls.push({ method, data, answer: resolve as (data: unknown) => void, refuse: reject });
    });
  }

  follow(channel: string, follower: Follower): () => void {
    this.followers.set(channel, follower);
    return () => this.followers.delete(channel);
  }

  together(work: () => void): void {
    this.batches += 1;
    work();
  }

  connect(): void {
    this.listener.state("connected");
  }

  /** Whoever follows the room does so now, from that offset. */
  subscribed(room: string, offset: number, recovered = false): void {
    this.followers.get(`room:${room}`)?.subscribed({ offset, epoch: "e" }, recovered);
  }

  event(room: string, offset: number | undefined, event: RoomEvent): void {
    this.followers.get(`room:${room}`)?.event(offset, event);
  }
}
