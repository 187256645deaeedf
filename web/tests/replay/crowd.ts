/**
 * Several people with the core of the pages, in a real chat: they do what comes to their minds and
 * lose their connections, and the server may be killed under them. In the end, everybody has to
 * have what a fresh fetch brings, and everything that was said has to be there once.
 *
 * The argument is the module that has the sockets. The first line of the standard input is what to
 * do. A line "end" ends it; before that, a line comes out whenever a hundred things were done. The
 * last line is what was found to be wrong.
 */

import assert from "node:assert/strict";
import { request } from "node:http";
import process, { argv, stdin, stdout } from "node:process";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

import { Api } from "../../src/core/api";
import { Chat } from "../../src/core/chat";
import { newKey } from "../../src/core/key";
import type { Room } from "../../src/core/room";
import type { Messages, Opened, Session, Wish } from "../../src/core/types";
import { CentrifugeWire } from "../../src/core/wire";
import { Random } from "../core/support/histories";
import { FakeShelf } from "../core/support/shelf";

interface Plan {
  url: string;
  seed: number;
  /** The cookies of each; the first one owns the rooms, and has two devices. */
  people: Record<string, string>[];
  rooms: string[];
}

interface Device {
  api: Api;
  chat: Chat;
  rooms: Room[];
}

const PATIENCE_MS = 60_000;
const EMOJI = ["👍", "🎉", "❤️"];

/** Sockets that are open, to be cut. */
const sockets = new Set<WebSocket>();

/**
 * Node.js's own sockets and requests may hang for good after a server was killed: another module's
 * sockets do not, nor do requests that have a connection each.
 */
function bring({ WebSocket: Socket }: { WebSocket: typeof WebSocket }): void {
  globalThis.WebSocket = class extends Socket {
    constructor(...how: ConstructorParameters<typeof WebSocket>) {
      super(...how);
      sockets.add(this);
      this.addEventListener("close", () => sockets.delete(this));
    }
  };
  globalThis.fetch = ask as typeof fetch;
}

