/** The chat's HTTP API (docs/reference/chat-api.md). Everything throws `Problem`. */

import { Problem, problemFrom, unreachable } from "./problem";

export const PREFIX = "api/chat/v1";

/** No answer in that time is none. */
const PATIENCE_MS = 30_000;

type Value = string | number | boolean | null | undefined;
export type Query = Record<string, Value | readonly Value[]>;

export interface Request {
  query?: Query;
  /** JSON; a `Blob` is sent as it is. */
  body?: unknown;
  /** Does the same thing once, however often it is sent. */
  key?: string;
  signal?: AbortSignal;
}

/** Which `fetch` to ask with, for tests. */
export type Fetch = (address: string, init: RequestInit) => Promise<Response>;

export class Api {
  readonly #fetch: Fetch;
  readonly #base: string;

  /** `base` is where the server is, with a slash at its end. */
  constructor(base = document.baseURI, ask: Fetch = (address, init) => fetch(address, init)) {
    this.#base = new URL(PREFIX, base).href;
    this.#fetch = ask;
  }

  /** The address of something below the API, for links and pictures. */
  address(path: string, query: Query = {}): string {
    const found = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      for (const one of Array.isArray(value) ? value : [value]) {
        if (one !== null && one !== undefined) found.append(name, String(one));
      }
    }
    const text = found.toString();
    return this.#base + path + (text && `?${text}`);
  }

  get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
    return this.ask<T>("GET", path, {
      ...(query && { query }),
      ...(signal && { signal }),
    });
  }

  post<T>(path: string, body?: unknown, more: Request = {}): Promise<T> {
    return this.ask<T>("POST", path, { body, ...more });
  }

  put<T>(path: string, body?: unknown): Promise<T> {
    return this.ask<T>("PUT", path, { body });
  }

  patch<T>(path: string, body: unknown): Promise<T> {
    return this.ask<T>("PATCH", path, { body });
  }

  delete<T>(path: string, query?: Query): Promise<T> {
    return this.ask<T>("DELETE", path, query ? { query } : {});
  }

  async ask<T>(method: string, path: string, request: Request = {}): Promise<T> {
    const headers = new Headers({ Accept: "application/json" });
    const init: RequestInit = { method, headers, credentials: "same-origin" };
    if (request.body instanceof Blob) {
      headers.set("Content-Type", "application/octet-stream");
      init.body = request.body;
    } else if (request.body !== undefined) {
      headers.set("Content-Type", "application/json");
      init.body = JSON.stringify(request.body);
    }
    if (request.key) headers.set("Idempotency-Key", request.key);
    const { signal } = request;
    // What is large may take longer.
    const ends = request.body instanceof Blob ? [] : [AbortSignal.timeout(PATIENCE_MS)];
    init.signal = AbortSignal.any(signal ? [signal, ...ends] : ends);
    try {
      const answer = await this.#fetch(this.address(path, request.query), init);
      if (!answer.ok) throw await problemOf(answer);
      const empty = answer.status === 204 || method === "HEAD";
      return (empty ? undefined : await answer.json()) as T;
    } catch (error) {
      if (error instanceof Problem || signal?.aborted) throw error;
      throw unreachable();
    }
  }
}

async function problemOf(answer: Response): Promise<Problem> {
  const text = await answer.text().catch(() => "");
  return problemFrom(answer.status, answer.statusText, answer.headers.get("Retry-After"), text);
}
