// What clients do in rooms, and what the server does to them there.

import {
  QUIT, assert, connected, join, joined, newClient, nobody, order, scenario, seconds, token, until, wire, wired,
  withCode,
} from './support.mjs';

// Publishing and hearing. ------------------------------------------------------------------------

scenario('a publication reaches everyone in the room, its author too', async () => {
  const ann = await connected('ann');
  const bob = await connected('bob');
  const here = await joined(ann.client, 'open:talk');
  const there = await joined(bob.client, 'open:talk');
  await here.sub.publish({ text: 'hï 😀\nthere' });
  for (const { heard } of [here, there]) {
    const { data, info, offset } = await heard.next('publication');
    assert.deepEqual(data, { text: 'hï 😀\nthere' });
    assert.deepEqual(info, { user: 'ann', client: ann.hello.client });
    assert.equal(offset, 1);
  }
});

scenario('any JSON passes as it is', async () => {
  const { client } = await connected('json');
  const { sub, heard } = await joined(client, 'open:json');
  const values = [0, false, '', [], {}, 1.5, 'ü', { a: [null, { b: '\u2028' }] }, 2 ** 53 - 1];
  for (const value of values) await sub.publish(value);
  assert.deepEqual(await heard.publications(values.length), values);
});

scenario('a publication of the server has its tags, and no author', async () => {
  const { client } = await connected('tags');
  const { heard } = await joined(client, 'open:server');
  await order('publish', { room: 'open:server', data: 'news', tags: { kind: 'a' } });
  const { data, info, tags } = await heard.next('publication');
  assert.deepEqual([data, info, tags], ['news', undefined, { kind: 'a' }]);
});

scenario('what is published past the history has no offset', async () => {
  const { client } = await connected('past');
  const { heard } = await joined(client, 'open:past');
  await order('publish', { room: 'open:past', data: 1, history: false });
  assert.equal((await heard.next('publication')).offset, undefined);
});

wired('a batch goes in one frame, and is answered in its order', async () => {
  const { Socket, sent } = wire();
  const { client } = await connected('batch', { websocket: Socket });
  const { sub, heard } = await joined(client, 'open:batch');
  const before = sent.length;
  client.startBatching();
  const answers = [1, 2, 3].map((number) => sub.publish(number));
  answers.push(client.rpc('echo', 'four'), client.presenceStats('open:batch'));
  client.stopBatching();
  const results = await Promise.all(answers);
  assert.equal(sent.length, before + 1);
  assert.equal(sent[before].split('\n').length, 5);
  assert.equal(results[3].data, 'four');
  assert.deepEqual(await heard.publications(3), [1, 2, 3]);
});

wired('connect and subscribe come in one frame', async () => {
  const { Socket, sent } = wire();
  const { client } = newClient({ data: { user: 'quick' }, websocket: Socket });
  const { heard } = join(client, 'open:quick');
  const other = join(client, 'nowhere:quick');
  client.connect();
  await heard.next('subscribed');
  await other.heard.code('unsubscribed', 102);
  assert.equal(sent[0].split('\n').length, 3);
});

wired('subscribe, unsubscribe and subscribe again in one frame ends subscribed', async () => {
  const { Socket, sent } = wire();
  const { client } = await connected('fickle', { websocket: Socket });
  const before = sent.length;
  client.startBatching();
  const { sub, heard } = join(client, 'open:fickle');
  sub.unsubscribe();
  sub.subscribe();
  client.stopBatching();
  await heard.next('subscribed');
  assert.equal(sent.length, before + 1);
  assert.equal(sent[before].split('\n').length, 3);
  await sub.publish('still here');
  assert.deepEqual(await heard.publications(1), ['still here']);
  assert.equal((await sub.presenceStats()).numClients, 1);
});

scenario('a message for a user reaches each of their connections', async () => {
  const one = await connected('told');
  const two = await connected('told');
  await order('send', { user: 'told', data: { you: 'there' } });
  for (const { heard } of [one, two]) {
    assert.deepEqual((await heard.next('message')).data, { you: 'there' });
  }
});

