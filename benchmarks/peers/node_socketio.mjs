// Socket.IO on Node.js. It has one path, so the room stands in the query, as for python-socketio.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, {
  transports: ["websocket"],
  perMessageDeflate: false,
  serveClient: false,
});

io.on("connection", (socket) => {
  const { room } = socket.handshake.query;
  socket.join(room);
  socket.on("message", (body) => io.to(room).emit("message", { room, ...body }));
});

http.listen(Number(process.argv[2]), "127.0.0.1");
