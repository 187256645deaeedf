// What a client has missed, and how it learns of it.

import {
  assert, cable, connected, join, joined, order, scenario, servers, token, wire, wired,
} from './support.mjs';

// A client in a room, behind a cable, that has seen the publication 0.
async function behindCable(user, room, options) {
  const line = await cable();
  const one = await connected(user, {}, line.at);
  const { sub, heard, hello } = await joined(one.client, room, options);
  await order('publish', { room, data: 0 });
  await heard.next('publication');
  return { line, client: one.client, connection: one.heard, sub, heard, hello };
}

// Cut the cable, publish 1 to `count`, mend it; what the client is told when it is back.
async function away({ line, heard }, room, count) {
  line.cut();
  await heard.code('subscribing', 1);
  await order('publish', { room, count });
  line.mend();
  return heard.next('subscribed');
}

scenario('a connection that was cut catches up with all it has missed, once', async () => {
  const room = 'open:cut';
  const one = await behindCable('cut', room);
  const { wasRecovering, recovered, streamPosition } = await away(one, room, 5);
  assert.deepEqual([wasRecovering, recovered], [true, true]);
  assert.equal(streamPosition.offset, 1); // where it was; each publication takes it further
  await order('publish', { room, data: 'live' });
  assert.deepEqual(await one.heard.publications(6), [1, 2, 3, 4, 5, 'live']);
  const offsets = one.heard.all('publication').map(({ offset }) => offset);
  assert.deepEqual(offsets, [1, 2, 3, 4, 5, 6, 7]);
});

scenario('a connection that has missed nothing is told so', async () => {
  const one = await behindCable('calm', 'open:calm');
  const { wasRecovering, recovered, hasRecoveredPublications } = await away(one, 'open:calm', 0);
  assert.deepEqual([wasRecovering, recovered, hasRecoveredPublications], [true, true, false]);
});

scenario('more than the room remembers is not caught up with, and the client is told', async () => {
  const room = 'short:1';
  const one = await behindCable('gone', room);
  const { wasRecovering, recovered, streamPosition } = await away(one, room, 5);
  assert.deepEqual([wasRecovering, recovered, streamPosition.offset], [true, false, 6]);
  await order('publish', { room, data: 'live' });
  assert.deepEqual(await one.heard.publications(1), ['live']);
});

scenario('a subscription begins without a word on recovery', async () => {
  const { client } = await connected('fresh');
  await order('publish', { room: 'open:fresh', count: 3 });
  const { hello } = await joined(client, 'open:fresh');
  assert.deepEqual([hello.wasRecovering, hello.recovered], [false, false]);
  assert.deepEqual([hello.recoverable, hello.positioned], [true, true]);
  assert.equal(hello.streamPosition.offset, 3);
});

scenario('a subscription since the beginning gets all that was', async () => {
  const { client } = await connected('since');
  await order('publish', { room: 'open:since', count: 3 });
  const { heard, hello } = await joined(client, 'open:since', { since: { offset: 0, epoch: '' } });
  assert.deepEqual([hello.wasRecovering, hello.recovered], [true, true]);
  assert.deepEqual(await heard.publications(3), [1, 2, 3]);
});

scenario('after unsubscribe and subscribe the client catches up', async () => {
  const { client } = await connected('pause');
  const { sub, heard } = await joined(client, 'open:pause');
  sub.unsubscribe();
  await order('publish', { room: 'open:pause', count: 2 });
  sub.subscribe();
  assert.deepEqual(await heard.publications(2), [1, 2]);
});

wired('with getState a gap is answered with 112, and the state is loaded again', async () => {
  const { Socket, received } = wire();
  const { client } = await connected('stateful', { websocket: Socket });
  const room = 'short:state';
  await order('publish', { room, count: 5 });
  const { epoch } = await client.history(room);
  const positions = [{ offset: 1, epoch }, { offset: 4, epoch }];
  const { heard, hello } = await joined(client, room, { getState: async () => positions.shift() });
  assert.deepEqual([hello.wasRecovering, hello.recovered], [true, true]);
  assert.deepEqual(await heard.publications(1), [5]);
  assert.deepEqual(positions, []);
  assert(received.some((text) => text.includes('"code":112')));
});

scenario('a client wishes for a position, or to catch up, where it may', async () => {
  const { client } = await connected('wishful');
  const wishes = async (room, options) => {
    const { hello } = await joined(client, room, options);
    return [hello.positioned, hello.recoverable];
  };
  assert.deepEqual(await wishes('wish:none', {}), [false, false]);
  assert.deepEqual(await wishes('wish:position', { positioned: true }), [true, false]);
  assert.deepEqual(await wishes('wish:recover', { recoverable: true }), [true, true]);
  const all = { positioned: true, recoverable: true };
  assert.deepEqual(await wishes('plain:1', all), [false, false]);
  assert.deepEqual(await wishes('watched:1', {}), [true, false]);
});

scenario('a room of the server is caught up with as well', async () => {
  const line = await cable();
  const claims = { sub: 'served', channels: ['open:served'] };
  const { heard } = await connected('', { data: null, token: token(claims) }, line.at);
  const subscribed = async () => {
    for (;;) {
      const one = await heard.next('subscribed');
      if (one.channel === 'open:served') return one;
    }
  };
  await subscribed();
  line.cut();
  await heard.code('connecting', 1);
  await order('publish', { room: 'open:served', count: 3 });
  line.mend();
  const { wasRecovering, recovered } = await subscribed();
  assert.deepEqual([wasRecovering, recovered], [true, true]);
  assert.deepEqual(await heard.publications(3), [1, 2, 3]);
});

scenario('a room that caches brings its latest publication', async () => {
  await order('publish', { room: 'cache:1', count: 4 });
  const one = await behindCable('cacher', 'cache:2');
  const { heard } = await joined(one.client, 'cache:1');
  assert.deepEqual(await heard.publications(1), [4]);
  const { recovered } = await away(one, 'cache:2', 20);
  assert.equal(recovered, true);
  assert.deepEqual(await one.heard.publications(1), [20]);
});

scenario('the server cannot be reached, and then it can', async () => {
  const line = await cable(servers.app);
  const one = await connected('patient', {}, line.at);
  const { heard } = join(one.client, 'open:patient');
  await heard.next('subscribed');
  line.cut();
  await one.heard.code('connecting', 1);
  const { type, error } = await one.heard.next('error');
  assert.deepEqual([type, error.code], ['transport', 2]);
  line.mend();
  await one.heard.next('connected');
  await heard.next('subscribed');
});
