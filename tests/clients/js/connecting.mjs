// How a client comes in, is kept out, and is sent away.

import {
  WebSocket, assert, connected, join, joined, newClient, nobody, order, scenario, seconds, servers,
  token, until, wire, wired,
} from './support.mjs';

// It is told to come back, and does.
async function comesBack({ heard }, code) {
  await heard.code('connecting', code);
  await heard.next('connected');
}

// It is told to stay away, and does; why, in words.
async function staysAway({ client, heard }, code) {
  const { reason } = await heard.code('disconnected', code);
  assert.equal(client.state, 'disconnected');
  return reason;
}

wired('a client is told its id, the version, and that pings come every 25 s', async () => {
  const { Socket, received, sockets } = wire();
  const { hello } = await connected('ann', { websocket: Socket });
  const { connect } = JSON.parse(received[0].split('\n')[0]);
  assert.equal(connect.client, hello.client);
  assert(hello.client && connect.version);
  assert.deepEqual([connect.ping, connect.pong], [25, true]);
  assert.equal(sockets[0].protocol, '');
});

scenario('what the application gives a connection reaches it', async () => {
  const { hello } = await connected('', { data: { user: 'bob', data: { theme: 'dark' } } });
  assert.deepEqual(hello.data, { theme: 'dark' });
});

wired('a ping is answered with a pong, and nothing more is said', async () => {
  const { Socket, sent, received } = wire();
  await connected('pinged', { websocket: Socket }, servers.strict);
  await until(() => received.filter((text) => text === '{}').length >= 2, 'two pings');
  await until(() => sent.filter((text) => text === '{}').length >= 2, 'two pongs');
  assert.equal(received.length, 1 + received.filter((text) => text === '{}').length);
});

wired('a client that answers no ping is sent away with 3012 and comes back', async () => {
  const { Socket } = wire((text) => text === '{}');
  await comesBack(await connected('mute', { websocket: Socket }, servers.strict), 3012);
});

wired('a client that says nothing is sent away with 3502 for good', async () => {
  const { Socket } = wire(() => true);
  const one = newClient({ websocket: Socket }, servers.strict);
  one.client.connect();
  await staysAway(one, 3502);
});

scenario('a client that the application lets wait is sent away with 3502', async () => {
  const one = newClient({ data: { user: 'patient', wait: 30 } }, servers.strict);
  one.client.connect();
  await staysAway(one, 3502);
});

scenario('no word on who it is ends a connection with 3501 for good', async () => {
  const one = newClient();
  one.client.connect();
  await staysAway(one, 3501);
});

scenario('a client that breaks the protocol is sent away with 3501', async () => {
  const one = await connected('rude');
  one.client.publish('', 1).catch(() => {});
  await staysAway(one, 3501);
});

scenario('a token that is none ends a connection with 3500 for good', async () => {
  for (const bad of ['nonsense', token({ sub: 'eve' }, 'another secret, just as long')]) {
    const one = newClient({ token: bad });
    one.client.connect();
    await staysAway(one, 3500);
  }
});

scenario('a token says who a client is', async () => {
  const claims = { sub: 'tok', info: { name: 'Tok' }, exp: seconds(60) };
  const { client, hello } = await connected('', { data: null, token: token(claims) });
  await joined(client, 'open:token');
  const { clients } = await client.presence('open:token');
  assert.equal(clients[hello.client].user, 'tok');
  assert.deepEqual(clients[hello.client].connInfo, { name: 'Tok' });
});

scenario('a token of nobody in particular is turned away with 3507 where users are', async () => {
  const one = newClient({ token: token({}) }, servers.strict);
  one.client.connect();
  await staysAway(one, 3507);
});

scenario('an expired token is answered with 109, and the client gets another', async () => {
  const tokens = [token({ sub: 'old', exp: seconds(-5) }), token({ sub: 'old' })];
  const one = newClient({ getToken: async () => tokens.shift() });
  one.client.connect();
  const { type, error } = await one.heard.next('error');
  assert.deepEqual([type, error.code], ['connect', 109]);
  await one.heard.next('connected');
});

scenario('an expired token without another leaves the client unauthorized', async () => {
  const one = newClient({ token: token({ sub: 'old', exp: seconds(-5) }) });
  one.client.connect();
  const { error } = await one.heard.next('error');
  assert.equal(error.code, 109);
  await one.heard.code('disconnected', 1);
});

scenario('a token for a room that is not configured is answered with 102', async () => {
  const one = newClient({ token: token({ sub: 'lost', channels: ['nowhere:1'] }) });
  one.client.connect();
  await staysAway(one, 102);
});

scenario('an identity that is past is answered with 110', async () => {
  const one = newClient({ data: { user: 'ghost', expires_in: -1 } });
  one.client.connect();
  await staysAway(one, 110);
});

scenario('a refusal of the application is answered with its code', async () => {
  const one = newClient({ data: { user: 'no', refuse: 403 } });
  one.client.connect();
  assert.equal(await staysAway(one, 403), 'not you');
});

scenario('asked to come less often with 111, a client tries again', async () => {
  const one = newClient({ data: { user: 'no', refuse: 111 } });
  one.client.connect();
  for (let attempts = 0; attempts < 2; attempts++) {
    const { error } = await one.heard.next('error');
    assert.deepEqual([error.code, error.temporary], [111, true]);
  }
});