function ask(address: string | URL, init: RequestInit = {}): Promise<Response> {
  const { method = "GET", body, signal } = init;
  const headers = Object.fromEntries(new Headers(init.headers));
  return new Promise((resolve, reject) => {
    const how = { method, headers, agent: false, ...(signal && { signal }) };
    const asked = request(address, how, (answer) => {
      const { statusCode: status = 0, statusMessage: statusText = "" } = answer;
      const told = status === 204 ? null : (Readable.toWeb(answer) as ReadableStream);
      const given = Object.entries(answer.headersDistinct);
      const all = given.flatMap(([name, values]) => (values ?? []).map((one) => [name, one]));
      resolve(new Response(told, { status, statusText, headers: all as [string, string][] }));
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

function apiOf({ url }: Plan, cookies: Record<string, string>): Api {
  const cookie = Object.entries(cookies).map((one) => one.join("="));
  return new Api(`${url}/`, (address, init) => {
    const headers = new Headers(init.headers);
    headers.set("Cookie", cookie.join("; "));
    headers.set("Origin", url);
    // eslint-disable-next-line no-restricted-syntax -- It is what the API asks by here.
    return fetch(address, { ...init, headers });
  });
}

async function device(plan: Plan, cookies: Record<string, string>): Promise<Device> {
  const api = apiOf(plan, cookies);
  const session = await api.get<Session>("/session");
  const address = `${plan.url.replace("http", "ws")}/connection/websocket`;
  const token = async () => (await api.post<{ token: string }>("/session/token")).token;
  const wire = new CentrifugeWire(address, token);
  const chat = new Chat({ api, wire, session, shelf: new FakeShelf(), tab: newKey() });
  chat.start();
  return { api, chat, rooms: plan.rooms.map((id) => chat.room(id)) };
}

async function until(what: string, devices: Device[], holds: () => boolean): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!holds()) {
    if (Date.now() > end) {
      const how = devices.map(({ chat: { network }, rooms }) => [
        `${network.state} ${network.left} ${network.waiting}`,
        rooms.map((one) => [one.state, one.why, one.pending.map((two) => two.state)]),
      ]);
      throw new Error(`It never came to be so that ${what}: ${JSON.stringify(how)}`);
    }
    await sleep(20);
  }
}

/** Something that somebody may do in a room. */
function act(random: Random, room: Room, said: (text: string) => void): void {
  const message = random.of(room.messages)?.id ?? 0;
  const wish = (one: Wish) => void room.wish(one).catch(() => undefined);
  const chance = random.next();
  if (chance < 0.45) {
    const text = newKey();
    said(text);
    room.say(text);
  } else if (chance < 0.55) wish({ type: "edit", message, text: "@room edited" });
  else if (chance < 0.6) wish({ type: "delete", message });
  else if (chance < 0.75) {
    void room.react(message, random.of(EMOJI), chance < 0.7).catch(() => undefined);
  } else if (chance < 0.8) void room.pin(message, random.next() < 0.5).catch(() => undefined);
  else if (chance < 0.87) room.markRead(message || undefined);
  else if (chance < 0.92) void room.loadOlder();
  else if (chance < 0.96) void room.load(message).catch(() => undefined);
  else void room.loadLatest().catch(() => undefined);
}

/** Put the last of the people out of a room, and have them in again. */
async function turn(devices: Device[], which: number): Promise<void> {
  const [owner, other] = [devices[0]?.rooms[which], devices.at(-1)];
  if (!owner || !other) return;
  // They may be out already, where the server was killed between the two.
  await owner.wish({ type: "kick", user: other.chat.me.id }).catch(() => undefined);
  await owner.wish({ type: "add", user: other.chat.me.id });
}

/** What that device has of a room, and what the server has. */
async function compare({ api, chat }: Device, room: Room): Promise<void> {
  await room.loadLatest();
  const opened = await api.get<Opened>(`/rooms/${room.id}/open`);
  const entry = chat.rooms.get(room.id);
  const ids = room.messages.map((one) => one.id);
  assert.deepEqual(room.info, opened.room);
  assert.deepEqual(entry?.info, opened.room);
  assert.deepEqual(new Set(room.members.values()), new Set(opened.members));
  assert.deepEqual(room.messages.slice(-opened.messages.length), opened.messages);
  assert.deepEqual(
    ids,
    [...new Set(ids)].sort((a, b) => a - b),
  );
  const { read, unread, mentions } = opened.unread;
  assert.deepEqual(room.unread, { read, unread, mentions });
  assert.equal(room.pinned, opened.pinned);
  assert.deepEqual([room.me, entry?.me], [opened.me, opened.me]);
  assert.equal(room.may("say"), opened.rights.includes("say"));
}

/** The nonces of all messages. */
async function nonces(api: Api, room: string): Promise<string[]> {
  const found: string[] = [];
  for (let after: number | null = 0; after !== null;) {
    const page: Messages = await api.get(`/rooms/${room}/messages`, { after, limit: 200 });
    found.push(...page.items.map((one) => one.nonce));
    after = page.after;
  }
  return found;
}

async function play(plan: Plan, ended: () => boolean): Promise<void> {
  const random = new Random(plan.seed);
  const devices: Device[] = [];
  for (const cookies of [plan.people[0], ...plan.people]) {
    devices.push(await device(plan, cookies ?? {}));
  }
  const everywhere = devices.flatMap((one) => one.rooms);
  await until("all rooms are there", devices, () =>
    everywhere.every((one) => one.state === "ready"),
  );

  let said = 0;
  for (let done = 1; !ended(); done += 1) {
    act(random, random.of(everywhere), () => (said += 1));
    if (random.next() < 0.02) random.of([...sockets])?.close();
    if (random.next() < 0.01) void turn(devices, random.below(plan.rooms.length)).catch(() => 0);
    if (done % 100 === 0) stdout.write(`${done}\n`);
    await sleep(random.below(30));
  }

  for (const { chat } of devices) if (chat.network.state === "offline") chat.network.retry();
  const online = () => devices.every(({ chat }) => chat.network.state === "online");
  await until("everybody is online, and nothing waits", devices, () => {
    return online() && devices.every(({ chat }) => chat.network.waiting === 0);
  });
  for (const [which] of plan.rooms.entries()) await turn(devices, which);
  await until("all rooms are there again", devices, () =>
    everywhere.every((one) => one.state === "ready"),
  );
  await sleep(2_000); // what is asked for once more is there by then
  for (const one of devices) for (const room of one.rooms) await compare(one, room);

  const failed = everywhere.reduce((sum, room) => sum + room.pending.length, 0);
  const stored = await Promise.all(plan.rooms.map((id) => nonces((devices[0] as Device).api, id)));
  const all = stored.flat();
  assert.equal(new Set(all).size, all.length, "nothing is there twice");
  assert.equal(all.length + failed, said, "everything is there, or failed for good");
  for (const { chat } of devices) chat.stop();
}

bring((await import(argv[2] as string)) as { WebSocket: typeof WebSocket });
const lines = createInterface({ input: stdin });
let ended = false;
lines.once("line", (plan) => {
  lines.on("line", () => (ended = true));
  play(JSON.parse(plan) as Plan, () => ended).then(
    () => stdout.write('""\n', () => process.exit(0)),
    (error: unknown) => {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      stdout.write(`${JSON.stringify(text)}\n`, () => process.exit(1));
    },
  );
});
