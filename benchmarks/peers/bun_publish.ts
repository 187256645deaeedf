// Bun's own topics: each socket subscribes to its room, and the server publishes to all of it.
type Answer = (room: string, text: string) => string;
const asText: Answer = (room, text) => `Room ${room}: ${text}`;
const asJson: Answer = (room, text) => JSON.stringify({ room, ...JSON.parse(text) });
const answer = process.argv[3] === "json" ? asJson : asText;

const server = Bun.serve<{ room: string }>({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  fetch(request, server) {
    const room = new URL(request.url).pathname.slice("/ws/".length);
    if (server.upgrade(request, { data: { room } })) return;
    return new Response("this is a WebSocket", { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    open(socket) {
      socket.subscribe(socket.data.room);
    },
    message(socket, text) {
      const { room } = socket.data;
      server.publish(room, answer(room, text as string));
    },
  },
});
