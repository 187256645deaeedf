"""The fast way of reading: one buffer for all, and a message costs next to nothing.

A server under test passes on millions of messages a second. Frames of one length are counted by
division, and their headers are checked by a slice with that length as the step; the messages that
a talker waits for are counted in the one column that holds its letter. Whatever does not fit goes
the careful way, in `connection.py` and `centrifuge.py`.
"""

from __future__ import annotations

from hubbub.cli.bench import frames
from hubbub.cli.bench.centrifuge import ACKNOWLEDGED, FIRST_ID, Stride, Subscriber
from hubbub.cli.bench.connection import Connection
from hubbub.cli.bench.crowd import Layout
from hubbub.cli.bench.errors import ServerGone, WrongMessage
from hubbub.cli.bench.texts import FILLER, STAMP_DIGITS

BUFFER_BYTES = 262_144

_ACKNOWLEDGEMENT = bytes((frames.TEXT_HEAD, len(ACKNOWLEDGED % FIRST_ID))) + ACKNOWLEDGED


class Reader:
    """Reads into one buffer, and knows of the last read where its messages are."""

    def __init__(self) -> None:
        self.deliveries = 0
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)

    def read(self, connection: Connection) -> int:
        """Read once; returns how many messages came. Raises ServerGone or WrongMessage."""
        raise NotImplementedError

    def own(self, voice: int) -> int:
        """How many messages of the last read are of the talker with that letter."""
        raise NotImplementedError

    def columns(self) -> list[range]:
        """Where in the buffer the letters of the talkers stand, each followed by the stamp."""
        raise NotImplementedError

    def stamps(self) -> list[int]:
        """The stamps in the messages of the last read."""
        buffer = self._buffer
        return [
            int(buffer[at + 1 : at + 1 + STAMP_DIGITS])
            for column in self.columns()
            for at in column
        ]

    def _fill(self, connection: Connection) -> int:
        """Put what the connection kept, and what it has now, at the front of the buffer.

        Returns how many bytes there are; 0 if nothing has come.
        """
        tail = connection.tail
        kept = len(tail)
        try:
            if kept:
                self._buffer[:kept] = tail
                end = kept + connection.sock.recv_into(self._view[kept:])
            else:
                end = connection.sock.recv_into(self._buffer)
        except BlockingIOError:
            return 0
        if end == kept:
            raise ServerGone("the server closed a connection")
        return end


class Uniform(Reader):
    """All frames of a run look like one."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self._size, self._voice_at = layout.size, layout.voice_at
        head = bytes((frames.TEXT_HEAD, layout.second))
        self._tails = (b"", head[:1], head)  # how what is left of a message may begin
        self._stop = 0

    def own(self, voice: int) -> int:
        return self._buffer[self._voice_at : self._stop : self._size].count(voice)

    def columns(self) -> list[range]:
        return [range(self._voice_at, self._stop, self._size)]

    def read(self, connection: Connection) -> int:
        end = self._fill(connection)
        if not end:
            self._stop = 0
            return 0
        buffer, size, tail = self._buffer, self._size, connection.tail
        count = end // size
        stop = count * size
        if stop != end or tail:
            connection.tail = tail = bytes(self._view[stop:end])
        # Bodies are ASCII, so whatever is not a message of ours puts another byte than a text
        # frame's first where the next one should begin, or stands at the end with its own length.
        if buffer[0:stop:size].count(frames.TEXT_HEAD) != count or tail[:2] not in self._tails:
            count = self._read_with_care(connection, end)
        if count:
            if not buffer.startswith(connection.room.beginning):
                raise WrongMessage(f"in {connection.room.name}: {bytes(buffer[:size])!r}")
            connection.count += count
            self.deliveries += count
        self._stop = count * size
        return count

    def _read_with_care(self, connection: Connection, end: int) -> int:
        """As `read`, where something that is no message lies among the bytes."""
        messages = list(connection.sift(bytes(self._view[:end])))
        for message in messages:
            if len(message) != self._size:
                raise WrongMessage(f"in {connection.room.name}: {message[:200]!r}")
        together = b"".join(messages)
        self._view[: len(together)] = together
        return len(messages)


class Numbered(Reader):
    """Frames bear offsets, grow with them, and lie between acknowledgements.

    They come in runs of one length. A run's end must bear the offset that its beginning and its
    number of frames give, so a hole or a double in it would show.
    """

    def __init__(self) -> None:
        super().__init__()
        self._columns: list[range] = []

    def own(self, voice: int) -> int:
        own = 0
        for column in self._columns:
            own += self._buffer[column.start : column.stop : column.step].count(voice)
        return own

    def columns(self) -> list[range]:
        return self._columns

    def read(self, connection: Connection) -> int:
        assert isinstance(connection, Subscriber)
        self._columns = []
        end, before, at = self._fill(connection), connection.offset, 0
        while at < end:
            at = self._run(connection, at, end)
            if at == end:
                break
            stop = self._acknowledgement(connection, at, end)
            if stop == at:
                stop = self._frame(connection, at, end)
            if stop == at:
                break
            at = stop
        if at != end or connection.tail:
            connection.tail = bytes(self._view[at:end])
        count = connection.offset - before
        connection.count += count
        self.deliveries += count
        return count

    def _run(self, connection: Subscriber, at: int, end: int) -> int:
        """Count the frames from `at` that bear the offsets that come next; returns where they
        end, `at` if there are none that can be told in this way."""
        stride, offset, buffer = connection.stride, connection.offset, self._buffer
        if stride is None:
            return at
        size = stride.size
        fitting = min((end - at) // size, stride.limit - 1 - offset)
        marks = stride.marks.match(buffer[at + stride.mark_at : at + fitting * size : size])
        count = marks.end() if marks else 0
        if not count or not buffer.startswith(stride.beginning, at):
            return at
        stop = at + count * size
        if not self._bears(stride, stop - size, offset + count):
            # The one behind a run may be of another length, and only begin like the others.
            count, stop = count - 1, stop - size
            if not count or not self._bears(stride, stop - size, offset + count):
                return at
        connection.offset += count
        self._columns.append(range(at + stride.voice_at, stop, size))
        return stop

    def _bears(self, stride: Stride, at: int, offset: int) -> bool:
        """Whether the frame at `at` is of that offset."""
        buffer = self._buffer
        return buffer.startswith(stride.beginning, at) and buffer.startswith(
            b"%d%b" % (offset, stride.ending), at + stride.digits_at
        )

    def _acknowledgement(self, connection: Subscriber, at: int, end: int) -> int:
        """Take the next acknowledgement, if it is alone in the frame at `at`; returns where that
        ends, otherwise `at`."""
        number = connection.acknowledged + 1
        frame = _ACKNOWLEDGEMENT % number
        stop = at + len(frame)
        if stop > end or number > connection.asked or not self._buffer.startswith(frame, at):
            return at
        connection.acknowledged = number
        return stop

    def _frame(self, connection: Subscriber, at: int, end: int) -> int:
        """Take the one frame at `at` with care; returns where it ends, `at` if it is not whole."""
        frame = frames.frame_at(self._view[:end], at)
        if frame is None:
            return at
        whole = bytes(self._view[at : frame.end])
        beginning = connection.room.beginning
        for line in connection.take(frame.opcode, whole, frame.start - at):
            if not line.startswith(beginning):
                raise WrongMessage(f"in {connection.room.name}: {line[:200]!r}")
            at = self._buffer.index(line, at)
            voice_at = at + len(beginning) + len(FILLER)
            self._columns.append(range(voice_at, voice_at + 1))
        return frame.end
