/**
 * The fold of the pages, for the tests of the server: a history is a line of JSON on the standard
 * input, and what a page has after it is a line on the standard output.
 */

import { createInterface } from "node:readline";

import { type Happened, RoomState } from "../../src/core/fold";
import type { Member, Message, RoomInfo } from "../../src/core/types";

interface History {
  room: RoomInfo;
  members: Member[];
  /** The first page: the last messages. */
  messages: Message[];
  events: Happened[];
  /** A page of those before them, which came after so many of the events; it was made earlier. */
  older: { messages: Message[]; at: number; since: number };
}

function replay({ room, members, messages, events, older }: History): unknown {
  const state = new RoomState(room, members, messages);
  for (const [index, [offset, event]] of events.entries()) {
    if (index === older.at) state.join(older.messages, "before", events.slice(older.since, index));
    state.apply(offset, event);
    state.apply(offset, event);
  }
  if (older.at >= events.length) state.join(older.messages, "before", events.slice(older.since));
  return { room: state.info, members: [...state.members.values()], messages: state.messages };
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(replay(JSON.parse(line) as History))}\n`);
}
