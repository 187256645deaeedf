"""A room as one page of HTML, to be read, printed and kept.

There is no script in it, and nothing that a browser would load or send: the page says so itself
(`POLICY`), so that it holds for the file on a disk as well. Everything that people wrote is
escaped. Times are UTC.
"""

from __future__ import annotations

import hashlib
import html
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from urllib.parse import quote

from hubbub.chat.export.pages import Room
from hubbub.chat.files.names import clean_name
from hubbub.chat.views import FileView, MessageView, ReactionView, ReplyView

MEMBERS = 200
"""Members that are named."""

STYLE = """
:root { color-scheme: light dark; --faint: #5d6470; --line: #d5d9e0; --here: #fff4c2; }
@media (prefers-color-scheme: dark) {
  :root { --faint: #9aa3b2; --line: #3a404b; --here: #46401f; }
}
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 46rem; padding: 1.5rem; }
h1 { font-size: 1.6rem; margin: 0; }
h2 { border-bottom: 1px solid var(--line); font-size: 1rem; margin: 2rem 0 1rem; }
article { break-inside: avoid; margin: 0 0 1rem; }
article:target { background: var(--here); }
header a, time, .about, .reactions, .note { color: var(--faint); font-size: .875rem; }
p, blockquote { margin: .125rem 0; overflow-wrap: anywhere; white-space: pre-wrap; }
blockquote { border-inline-start: 3px solid var(--line); padding-inline-start: .75rem; }
ul { list-style: none; margin: .25rem 0; padding: 0; }
.reactions li { display: inline; margin-inline-end: .75rem; }
@media print {
  :root { color-scheme: light; --faint: #444; --line: #999; }
  body { font-size: 11pt; max-width: none; padding: 0; }
}
"""

_digest = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

POLICY = f"default-src 'none'; style-src 'sha256-{_digest}'; base-uri 'none'; form-action 'none'"
"""The page's Content-Security-Policy: its own style, and nothing else."""

# HTML has no way to write these, escaped or not (HTML, section 13.1.4).
_controls = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


async def page(room: Room, at: int, *, linked: bool = False) -> AsyncIterator[bytes]:
    """The page, some of it at a time; `at` is when it is made (Unix milliseconds).

    `linked`: what is attached is beside it, as `files/{id}/{name}`.
    """
    writer = _Writer(room, linked)
    number = 0
    yield "".join(writer.head(at)).encode()
    async for some in room.pages():
        number += len(some.messages)
        yield "".join(piece for one in some.messages for piece in writer.message(one)).encode()
    yield "".join(writer.end(number)).encode()


def file_path(file: FileView) -> str:
    """Where the file is beside a page: its last part is one that any folder may hold."""
    return f"files/{file.id}/{clean_name(file.name)}"


def escaped(text: str) -> str:
    """`text` as it stands in an element or in a quoted attribute."""
    return html.escape(_controls.sub("\ufffd", text))


class _Writer:
    def __init__(self, room: Room, linked: bool) -> None:
        self._room = room
        self._linked = linked
        self._day = ""

    def head(self, at: int) -> Iterator[str]:
        room = self._room.room
        title = escaped(self._title())
        yield f'<!doctype html>\n<html><head><meta charset="utf-8"><title>{title}</title>\n'
        yield f'<meta http-equiv="Content-Security-Policy" content="{escaped(POLICY)}">\n'
        yield '<meta name="viewport" content="width=device-width">\n'
        yield f"<style>{STYLE}</style></head>\n<body>\n<h1>{_bdi(self._title())}</h1>\n"
        if room.topic:
            yield f'<p dir="auto">{escaped(room.topic)}</p>\n'
        members = [_bdi(self._name(one.user)) for one in self._room.members[:MEMBERS]]
        if (more := len(self._room.members) - MEMBERS) > 0:
            members.append(f"and {more} more")
        kind = "Conversation" if room.kind == "direct" else f"{room.kind.capitalize()} room"
        yield f'<p class="about">{kind}, as of {_time(at)}. Times are UTC. '
        yield f"{_count(len(self._room.members), 'member')}: {', '.join(members)}</p>\n"

    def message(self, message: MessageView) -> Iterator[str]:
        day = f"{_when(message.at):%Y-%m-%d}"
        if day != self._day:
            self._day = day
            yield f"<h2>{day}</h2>\n"
        yield f'<article id="m{message.id}"><header><b>{_bdi(self._name(message.user))}</b> '
        yield f"{_clock(message.at)}"
        if message.pinned_at is not None:
            yield ' <span class="note">pinned</span>'
        yield f' <a href="#m{message.id}">#{message.id}</a></header>\n'
        if message.deleted_at is not None:
            yield '<p class="note">This message was deleted.</p>\n'
        if message.reply is not None:
            yield self._reply(message.reply)
        if message.text:
            yield f'<p dir="auto">{escaped(message.text)}</p>\n'
        if message.edited_at is not None:
            yield f'<p class="note">edited {_time(message.edited_at)}</p>\n'
        if message.files:
            yield f"<ul>{''.join(map(self._file, message.files))}</ul>\n"
        if message.reactions:
            reactions = "".join(map(self._reaction, message.reactions))
            yield f'<ul class="reactions">{reactions}</ul>\n'
        yield "</article>\n"

    def end(self, number: int) -> Iterator[str]:
        yield f'<p class="about">{_count(number, "message")}, and this is the end.</p>\n'
        yield "</body></html>\n"

    def _title(self) -> str:
        room = self._room.room
        return room.name or ", ".join(self._name(one.user) for one in self._room.members)

    def _name(self, id: str) -> str:
        user = self._room.users.get(id)
        return user.display if user is not None else id or "the server"

    def _reply(self, reply: ReplyView) -> str:
        who = f'<a href="#m{reply.id}">{_bdi(self._name(reply.user))}</a>'
        return f'<blockquote dir="auto">{who} {escaped(reply.text)}</blockquote>\n'

    def _file(self, file: FileView) -> str:
        name = _bdi(file.name)
        if self._linked:
            name = f'<a href="{escaped(quote(file_path(file)))}">{name}</a>'
        return f'<li>{name} <span class="note">{_size(file.size)}</span></li>'

    def _reaction(self, reaction: ReactionView) -> str:
        names = ", ".join(_bdi(self._name(user)) for user in reaction.users)
        return f"<li>{escaped(reaction.emoji)} {names}</li>"


def _bdi(text: str) -> str:
    """Someone else's words within ours, which they do not turn around."""
    return f"<bdi>{escaped(text)}</bdi>"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _size(size: int) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"


def _when(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)


def _time(at: int) -> str:
    return f'<time datetime="{_when(at):%Y-%m-%dT%H:%M:%SZ}">{_when(at):%Y-%m-%d %H:%M}</time>'


def _clock(at: int) -> str:
    return f'<time datetime="{_when(at):%Y-%m-%dT%H:%M:%SZ}">{_when(at):%H:%M}</time>'