// Calls. -----------------------------------------------------------------------------------------

scenario('a call is answered by the application', async () => {
  const { client } = await connected('caller');
  assert.deepEqual((await client.rpc('echo', { deep: [1] })).data, { deep: [1] });
  assert.equal((await client.rpc('double', 21)).data, 42);
});

scenario('a call that cannot be answered is told why', async () => {
  const { client } = await connected('caller');
  await assert.rejects(client.rpc('nothing', {}), withCode(104));
  await assert.rejects(client.rpc('double', 'no number'), withCode(107));
  await assert.rejects(client.rpc('refused', {}), withCode(1000));
  await assert.rejects(client.rpc('broken', {}), withCode(100));
  assert.equal((await client.rpc('echo', 'still here')).data, 'still here');
});

scenario('a call of a server that answers none is told 108', async () => {
  const { client } = await nobody();
  await assert.rejects(client.rpc('anything', {}), withCode(108));
});

scenario('a message to the application gets there', async () => {
  const { client } = await connected('sender');
  const { heard } = await joined(client, 'open:sent');
  await client.send({ room: 'open:sent', say: 'psst' });
  assert.deepEqual(await heard.publications(1), [{ from: 'sender', said: 'psst' }]);
});

// Who is there. ----------------------------------------------------------------------------------

wired('an empty room has nobody, and no publications, explicitly', async () => {
  const { Socket, received } = wire();
  const { client } = await connected('early', { websocket: Socket });
  assert.deepEqual((await client.presence('look:empty')).clients, {});
  assert.deepEqual(await client.presenceStats('look:empty'), { numClients: 0, numUsers: 0 });
  const { publications, offset, epoch } = await client.history('look:empty', { limit: 10 });
  assert.deepEqual([publications, offset], [[], 0]);
  assert(epoch);
  const text = received.join('\n');
  assert.match(text, /"presence":\{"presence":\{\}\}/);
  assert.match(text, /"num_clients":0,"num_users":0/);
  assert.match(text, /"publications":\[\]/);
});

scenario('presence follows who comes and goes at once', async () => {
  const { client: watcher } = await connected('watcher');
  const one = await connected('twice');
  const two = await connected('twice');
  const counts = () => watcher.presenceStats('look:busy');
  await joined(one.client, 'look:busy');
  const second = await joined(two.client, 'look:busy');
  assert.deepEqual(await counts(), { numClients: 2, numUsers: 1 });
  second.sub.unsubscribe();
  await until(async () => (await counts()).numClients === 1, 'one to be left');
  const { clients } = await watcher.presence('look:busy');
  assert.deepEqual(Object.keys(clients), [one.hello.client]);
  assert.equal(clients[one.hello.client].user, 'twice');
  one.client.disconnect();
  await until(async () => (await counts()).numClients === 0, 'nobody to be left');
});

scenario('nobody in particular counts as one user', async () => {
  const one = await nobody();
  const two = await nobody();
  const { sub } = await joined(one.client, 'open:nobodies');
  await joined(two.client, 'open:nobodies');
  assert.deepEqual(await sub.presenceStats(), { numClients: 2, numUsers: 1 });
});

scenario('who asks for joins and leaves hears them, the own join too', async () => {
  const ann = await connected('ann');
  const bob = await connected('bob');
  const { heard } = await joined(ann.client, 'open:door', { joinLeave: true });
  const own = await heard.next('join');
  assert.deepEqual(own.info, { user: 'ann', client: ann.hello.client });
  assert.deepEqual(heard.names(), ['subscribing', 'subscribed', 'join']);
  const deaf = await joined(bob.client, 'open:door');
  assert.equal((await heard.next('join')).info.user, 'bob');
  deaf.sub.unsubscribe();
  assert.equal((await heard.next('leave')).info.user, 'bob');
  await joined((await connected('cat')).client, 'open:door');
  assert.equal((await heard.next('join')).info.user, 'cat');
  assert.deepEqual([...deaf.heard.all('join'), ...deaf.heard.all('leave')], []);
});

// History. ---------------------------------------------------------------------------------------

