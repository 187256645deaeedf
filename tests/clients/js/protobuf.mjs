// A client that speaks Protobuf, whose data are bytes, used as one whose data are values.

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const bytes = (value) =>
  (value === undefined || value === null ? undefined : encoder.encode(JSON.stringify(value)));

const given = (value) => (value === undefined ? value : encoder.encode(JSON.stringify(value)));

function value(data) {
  return data?.length ? JSON.parse(decoder.decode(data)) : undefined;
}

// What is empty bytes here is not there in JSON.
function info({ connInfo, chanInfo, ...one }) {
  if (connInfo?.length) one.connInfo = value(connInfo);
  if (chanInfo?.length) one.chanInfo = value(chanInfo);
  return one;
}

const event = (one) => one && ({
  ...one,
  ...(one.data instanceof Uint8Array ? { data: value(one.data) } : {}),
  ...(one.info ? { info: info(one.info) } : {}),
});

function overridden(target, members) {
  return new Proxy(target, {
    get(_, name) {
      if (name in members) return members[name];
      const found = target[name];
      return typeof found === 'function' ? found.bind(target) : found;
    },
  });
}

const listening = (target) => ({
  on: (name, listener) => target.on(name, (one) => listener(event(one))),
});

const looking = (target) => ({
  async history(...asked) {
    const found = await target.history(...asked);
    return { ...found, publications: found.publications.map(event) };
  },
  async presence(...asked) {
    const { clients } = await target.presence(...asked);
    const all = Object.entries(clients).map(([id, one]) => [id, info(one)]);
    return { clients: Object.fromEntries(all) };
  },
});

const options = ({ data, getData, ...others }) => ({
  ...others,
  ...(data === undefined ? {} : { data: bytes(data) }),
  ...(getData ? { getData: async (...asked) => bytes(await getData(...asked)) } : {}),
});

// `make` makes the client of options.
export function asJson(make, wanted) {
  const client = make(options(wanted));
  return overridden(client, {
    ...listening(client),
    ...looking(client),
    publish: (room, data) => client.publish(room, given(data)),
    send: (data) => client.send(given(data)),
    rpc: async (method, data) => event(await client.rpc(method, given(data))),
    newSubscription(room, asked = {}) {
      const sub = client.newSubscription(room, options(asked));
      return overridden(sub, {
        ...listening(sub), ...looking(sub), publish: (data) => sub.publish(given(data)),
      });
    },
  });
}
