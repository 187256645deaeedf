// Node's `ws`: a set of sockets per room. The text becomes bytes once, not once per member.
import { WebSocket, WebSocketServer } from "ws";

const rooms = new Map();
const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(process.argv[2]),
  perMessageDeflate: false,
  clientTracking: false,
});

server.on("connection", (socket, request) => {
  const room = request.url.slice("/ws/".length);
  let members = rooms.get(room);
  if (members === undefined) rooms.set(room, (members = new Set()));
  members.add(socket);

  socket.on("message", (text) => {
    const message = Buffer.from(`Room ${room}: ${text}`);
    for (const member of members) {
      if (member.readyState === WebSocket.OPEN) member.send(message, { binary: false });
    }
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    members.delete(socket);
    if (members.size === 0 && rooms.get(room) === members) rooms.delete(room);
  });
});