scenario('the history is read forwards and backwards, page by page', async () => {
  const { client } = await connected('reader');
  await order('publish', { room: 'look:pages', count: 5 });
  const read = async (options) => {
    const { publications, ...top } = await client.history('look:pages', options);
    assert.equal(top.offset, 5); // the room's, not the page's
    return { data: publications.map(({ data }) => data), ...top };
  };
  const { data, epoch } = await read({ limit: 2 });
  assert.deepEqual(data, [1, 2]);
  assert.deepEqual((await read({ limit: 2, since: { offset: 2, epoch } })).data, [3, 4]);
  assert.deepEqual((await read({ limit: 2, since: { offset: 4, epoch } })).data, [5]);
  assert.deepEqual((await read({ limit: 2, reverse: true })).data, [5, 4]);
  assert.deepEqual(
    (await read({ limit: 2, reverse: true, since: { offset: 4, epoch } })).data, [3, 2],
  );
  assert.deepEqual((await read({ limit: -1 })).data, [1, 2, 3, 4, 5]);
  assert.deepEqual((await read({ limit: 0 })).data, []);
  assert.deepEqual((await read({})).data, []);
});

scenario('one answer holds 300 publications at most', async () => {
  const { client } = await connected('reader');
  await order('publish', { room: 'look:long', count: 310 });
  const { publications, offset } = await client.history('look:long', { limit: -1 });
  assert.deepEqual([publications.length, publications[299].offset, offset], [300, 300, 310]);
});

scenario('a position of another epoch is answered with 112', async () => {
  const { client } = await connected('reader');
  const since = { offset: 1, epoch: 'another' };
  await assert.rejects(client.history('look:pages', { limit: 1, since }), withCode(112));
});

scenario('reading backwards from the beginning is answered with 107', async () => {
  const { client } = await connected('reader');
  const since = { offset: 0, epoch: '' };
  const backwards = client.history('look:pages', { limit: 1, reverse: true, since });
  await assert.rejects(backwards, withCode(107));
});

// What is refused. -------------------------------------------------------------------------------

// The subscription ends with this code, and the connection goes on.
async function refused(client, room, code, options) {
  const { sub, heard } = join(client, room, options);
  await heard.code('unsubscribed', code);
  assert.deepEqual([sub.state, client.state], ['unsubscribed', 'connected']);
}

scenario('a room without configuration is answered with 102', async () => {
  const { client } = await connected('curious');
  await refused(client, 'nowhere:1', 102);
  await assert.rejects(client.publish('nowhere:1', 1), withCode(102));
  await assert.rejects(client.history('nowhere:1'), withCode(102));
});

scenario('what the client may not do is answered with 103', async () => {
  const { client } = await connected('curious');
  await refused(client, 'shut:1', 103);
  await refused(client, '$open:private', 103);
  await joined(client, 'plain:1');
  await assert.rejects(client.publish('plain:1', 1), withCode(103));
  await assert.rejects(client.publish('look:1', 1), withCode(103));
  await assert.rejects(client.presence('open:1'), withCode(103));
});

scenario('a room that the server has put the client into is answered with 105', async () => {
  const { client } = await connected('', { data: { user: 'put', rooms: ['open:put'] } });
  await refused(client, 'open:put', 105);
});

scenario('a room too many is answered with 106', async () => {
  const { client } = await connected('collector'); // in a room of their own already
  for (let number = 0; number < 5; number++) await joined(client, `open:${number}`);
  await refused(client, 'open:5', 106);
});

scenario('a name that no room has, and other nonsense, is answered with 107', async () => {
  const { client } = await connected('odd');
  await refused(client, `open:${'x'.repeat(251)}`, 107);
  await refused(client, 'open:ü', 107);
  const { sub } = await joined(client, 'asked:open:odd');
  await assert.rejects(sub.publish({ not: 'a text' }), withCode(107));
});

scenario('what a room does not have is answered with 108', async () => {
  const { client } = await connected('curious');
  await joined(client, 'plain:1');
  await assert.rejects(client.presence('plain:1'), withCode(108));
  await assert.rejects(client.presenceStats('plain:1'), withCode(108));
  await assert.rejects(client.history('plain:1', { limit: 1 }), withCode(108));
});

