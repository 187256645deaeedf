/** How what one says gets to the server. */

import type { Api } from "./api";
import type { Entry } from "./outbox";
import { unreachable } from "./problem";
import type { Id, Messages } from "./types";

/** Pages that are looked through for what may have been stored long ago. */
const STORED_PAGES = 20;
const PAGE = 200;

/** To spare for clocks that are wrong. */
const DAY_MS = 86_400_000;

/**
 * By HTTP and not over the socket: its refusals say how long to wait. `signal` gives it up, where
 * the connection is lost: an answer that never comes would hold up all that is behind it.
 */
export async function sendMessage(api: Api, entry: Entry, signal: AbortSignal): Promise<void> {
  const { key, room, text, reply, files } = entry;
  const body = {
    text,
    nonce: key,
    ...(reply && { reply: reply.id }),
    files: files.map((f) => f.id),
  };
  try {
    await api.post(`/rooms/${room}/messages`, body, { key, signal });
  } catch (error) {
    throw signal.aborted ? unreachable() : error;
  }
}

/** Whether the room has that message of `me`. */
export async function isStored(api: Api, me: Id, entry: Entry): Promise<boolean> {
  let before: number | null = null;
  for (let page = 0; page < STORED_PAGES; page += 1) {
    const query: Record<string, number> = { limit: PAGE, ...(before !== null && { before }) };
    const found: Messages = await api.get<Messages>(`/rooms/${entry.room}/messages`, query);
    if (found.items.some((one) => one.nonce === entry.key && one.user === me)) return true;
    before = found.before;
    if (before === null || (found.items[0]?.at ?? 0) < entry.at - DAY_MS) return false;
  }
  return false;
}
