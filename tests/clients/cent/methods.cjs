// Calls each method of the server API that cent.js has, and prints what they gave as JSON.
// node methods.cjs URL KEY USER

const { CentClient } = require('cent.js');

const [url, apiKey, user] = process.argv.slice(2);

async function main() {
  const cent = new CentClient({ url, apiKey });
  const channel = 'chat:js';
  const told = {};
  told.publish = await cent.publish({ channel, data: { text: 'hi' }, tags: { a: 'b' } });
  told.broadcast = await cent.broadcast({ channels: [channel, 'nosuch:1'], data: { n: 2 } });
  told.subscribe = await cent.subscribe({ user, channel });
  told.presence = await cent.getPresence({ channel });
  told.presenceStats = await cent.getPresenceStats({ channel });
  told.history = await cent.getHistory({ channel, limit: 10, reverse: true });
  told.channels = await cent.getChannels({ pattern: 'chat:*' });
  told.allChannels = await cent.getChannels();
  told.info = await cent.getInfo();
  told.refresh = await cent.refresh({ user });
  told.unsubscribe = await cent.unsubscribe({ user, channel });
  told.removeHistory = await cent.removeHistory({ channel });
  told.forgotten = await cent.getHistory({ channel, limit: 10 });
  told.pipeline = await cent.pipeline([
    { method: 'publish', params: { channel, data: { n: 3 } } },
    { method: 'presence_stats', params: { channel } },
  ]);
  told.refused = await cent.publish({ channel: 'nosuch:1', data: {} }).then(
    () => 'published',
    (error) => error.constructor.name,
  );
  const stranger = new CentClient({ url, apiKey: 'wrong' });
  told.stranger = await fetch(`${url}/info`, {
    method: 'POST',
    body: '{}',
    headers: { 'X-API-Key': stranger.centOptions.apiKey },
  }).then((answer) => answer.status);
  told.disconnect = await cent.disconnect({ user });
  console.log(JSON.stringify(told));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