// What the application is asked. -----------------------------------------------------------------

scenario('on_join is told what the client brings, and what it gives reaches everyone', async () => {
  const { client, hello } = await connected('badge');
  const { sub, hello: told } = await joined(client, 'asked:open:badge', { data: { level: 3 } });
  assert.deepEqual(told.data, { welcome: 'badge' });
  const { clients } = await sub.presence();
  assert.deepEqual(clients[hello.client].chanInfo, { badge: { level: 3 } });
});

scenario('on_publish changes what is published, and refuses', async () => {
  const { client } = await connected('shy');
  const { sub, heard } = await joined(client, 'asked:open:loud');
  await sub.publish('hush');
  assert.deepEqual(await heard.publications(1), ['HUSH']);
  await assert.rejects(sub.publish('bad'), withCode(400));
});

scenario('on_join refuses with a code, or ends the connection', async () => {
  const one = await connected('unwanted');
  await refused(one.client, 'asked:refused:x', 403);
  join(one.client, 'asked:expelled:x');
  await one.heard.code('disconnected', 4500);
});

scenario('an on_join that fails is answered with 100, and asked again', async () => {
  const { client } = await connected('again');
  const { heard } = join(client, `asked:broken:js${process.pid}`);
  const { error } = await heard.next('error');
  assert.deepEqual([error.code, error.temporary], [100, true]);
  await heard.next('subscribed');
});

scenario('on_leave is told of who leaves, and how', async () => {
  const room = 'asked:open:exit';
  for (const [user, code] of [['leaver', 0], ['quitter', QUIT]]) {
    const { client } = await connected(user);
    const { sub } = await joined(client, room);
    if (code) client.disconnect(); // without a code of its own
    else sub.unsubscribe();
    const told = async () => (await order('leaves', { room })).find((leave) => leave[1] === user);
    await until(told, 'on_leave');
    assert.deepEqual(await told(), [room, user, code]);
  }
});

// What the server does to subscriptions. ---------------------------------------------------------

scenario('taken out of a room with 2000, a client stays out', async () => {
  const { client } = await connected('out');
  const { sub, heard } = await joined(client, 'open:out');
  await order('unsubscribe', { user: 'out', room: 'open:out' });
  const { reason } = await heard.code('unsubscribed', 2000);
  assert.equal(reason, 'server unsubscribe');
  assert.deepEqual([sub.state, client.state], ['unsubscribed', 'connected']);
});

scenario('in a room that begins anew a client gets 2500, and is told so', async () => {
  const { client } = await connected('loser');
  const { heard, hello } = await joined(client, 'open:anew');
  await order('publish', { room: 'open:anew', count: 3 });
  await heard.publications(3);
  await order('forget', { room: 'open:anew' });
  await heard.code('subscribing', 2500);
  const { wasRecovering, recovered, streamPosition } = await heard.next('subscribed');
  assert.deepEqual([wasRecovering, recovered, streamPosition.offset], [true, false, 0]);
  assert.notEqual(streamPosition.epoch, hello.streamPosition.epoch);
  await order('publish', { room: 'open:anew', data: 'first' });
  const { data, offset } = await heard.next('publication');
  assert.deepEqual([data, offset], ['first', 1]);
});

scenario('where the server put it in, its connection ends with 3010, for now', async () => {
  const one = await connected('', { data: { user: 'loser', rooms: ['open:lose'] } });
  await order('forget', { room: 'open:lose' });
  await one.heard.code('connecting', 3010);
  await one.heard.next('connected');
});

