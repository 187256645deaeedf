// Documents of which a client is told what has changed.

import {
  assert, cable, connected, joined, order, scenario,
} from './support.mjs';

const TEXT = 'ein längerer Text, 漢字 und 🙂, der sich nicht ändert; '.repeat(20);

const document = (version) => ({ version, text: TEXT, values: { a: version, b: `v${version}` } });

const publish = (room, version, more = {}) =>
  order('publish', { room, data: document(version), ...more });

// The publications of these versions, in this order, and no others.
async function hears({ heard }, ...versions) {
  assert.deepEqual(await heard.publications(versions.length), versions.map(document));
}

// How many came whole, and how many as what has changed.
function came({ sub }) {
  const { numFullPayloads, numDeltaPayloads } = sub.deltaStats();
  return [numFullPayloads, numDeltaPayloads];
}

scenario('a client that asks for deltas gets one document whole', async () => {
  const room = 'versions:live';
  const [ann, bob, plain] = await Promise.all(['ann', 'bob', 'plain'].map((user) => connected(user)));
  const one = await joined(ann.client, room, { delta: 'fossil' });
  const other = await joined(plain.client, room);
  for (const version of [1, 2, 3]) await publish(room, version);
  await hears(one, 1, 2, 3);
  const late = await joined(bob.client, room, { delta: 'fossil' });
  for (const version of [4, 5, 6]) await publish(room, version);
  await hears(one, 4, 5, 6);
  await hears(late, 4, 5, 6);
  await hears(other, 1, 2, 3, 4, 5, 6);
  assert.deepEqual(came(one), [1, 5]);
  assert.deepEqual(came(late), [1, 2]);
  assert(one.sub.deltaStats().bytesReceived < 2 * TEXT.length);
});

scenario('a client that comes back gets what it has missed as deltas', async () => {
  const room = 'versions:back';
  const line = await cable();
  const { client } = await connected('traveller', {}, line.at);
  const one = await joined(client, room, { delta: 'fossil' });
  await publish(room, 1);
  await hears(one, 1);
  line.cut();
  await one.heard.code('subscribing', 1);
  for (const version of [2, 3, 4]) await publish(room, version);
  line.mend();
  assert.equal((await one.heard.next('subscribed')).recovered, true);
  await hears(one, 2, 3, 4);
  await publish(room, 5);
  await hears(one, 5);
  assert.deepEqual(came(one), [2, 3]);
  one.sub.unsubscribe();
  await publish(room, 6);
  one.sub.subscribe();
  await one.heard.next('subscribed');
  await publish(room, 7);
  await hears(one, 6, 7);
  assert.deepEqual(came(one), [3, 4]);
});

scenario('a room that begins anew begins with a whole document', async () => {
  const room = 'versions:anew';
  const { client } = await connected('patient');
  const one = await joined(client, room, { delta: 'fossil' });
  await publish(room, 1);
  await publish(room, 2);
  await hears(one, 1, 2);
  await order('forget', { room });
  await one.heard.next('subscribed');
  await publish(room, 3);
  await publish(room, 4);
  await hears(one, 3, 4);
  assert.deepEqual(came(one), [2, 2]);
});

scenario('what is no version of the document before it comes whole', async () => {
  const room = 'marked:1';
  const { client } = await connected('mixed');
  const one = await joined(client, room, { delta: 'fossil' });
  await publish(room, 1, { delta: true });
  await publish(room, 2, { delta: true });
  await publish(room, 3);
  await publish(room, 4, { delta: true });
  await publish(room, 5, { delta: true });
  await publish(room, 6, { history: false });
  await publish(room, 7, { delta: true });
  await hears(one, 1, 2, 3, 4, 5, 6, 7);
  assert.deepEqual(came(one), [5, 2]);
});

scenario('the history of a room with deltas is read as it is', async () => {
  const room = 'versions:past';
  const { client } = await connected('reader');
  const { sub } = await joined(client, room, { delta: 'fossil' });
  for (const version of [1, 2, 3]) await publish(room, version);
  const { publications } = await sub.history({ limit: 10 });
  assert.deepEqual(publications.map(({ data }) => data), [1, 2, 3].map(document));
});
