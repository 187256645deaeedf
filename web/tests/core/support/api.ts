import { Api } from "../../../src/core/api";

export interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  body: unknown;
  key: string | null;
  answer(body: unknown, status?: number, headers?: Record<string, string>): void;
  fail(): void;
}

type Answer = (asked: Asked) => void;

const BASE = "http://chat.test/";
const BEFORE = "/api/chat/v1";

/** An API whose requests wait in `asked` for their answers, or get them from `answer` at once. */
export class FakeServer {
  readonly asked: Asked[] = [];
  /** All that was ever asked, as "GET /rooms". */
  readonly log: string[] = [];
  answer: Answer | null = null;
  readonly api: Api;

  constructor() {
    this.api = new Api(BASE, (address, init) => this.#ask(address, init));
  }

  /** The oldest request that waits, which has to be that one. */
  next(what: string): Asked {
    const asked = this.asked.shift();
    const found = asked ? `${asked.method} ${asked.path}` : "nothing";
    if (!asked || found !== what) throw new Error(`${found} was asked for, not ${what}`);
    return asked;
  }

  #ask(address: string, init: RequestInit): Promise<Response> {
    const url = new URL(address);
    return new Promise((resolve, reject) => {
      const asked: Asked = {
        method: init.method ?? "GET",
        path: url.pathname.slice(BEFORE.length),
        query: url.searchParams,
        body: typeof init.body === "string" ? JSON.parse(init.body) : undefined,
        key: new Headers(init.headers).get("Idempotency-Key"),
        answer: (body, status = 200, headers = {}) => {
          resolve(new Response(status === 204 ? null : JSON.stringify(body), { status, headers }));
        },
        fail: () => reject(new TypeError("no network")),
      };
      init.signal?.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
      this.log.push(`${asked.method} ${asked.path}`);
      if (this.answer) this.answer(asked);
      else this.asked.push(asked);
    });
  }
}

/** Let everything happen that waits for nothing but a turn of the event loop. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 40; turn += 1) await Promise.resolve();
}