scenario('the application can send a client away for good, or for now', async () => {
  const gone = newClient({ data: { user: 'no', refuse: 4500 } });
  gone.client.connect();
  await staysAway(gone, 4500);
  const later = newClient({ data: { user: 'no', refuse: 4100 } });
  later.client.connect();
  for (let attempts = 0; attempts < 3; attempts++) {
    const { type, error } = await later.heard.next('error');
    assert.deepEqual([type, error.message], ['connect', 'connection closed']);
  }
  assert.equal(later.client.state, 'connecting');
});

scenario('an authenticate that fails is answered with 100, and tried again', async () => {
  const one = newClient({ data: { user: `fails${process.pid}`, fail: true } });
  one.client.connect();
  const { error } = await one.heard.next('error');
  assert.deepEqual([error.code, error.temporary], [100, true]);
  await one.heard.next('connected');
});

scenario('a user with too many connections is sent away with 3504 for good', async () => {
  for (let count = 0; count < 3; count++) await connected('many');
  const one = newClient({ data: { user: 'many' } });
  one.client.connect();
  await staysAway(one, 3504);
});

scenario('more rooms than a connection may have end it with 3505 for good', async () => {
  const rooms = Array.from({ length: 7 }, (_, number) => `open:${number}`);
  const one = newClient({ data: { user: 'roomy', rooms } });
  one.client.connect();
  await staysAway(one, 3505);
});

scenario('a forced disconnect is 3503, and for good', async () => {
  const one = await connected('forced');
  await order('disconnect', { user: 'forced' });
  assert.equal(await staysAway(one, 3503), 'force disconnect');
});

scenario('a reason that is too long for a close frame comes as far as it fits', async () => {
  const one = await connected('wordy');
  const reason = 'ü'.repeat(100);
  await order('disconnect', { user: 'wordy', code: 4500, reason });
  const told = await staysAway(one, 4500);
  assert(told.length > 50 && reason.startsWith(told), told);
});

wired('a pong that nobody asked for ends a connection with 3501', async () => {
  const { Socket, sockets } = wire();
  const one = await connected('eager', { websocket: Socket });
  sockets[0].send('{}');
  await staysAway(one, 3501);
});

scenario('codes of the application bring a client back below 4500, and not above', async () => {
  const one = await connected('coded');
  await order('disconnect', { user: 'coded', code: 4200, reason: 'later' });
  await comesBack(one, 4200);
  await order('disconnect', { user: 'coded', code: 4600, reason: 'never' });
  await staysAway(one, 4600);
});

scenario('an internal error is 3004, and the client comes back', async () => {
  const one = await connected('broken');
  await order('disconnect', { user: 'broken', code: 1011, reason: 'internal error' });
  await comesBack(one, 3004);
});

wired('what JSON has no words for ends a connection with 3506 for good', async () => {
  const one = await connected('texts');
  await joined(one.client, 'open:bytes');
  await order('bytes', { room: 'open:bytes' });
  await staysAway(one, 3506);
});

wired('a client that reads too slowly is sent away with 3008 and comes back', async () => {
  const { Socket, sockets } = wire();
  const one = await connected('slow', { websocket: Socket });
  sockets[0].pause();
  await order('flood', { user: 'slow', bytes: 24_000_000 });
  await until(async () => !(await order('here', { user: 'slow' })).length, 'the cut');
  sockets[0].resume();
  await comesBack(one, 3008);
});

wired('a message that is too long is the end for the client', async () => {
  const one = await connected('long');
  await joined(one.client, 'open:long');
  one.client.publish('open:long', 'x'.repeat(70_000)).catch(() => {});
  await one.heard.code('disconnected', 3); // the client's own word for 1009
});

scenario('a send that nobody hears ends a connection with 3508 for good', async () => {
  const one = await nobody();
  await one.client.send({ say: 'hi' });
  await staysAway(one, 3508);
});

scenario('a stopping server is 3001, and its successor gets its clients back', async () => {
  const at = servers.stopping;
  const one = await connected('loyal', {}, at);
  const room = await joined(one.client, 'open:loyal');
  await order('publish', { room: 'open:loyal', data: 1 }, at);
  await room.heard.next('publication');
  await order('stop', {}, at);
  await one.heard.code('connecting', 3001);
  await room.heard.code('subscribing', 1);
  await one.heard.next('connected');
  const again = await room.heard.next('subscribed');
  // What the first one remembered has gone with it: another epoch.
  assert.deepEqual([again.wasRecovering, again.recovered], [true, false]);
  assert.notEqual(again.streamPosition.epoch, room.hello.streamPosition.epoch);
});

wired('localhost works whichever address comes first', async () => {
  const addresses = [{ address: '::1', family: 6 }, { address: '127.0.0.1', family: 4 }];
  for (const server of [servers.headless, servers.ipv6]) {
    for (const found of [addresses, addresses.toReversed()]) {
      class Resolving extends WebSocket {
        constructor(url, protocols) {
          super(url, protocols, { lookup: (name, options, done) => done(null, found) });
        }
      }
      const at = `localhost:${server.split(':').at(-1)}`;
      const { client, heard } = newClient({ websocket: Resolving }, at);
      client.connect();
      await heard.next('connected');
    }
  }
});

scenario('a server on the address of IPv6 is as good', async () => {
  const { client } = await connected(undefined, { data: null }, servers.ipv6);
  await (await join(client, 'open:six')).heard.next('subscribed');
});
