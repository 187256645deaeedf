// Tokens that run out, of connections and of subscriptions.
//
// The shortest time that a client is told is a second; a token here lasts a little less, and the
// server waits a second longer than that.

import {
  assert, connected, join, joined, newClient, scenario, token, until, wire, wired,
} from './support.mjs';

const forever = new Promise(() => {});

const lasting = (seconds) => ({ exp: Date.now() / 1000 + seconds });

// A source of tokens: each is made of claims when it is asked for, the last one again and again.
function tokens(...claims) {
  return async () => {
    const next = claims.length > 1 ? claims.shift() : claims[0];
    return next === forever ? next : token(next());
  };
}

// Connections. -----------------------------------------------------------------------------------

async function renewing(user, ...claims) {
  const line = wire();
  const first = () => ({ sub: user, ...lasting(0.9) });
  const one = newClient({ websocket: line.Socket, getToken: tokens(first, ...claims) });
  one.client.connect();
  await one.heard.next('connected');
  return { ...one, ...line };
}

const good = (user) => () => ({ sub: user, ...lasting(60) });

wired('a connection is renewed before its token runs out', async () => {
  const again = () => ({ sub: 'renewed', ...lasting(0.9) });
  const { heard, received } = await renewing('renewed', again);
  const answers = () => received.filter((text) => text.includes('"refresh":'));
  await until(() => answers().length === 3, 'three renewals'); // the first token is long past
  const { client, version, expires, ttl } = JSON.parse(answers()[0]).refresh;
  assert(client && version);
  assert.deepEqual([expires, ttl], [true, 1]);
  const names = heard.names().filter((name) => name !== 'subscribed');
  assert.deepEqual(names, ['connecting', 'connected']);
});

wired('a connection that is not renewed ends with 3005, and comes back', async () => {
  const { heard } = await renewing('late', forever, good('late'));
  await heard.code('connecting', 3005);
  assert.equal((await heard.next('error')).error.code, 109);
  await heard.next('connected');
});

wired('a connection renewed with an expired token ends with 3005', async () => {
  const expired = () => ({ sub: 'stale', ...lasting(-1) });
  const { heard } = await renewing('stale', expired, good('stale'));
  await heard.code('connecting', 3005);
  await heard.next('connected');
});

wired('a connection renewed for another user ends with 3500 for good', async () => {
  const { client, heard } = await renewing('ann', good('bob'));
  await heard.code('disconnected', 3500);
  assert.equal(client.state, 'disconnected');
});

wired('a connection renewed for other rooms ends with 3010, and comes back', async () => {
  const other = () => ({ sub: 'mover', channels: ['plain:new'], ...lasting(60) });
  const { heard } = await renewing('mover', other);
  await heard.code('connecting', 3010);
  await heard.next('connected');
  await until(() => heard.all('subscribed').some((one) => one.channel === 'plain:new'), 'the room');
});

scenario('an identity that runs out ends the connection with 3005', async () => {
  const { heard } = await connected('', { data: { user: 'brief', expires_in: 0.5 } });
  await heard.code('connecting', 3005);
  await heard.next('connected');
});

// Subscriptions. ---------------------------------------------------------------------------------

// A subscription with a token to a room that takes nobody without.
async function ticketed(user, room, ...claims) {
  const line = wire();
  const one = await connected(user, { websocket: line.Socket });
  const first = () => ({ sub: user, channel: room, ...lasting(0.9) });
  const { sub, heard } = await joined(one.client, room, { getToken: tokens(first, ...claims) });
  return { ...line, client: one.client, connection: one.heard, sub, heard };
}

const ticket = (user, room) => () => ({ sub: user, channel: room, ...lasting(60) });

scenario('a token opens a room, with data and an info of its own', async () => {
  const one = await connected('guest');
  const claims = { sub: 'guest', channel: 'shut:1', info: { row: 7 }, data: 'welcome' };
  const { hello } = await joined(one.client, 'shut:1', { token: token(claims) });
  assert.equal(hello.data, 'welcome');
  const privately = { sub: 'guest', channel: '$told:1', info: { row: 7 } };
  const { heard } = await joined(one.client, '$told:1', { token: token(privately) });
  assert.deepEqual((await heard.next('join')).info.chanInfo, { row: 7 });
});

wired('a subscription is renewed before its token runs out', async () => {
  const again = () => ({ sub: 'renewed', channel: 'shut:r', ...lasting(0.9) });
  const { heard, received } = await ticketed('renewed', 'shut:r', again);
  const answers = () => received.filter((text) => text.includes('"sub_refresh":'));
  await until(() => answers().length === 3, 'three renewals');
  assert.deepEqual(JSON.parse(answers()[0]).sub_refresh, { expires: true, ttl: 1 });
  assert.deepEqual(heard.names(), ['subscribing', 'subscribed']);
});

wired('a subscription that is not renewed ends with 2501, and comes back', async () => {
  const { heard, connection } = await ticketed('late', 'shut:l', forever, ticket('late', 'shut:l'));
  await heard.code('subscribing', 2501);
  assert.equal((await heard.next('error')).error.code, 109);
  await heard.next('subscribed');
  assert.equal(connection.all('connected').length, 1);
});

scenario('a grant that runs out ends with 2501, and the application is asked again', async () => {
  const { client } = await connected('brief');
  const { heard } = await joined(client, 'asked:brief:x');
  await heard.code('subscribing', 2501);
  await heard.next('subscribed');
});

scenario('a grant that is past is answered with 110', async () => {
  const { client } = await connected('past');
  await (await join(client, 'asked:past:x')).heard.code('unsubscribed', 110);
});

wired('a subscription renewed with an expired token ends the connection with 3006', async () => {
  const room = 'shut:s';
  const expired = () => ({ sub: 'stale', channel: room, ...lasting(-1) });
  const { heard, connection } = await ticketed('stale', room, expired, ticket('stale', room));
  await connection.code('connecting', 3006);
  await connection.next('connected');
  await heard.next('subscribed');
});

wired('a subscription renewed with a token for another room ends it with 3500', async () => {
  const { connection } = await ticketed('swap', 'shut:a', ticket('swap', 'shut:b'));
  await connection.code('disconnected', 3500);
});

scenario('an expired token for a room is answered with 109 and replaced', async () => {
  const { client } = await connected('old');
  const expired = () => ({ sub: 'old', channel: 'shut:o', ...lasting(-5) });
  const { heard } = join(client, 'shut:o', { getToken: tokens(expired, ticket('old', 'shut:o')) });
  assert.equal((await heard.next('error')).error.code, 109);
  await heard.next('subscribed');
});

scenario('a token for a room that is none is answered with 103', async () => {
  const { client } = await connected('eve');
  const forged = token({ sub: 'eve', channel: 'shut:e' }, 'another secret, just as long');
  await join(client, 'shut:e', { token: forged }).heard.code('unsubscribed', 103);
  assert.equal(client.state, 'connected');
});

scenario('a token for another room or another user ends the connection with 3500', async () => {
  for (const claims of [{ sub: 'eve', channel: 'shut:2' }, { sub: 'bob', channel: 'shut:1' }]) {
    const { client, heard } = await connected('eve');
    join(client, 'shut:1', { token: token(claims) });
    await heard.code('disconnected', 3500);
  }
});
