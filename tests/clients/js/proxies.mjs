// What is behind a proxy as it is without one.

import {
  DEADLINE, assert, connected, joined, newClient, order, proxied, servers, token, until, within,
} from './support.mjs';

proxied('what is published arrives at once', async () => {
  const { client } = await connected('near', {}, servers.proxy);
  const { sub, heard } = await joined(client, 'open:proxied');
  for (const size of [1, 1_000, 30_000]) {
    await sub.publish('x'.repeat(size));
    assert.equal((await heard.next('publication')).data.length, size);
  }
  await order('publish', { room: 'open:proxied', data: 'news' });
  assert.equal((await heard.next('publication')).data, 'news');
});

proxied('an idle connection outlives the patience of its proxy', async () => {
  const { client, heard } = await connected(`idle ${process.env.TRANSPORT}`, {}, servers.proxy);
  const room = await joined(client, 'open:idle');
  const idle = Number(process.env.IDLE_MS);
  await new Promise((resolve) => { setTimeout(resolve, 2.5 * idle); });
  await order('publish', { room: 'open:idle', data: 'still here' });
  assert.equal((await room.heard.next('publication')).data, 'still here');
  assert.deepEqual(heard.names().filter((name) => name.startsWith('connect')), ['connecting', 'connected']);
});

proxied('who goes is missed within two seconds', async () => {
  const { client } = await connected('goer', {}, servers.proxy);
  await joined(client, 'open:goer');
  client.disconnect();
  const gone = async () => (await order('here', { user: 'goer' })).length === 0;
  await within(until(gone, 'its end'), () => 'two seconds', 2_000);
});

proxied('another way is taken where WebSockets do not get through', async () => {
  const at = servers.proxy;
  const ways = ['websocket', 'http_stream', 'sse'].map((transport) => ({
    transport,
    endpoint: `${transport === 'websocket' ? 'ws' : 'http'}://${at}/connection/${transport}`,
  }));
  const began = Date.now();
  const one = newClient({ token: token({ sub: 'blocked' }) }, at, ways);
  one.client.connect();
  const { transport } = await within(one.heard.next('connected'), () => 'another way', 10_000);
  assert(['http_stream', 'sse'].includes(transport), transport);
  assert(Date.now() - began < 10_000 && DEADLINE < 10_000);
  const { sub, heard } = await joined(one.client, 'open:blocked');
  await sub.publish('through');
  assert.equal((await heard.next('publication')).data, 'through');
});
