// What every scenario stands on: clients whose events can be awaited, tokens, orders to the
// server, and a cable that can be cut.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import net from 'node:net';

import { Centrifuge as SpeaksJson } from 'centrifuge';
import { Centrifuge as SpeaksProtobuf } from 'centrifuge/build/protobuf';
import { EventSource } from 'eventsource';
import WebSocket from 'ws';

import { asJson } from './protobuf.mjs';

export { assert, WebSocket };

// Milliseconds any wait may take; what is awaited takes a fraction of a second.
export const DEADLINE = 8_000;

// What a client's own end is for the server: a WebSocket has a word for it.
export const QUIT = process.env.TRANSPORT.startsWith('websocket') ? 1005 : 1006;

export const scenarios = new Map();

export function scenario(name, run) {
  assert(!scenarios.has(name), `there are two scenarios: ${name}`);
  scenarios.set(name, run);
}

// One that looks at the messages of a WebSocket themselves, or at what that alone has: it is run
// over that, in JSON.
export const wired = scenario;

// One that is for a client behind a proxy, `servers.proxy`: see tests.clients.test_nginx.
export const proxied = scenario;

// How its clients reach the server, of tests.clients.test_js_client.
const [TRANSPORT, ENCODING] = process.env.TRANSPORT.split(' ');

// The host and port of each server of tests.clients.servers.
export const servers = JSON.parse(process.env.SERVERS);

const EVENTS = [
  'connecting', 'connected', 'disconnected', 'message', 'error', 'subscribing', 'subscribed',
  'unsubscribed', 'publication', 'join', 'leave',
];

export function within(promise, what, milliseconds = DEADLINE) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what()}`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export async function until(holds, what) {
  const end = Date.now() + DEADLINE;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

// What a client or a subscription tells, in its order.
export class Heard {
  constructor(emitter) {
    this.log = [];
    this.at = 0;
    this.wake = () => {};
    for (const name of EVENTS) {
      emitter.on(name, (event) => {
        this.log.push({ name, ...event });
        this.wake();
      });
    }
  }

  // The next event of this name, past those that were taken before; what is between is skipped.
  async next(name) {
    const find = async () => {
      for (;;) {
        const found = this.log.findIndex((event, at) => at >= this.at && event.name === name);
        if (found >= 0) {
          this.at = found + 1;
          return this.log[found];
        }
        await new Promise((resolve) => { this.wake = resolve; });
      }
    };
    return within(find(), () => `${name} after ${JSON.stringify(this.log.slice(-10))}`);
  }

  // The next event of this name has this code, and a reason in words.
  async code(name, code) {
    const event = await this.next(name);
    assert.equal(event.code, code, JSON.stringify(event));
    if (code >= 2000) assert.match(event.reason, /^\p{Lowercase}/u);
    return event;
  }

  names() {
    return this.log.map((event) => event.name);
  }

  all(name) {
    return this.log.filter((event) => event.name === name);
  }

  async publications(count) {
    const data = [];
    while (data.length < count) data.push((await this.next('publication')).data);
    return data;
  }
}

const clients = [];

export function endpoints(at) {
  if (TRANSPORT === 'websocket') return `ws://${at}/connection/websocket`;
  return [{ transport: TRANSPORT, endpoint: `http://${at}/connection/${TRANSPORT}` }];
}

function transportOptions(at) {
  return {
    websocket: WebSocket,
    emulationEndpoint: `http://${at}/emulation`,
    eventsource: EventSource,
    fetch,
    readableStream: ReadableStream,
  };
}

// A client and what it tells; `options` are the client's, `at` says where it connects.
export function newClient(options = {}, at = servers.app, ways = endpoints(at)) {
  const delays = { minReconnectDelay: 20, maxReconnectDelay: 100 };
  const given = { ...transportOptions(at), ...delays, ...options };
  const client = ENCODING === 'protobuf'
    ? asJson((wrapped) => new SpeaksProtobuf(ways, wrapped), given)
    : new SpeaksJson(ways, given);
  clients.push(client);
  return { client, heard: new Heard(client) };
}

// One that has connected, as `user`.
export async function connected(user, options = {}, at = servers.app) {
  const one = newClient({ data: { user }, ...options }, at);
  one.client.connect();
  one.hello = await one.heard.next('connected');
  return one;
}

// One that has connected as nobody, which the headless server allows.
export function nobody(options = {}) {
  return connected(undefined, { data: null, ...options }, servers.headless);
}

// A subscription under way, and what it tells.
export function join(client, room, options = {}) {
  const sub = client.newSubscription(room, {
    minResubscribeDelay: 20, maxResubscribeDelay: 100, ...options,
  });
  const heard = new Heard(sub);
  sub.subscribe();
  return { sub, heard };
}

export async function joined(client, room, options = {}) {
  const one = join(client, room, options);
  one.hello = await one.heard.next('subscribed');
  return one;
}

export function leave() {
  for (const client of clients.splice(0)) client.disconnect();
}

// What an error of a call is expected to be.
export function withCode(code) {
  return (error) => {
    assert.equal(error.code, code, JSON.stringify(error));
    assert(error.message);
    return true;
  };
}

// WebSockets that keep what passes them, and do not send what `loses` says.
export function wire(loses = () => false) {
  const kept = { sent: [], received: [], sockets: [] };
  kept.Socket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      kept.sockets.push(this);
      this.on('message', (data) => kept.received.push(data.toString()));
    }

    send(data, ...rest) {
      kept.sent.push(data.toString());
      if (!loses(data.toString())) super.send(data, ...rest);
    }
  };
  return kept;
}

const base64url = (text) => Buffer.from(text).toString('base64url');

// A token with these claims, signed as the server expects, or with another secret.
export function token(claims, secret = process.env.SECRET) {
  const header = base64url(JSON.stringify({ alg: 'HS256', typ: 'JWT' }));
  const signed = `${header}.${base64url(JSON.stringify(claims))}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

export const seconds = (from) => Math.floor(Date.now() / 1000) + from;

// Have the server do something (tests.support.protocol_app); what it answers.
export async function order(what, body, at = servers.app) {
  const answer = await fetch(`http://${at}/${what}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(DEADLINE),
  });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
}

// A cable to a server, in `at`: cut, it takes nobody until it is mended.
export async function cable(to = servers.app) {
  const [host, port] = to.split(':');
  const ends = new Set();
  let broken = false;
  const server = net.createServer((near) => {
    if (broken) {
      near.destroy();
      return;
    }
    const far = net.connect(Number(port), host);
    for (const [one, other] of [[near, far], [far, near]]) {
      ends.add(one);
      one.on('error', () => {});
      one.on('close', () => { ends.delete(one); other.destroy(); });
      one.pipe(other);
    }
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return {
    at: `127.0.0.1:${server.address().port}`,
    cut() {
      broken = true;
      for (const end of ends) end.resetAndDestroy();
    },
    mend() {
      broken = false;
    },
  };
}