scenario('a room that the server puts a client into is its own: join, talk, leave', async () => {
  const one = await connected('', { data: { user: 'guest', rooms: ['told:1'] } });
  const { client, heard, hello } = one;
  while ((await heard.next('subscribed')).channel !== 'told:1'); // and its own room, in any order
  const own = await heard.next('join');
  assert.deepEqual([own.channel, own.info.client], ['told:1', hello.client]);
  assert(heard.names().indexOf('connected') < heard.names().indexOf('join'));
  await client.publish('told:1', 'hello');
  assert.equal((await heard.next('publication')).data, 'hello');
  const { client: other } = await connected('passer');
  const passing = await joined(other, 'told:1');
  assert.equal((await heard.next('join')).info.user, 'passer');
  passing.sub.unsubscribe();
  assert.equal((await heard.next('leave')).info.user, 'passer');
  await order('unsubscribe', { user: 'guest', room: 'told:1' });
  assert.equal((await heard.next('unsubscribed')).channel, 'told:1');
});

scenario('every user has a room of their own', async () => {
  const { heard } = await connected('private');
  assert.equal((await heard.next('subscribed')).channel, '#private');
  await order('publish', { room: '#private', data: 'for you' });
  const { channel, data } = await heard.next('publication');
  assert.deepEqual([channel, data], ['#private', 'for you']);
});

scenario('the server puts a client into a room later on', async () => {
  const { heard } = await connected('later');
  await heard.next('subscribed'); // the own room
  await order('subscribe', { user: 'later', room: 'open:later' });
  const { channel, recoverable, streamPosition } = await heard.next('subscribed');
  assert.deepEqual([channel, recoverable], ['open:later', true]);
  assert(streamPosition.epoch);
  await order('publish', { room: 'open:later', data: 1 });
  assert.equal((await heard.next('publication')).channel, 'open:later');
});

scenario('a token puts a client into rooms, with data and rights of its own', async () => {
  const subs = { 'plain:t': { data: { seat: 4 } }, 'told:t': { info: { vip: true } } };
  const claims = { sub: 'holder', subs, exp: seconds(60) };
  const { heard } = await connected('', { data: null, token: token(claims) });
  await heard.next('join');
  const told = Object.fromEntries(heard.all('subscribed').map((one) => [one.channel, one.data]));
  assert.deepEqual(told['plain:t'], { seat: 4 });
  assert('told:t' in told && '#holder' in told);
  assert.deepEqual(heard.all('join')[0].info.chanInfo, { vip: true });
});

// Choosing by tags. ------------------------------------------------------------------------------

scenario('a filter by tags lets through what matches, live and recovered', async () => {
  const { client } = await connected('chooser');
  const tagsFilter = {
    op: 'and',
    nodes: [
      { key: 'kind', cmp: 'in', vals: ['a', 'b'] },
      { op: 'not', nodes: [{ key: 'size', cmp: 'gt', val: '5' }] },
    ],
  };
  const room = 'tags:choice';
  const publish = (data, kind, size) => order('publish', { room, data, tags: { kind, size } });
  const { sub, heard } = await joined(client, room, { tagsFilter });
  await publish(1, 'a', '3');
  await publish(2, 'c', '3');
  await publish(3, 'b', '9');
  await publish(4, 'b', '5');
  assert.deepEqual(await heard.publications(2), [1, 4]);
  sub.unsubscribe();
  await publish(5, 'c', '1');
  await publish(6, 'a', '1');
  sub.setTagsFilter({ key: 'kind', cmp: 'eq', val: 'a' });
  sub.subscribe();
  assert.deepEqual(await heard.publications(1), [6]);
  await publish(7, 'b', '1');
  await publish(8, 'a', '1');
  assert.deepEqual(await heard.publications(1), [8]);
});

scenario('a filter that means nothing, or where none may be, is answered with 107', async () => {
  const { client } = await connected('chooser');
  await refused(client, 'tags:bad', 107, { tagsFilter: { key: 'k', cmp: 'is', val: 'v' } });
  await refused(client, 'open:tags', 107, { tagsFilter: { key: 'k', cmp: 'eq', val: 'v' } });
});

scenario('a wish for deltas does no harm', async () => {
  const { client } = await connected('frugal');
  const { heard } = await joined(client, 'open:delta', { delta: 'fossil' });
  await order('publish', { room: 'open:delta', data: { long: 'x'.repeat(100) } });
  assert.deepEqual(await heard.publications(1), [{ long: 'x'.repeat(100) }]);
});
