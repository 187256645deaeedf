"""The WebSocket class for uvicorn.

    uvicorn module:app --ws hubbub.transports.direct:WebSocketProtocol

uvicorn parses the upgrade request and hands over the open transport. From there on this class
owns the connection: it reads into one buffer shared by every connection of the thread, parses
frames, answers pings, and gives messages to its receiver. That is first the ASGI application
(`app.AppReceiver`, a complete ASGI WebSocket implementation); a hub takes its place
(`attach`) when the endpoint joins a room, and from then on nothing stands between the transport
and the rooms.
"""

from __future__ import annotations

import asyncio
import logging
import random
import struct
import sys
import threading
from typing import TYPE_CHECKING, Any, cast

from hubbub.contracts import Receiver, Sink
from hubbub.engine.clock import LoopClock
from hubbub.engine.heartbeat import Heartbeat
from hubbub.model import RESTART, STALLED, VANISHED, Disconnect
from hubbub.transports.app import AppReceiver
from hubbub.wire.frames import MIN_LIMIT, NO_STATUS, PING, End, FrameParser, close_frame
from hubbub.wire.handshake import BadHandshake, parse_handshake, refuse_response

if sys.platform == "linux":
    from fcntl import ioctl
    from termios import TIOCOUTQ

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

    from hubbub.settings import Settings

log = logging.getLogger("hubbub")

READ_BYTES = 65_536
"""Bytes one read takes at most."""

CLOSES_PER_SECOND = 1000
"""How fast a stopping server closes its connections, so that they do not all come back at once."""

MAX_SPREAD = 10.0
"""Seconds over which a stopping server spreads its closes at most."""

CLOSE_SECONDS = 5.0
"""Seconds for the closing handshake of a connection that no hub has taken over."""


def closing_delay(server: ServerState) -> float:
    """Seconds until one connection of a server that stops is closed, which is another for each."""
    spread = min(len(server.connections) / CLOSES_PER_SECOND, MAX_SPREAD)
    return random.uniform(0, spread)


class _Thread(threading.local):
    """What the connections of one thread share.

    The buffer is safe to share because the loop hands over the bytes of one read before it
    begins the next; threads read while others run, so each has its own.
    """

    def __init__(self) -> None:
        self.buffer = bytearray(READ_BYTES)
        self.view = memoryview(self.buffer)
        self.heartbeats: dict[tuple[int, float, float], Heartbeat] = {}


_thread = _Thread()


