// Bun's own topics: each socket subscribes to its room, and the server publishes to all of it.
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
      server.publish(room, `Room ${room}: ${text}`);
    },
  },
});
