import type { ProblemBody } from "./types";

/** Why the server did not do what it was asked for (RFC 9457), or could not be asked. */
export class Problem extends Error {
  /** The status of the answer; 0 where none came. */
  readonly status: number;
  /** Which problem: the last part of its type, such as "name-taken"; "offline" where no answer came. */
  readonly kind: string;
  readonly title: string;
  readonly detail: string;
  /** Seconds after which it is worth another try; 0 where nobody said. */
  readonly retryAfter: number;
  /** What does not fit, by the name of the field. */
  readonly fields: ReadonlyMap<string, string>;

  constructor(body: ProblemBody, retryAfter = 0) {
    super(body.detail ?? body.title);
    this.name = "Problem";
    this.status = body.status;
    this.kind = body.type.split("/").at(-1) ?? "";
    this.title = body.title;
    this.detail = body.detail ?? "";
    this.retryAfter = body.retry_after ?? retryAfter;
    this.fields = new Map((body.errors ?? []).map((one) => [one.at, one.text]));
  }

  /** Whether the same may do later: nobody heard it, or the server could not just then. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export const UNANSWERED = "The server does not answer: look at your connection, and try again.";

/** No answer came: the network, or the server, is away. */
export function unreachable(): Problem {
  return new Problem({ type: "offline", title: UNANSWERED, status: 0 });
}

/** Of an answer: its status, its `Retry-After` and its body. */
export function problemFrom(
  status: number,
  statusText: string,
  retryAfter: string | null,
  text: string,
): Problem {
  let body: Partial<ProblemBody> = {};
  try {
    body = (JSON.parse(text) as Partial<ProblemBody> | null) ?? {};
  } catch {
    // A proxy's page, perhaps: the status has to do.
  }
  const title = body.title ?? (statusText || `Status ${status}`);
  return new Problem({ type: "", ...body, title, status }, Number(retryAfter) || 0);
}