class WebSocketProtocol(asyncio.BufferedProtocol):
    """One connection; uvicorn makes it, for a request that asks for a WebSocket.

    It is the `Sink` of its session. No timer, task or queue belongs to an idle one.
    """

    __slots__ = (
        "__weakref__",
        "_app",
        "_app_state",
        "_buffer",
        "_close_seconds",
        "_close_timer",
        "_closing",
        "_config",
        "_heartbeat",
        "_parser",
        "_receiver",
        "_server_state",
        "_stalled",
        "_view",
        "heard",
        "loop",
        "slot",
        "transport",
        "write",
    )

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        if not config.loaded:
            config.load()
        self.loop = _loop or asyncio.get_running_loop()
        self._config = config
        self._server_state = server_state
        self._app_state = app_state
        self._buffer = _thread.buffer
        self._view = _thread.view
        self._app: AppReceiver | None = None
        self._receiver: Receiver | None = None
        self._heartbeat: Heartbeat | None = None
        self._close_seconds = CLOSE_SECONDS
        self._close_timer: asyncio.TimerHandle | None = None
        self._closing = False
        self._stalled = 0
        self._parser = FrameParser(max(MIN_LIMIT, config.ws_max_size))
        self.heard = True
        self.slot = 0

    # What the loop calls (asyncio.BufferedProtocol).

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.write = self.transport.write
        self._server_state.connections.add(self)  # type: ignore[arg-type]

    def data_received(self, data: bytes) -> None:
        """The upgrade request, whole, from uvicorn's HTTP side; never called again."""
        try:
            handshake = parse_handshake(data)
        except BadHandshake as error:
            log.debug("handshake refused: %d %s", error.status, error.reason)
            self.refuse(error.status, error.headers, error.reason.encode())
            return
        self._app = AppReceiver(
            self, self._config, handshake, self._app_state, self._server_state.default_headers
        )
        self._receiver = self._app
        self._app.start(self._server_state.tasks)
        # uvicorn sets the protocol after this returns, on a transport that reads already; uvloop
        # chooses how it reads when reading starts.
        self.transport.pause_reading()
        self.transport.set_protocol(self)
        self.transport.resume_reading()

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.heard = True
        parser = self._parser
        messages = parser.feed(self._view[:nbytes].tobytes())
        if parser.control_frames and (pongs := parser.take_output()) and not self._closing:
            self.write(pongs)
        if messages and not self._closing:
            # Set from the handshake on: no byte is read before it.
            self._receiver.received(messages)  # type: ignore[union-attr]
        if parser.ended is not None:
            self._peer_ended(parser.ended)

    def eof_received(self) -> None:
        """The peer will send no more: half a connection is none. The transport closes itself."""
        self._lost(Disconnect(NO_STATUS if self._closing else VANISHED.code, ""))
        self._closing = True
        self._close_later()  # for one that does not take what still waits for it

    def connection_lost(self, exc: Exception | None) -> None:
        self._server_state.connections.discard(self)
        if self._heartbeat is not None:
            self._heartbeat.discard(self)
            self._heartbeat = None
        if self._close_timer is not None:
            self._close_timer.cancel()
            self._close_timer = None
        self._closing = True
        self._lost(Disconnect(VANISHED.code, "connection lost"))

    def pause_writing(self) -> None:
        if self._receiver is not None:
            self._receiver.writing_paused()

    def resume_writing(self) -> None:
        if self._receiver is not None:
            self._receiver.writing_resumed()

    # What the application side does before a hub takes over (transports.app).

    def refuse(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        """Answer the handshake with an HTTP response and end the connection."""
        if not self._closing:
            response = refuse_response(status, headers, body)  # may raise, and then nothing is done
            self._closing = True
            self.write(response)
            self._finish()

    def opened(self) -> None:
        """The handshake is complete: look after the connection as uvicorn's settings say."""
        config = self._config
        if config.ws_ping_interval and config.ws_ping_timeout:
            key = (id(self.loop), config.ws_ping_interval, config.ws_ping_timeout)
            heartbeat = _thread.heartbeats.get(key)
            if heartbeat is None or not len(heartbeat):
                heartbeat = Heartbeat(
                    LoopClock(self.loop), config.ws_ping_interval, config.ws_ping_timeout
                )
                _thread.heartbeats[key] = heartbeat
            self._beat_with(heartbeat)

    @property
    def closing(self) -> bool:
        """Whether nothing more may be written."""
        return self._closing

    def app_done(self) -> None:
        """The ASGI application has returned, and will not be heard of again."""
        self._app = None

    # What a hub does.

    def attach(self, receiver: Receiver, settings: Settings, heartbeat: Heartbeat | None) -> None:
        """Give the connection to `receiver`: its messages from here on, its limits, its pings.

        Without a heartbeat `receiver` looks after the peer itself.
        """
        if self._closing:
            receiver.lost(Disconnect(VANISHED.code, "connection lost"))
            return
        self._receiver = receiver
        self._parser.limit = settings.message_bytes
        self._close_seconds = settings.close_seconds
        self._beat_with(heartbeat)
        if self._app is not None and (unread := self._app.take_unread()):
            receiver.received(unread)

    def detach(self, unread: list[str | bytes]) -> None:
        """Give the connection back to its ASGI application, with what was not read."""
        if self._app is not None and not self._closing:
            self._receiver = self._app
            if self.transport.get_write_buffer_size() > self.transport.get_write_buffer_limits()[1]:
                self._app.writing_paused()
            if unread:
                self._app.received(unread)

    @property
    def outlives_app(self) -> bool:
        """Whether somebody else than the ASGI application has the connection."""
        return self._receiver is not self._app

    # What a session does (contracts.Sink); `write` is the transport's own.

    def close(self, disconnect: Disconnect) -> None:
        if not self._closing:
            self._closing = True
            self.write(close_frame(*disconnect))
            self._close_later()
            if not self.transport.is_closing():
                self.transport.resume_reading()  # for the peer's answer

    def abort(self) -> None:
        self._closing = True
        self.transport.abort()

    def pause_reading(self) -> None:
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        # What the peer said meanwhile lies unread: it is neither silent nor late.
        self.heard = True
        self._stalled = 0
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def stalled(self) -> bool:
        parser = self._parser
        parser.control_frames = 0
        before, self._stalled = self._stalled, parser.unfinished
        # Where we do not read, the rest of the message may well be there.
        return 0 < parser.unfinished == before and self.transport.is_reading()

    # What the heartbeat asks (engine.heartbeat.Peer).

    def ping(self) -> None:
        self.heard = False
        if self.stalled():
            self.hang_up(STALLED)
        elif not self._closing:
            self.write(PING)

    def check(self) -> None:
        if not self.heard and not self._closing and self._silent():
            self._lost(VANISHED)
            self.abort()

    def _silent(self) -> bool:
        """Whether the peer, from which nothing was heard, is to be taken for gone.

        While its handler is behind we do not read, so that its pong may lie unread; then the
        question is whether its kernel has acknowledged what we wrote, the ping included.
        """
        if self.transport.is_reading() or sys.platform != "linux":
            return True
        handle = self.transport.get_extra_info("socket").fileno()
        (unacknowledged,) = struct.unpack("i", ioctl(handle, TIOCOUTQ, b"\0\0\0\0"))
        return bool(unacknowledged)

    # What uvicorn calls when it stops.

    def shutdown(self) -> None:
        """Close with 1012, at a moment of its own within the spread."""
        self.loop.call_later(closing_delay(self._server_state), self.hang_up, RESTART)

    def hang_up(self, disconnect: Disconnect) -> None:
        """Have whoever has the connection end it."""
        if self._receiver is not None:
            self._receiver.hang_up(disconnect)

    # How connections end.

    def _peer_ended(self, end: End) -> None:
        """A close frame came, or something that cannot be one of a WebSocket's frames."""
        code, reason, by_peer = end
        if self._closing:
            if by_peer:
                self._finish()
            return
        self._closing = True
        self._lost(Disconnect(code, reason))
        self.write(close_frame(code, "" if by_peer else reason))
        if by_peer:
            self._finish()
        else:
            # Closing now, with bytes unread, would reset the connection, and the peer might
            # never see why. What it still sends is read and thrown away until it closes, which
            # it does when it sees the end of what we send.
            log.debug("closed a connection: %d %s", code, reason)
            if not self.transport.is_closing() and self.transport.can_write_eof():
                self.transport.write_eof()
            self._close_later()

    def _lost(self, disconnect: Disconnect) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.lost(disconnect)
        if self._app is not None and self._app is not receiver:
            self._app.lost(disconnect)

    def _finish(self) -> None:
        """Close the transport once what was written has left, within the deadline."""
        self._close_later()
        self.transport.close()

    def _close_later(self) -> None:
        if self._close_timer is None:
            self._close_timer = self.loop.call_later(self._close_seconds, self.transport.abort)

    def _beat_with(self, heartbeat: Heartbeat | None) -> None:
        if self._heartbeat is not None:
            self._heartbeat.discard(self)
        self._heartbeat = heartbeat
        if heartbeat is not None:
            heartbeat.add(self)


_: type[Sink] = WebSocketProtocol
