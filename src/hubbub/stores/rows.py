"""What a publication is as columns, and what becomes of a draft: for all stores alike."""

from __future__ import annotations

import secrets
import string
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import NamedTuple

from msgspec import Struct
from msgspec.json import Decoder, encode

from hubbub.model import EVERYONE, Appended, ClientInfo, Draft, Fate, Position, Publication

MAX_NUMBER = 2**63 - 1
"""The highest that a column holds, and an offset behind every other."""

Name = tuple[str, str, str]
"""Of an idempotency key: room, user and the key itself."""

_tags = Decoder(dict[str, str])
_info = Decoder(tuple[str, str, str, str])


def new_epoch() -> str:
    return "".join(secrets.choice(string.ascii_letters) for _ in range(8))


def column(text: str) -> str:
    """`text` as databases can hold it, which take no NUL."""
    return text.replace("\0", "\ufffd")


def user_of(draft: Draft) -> str:
    """Whose the draft's key is; "" for nobody's in particular."""
    return column(draft.info.user) if draft.info else ""


def key_of(draft: Draft) -> str:
    return column(draft.key)


def version_of(draft: Draft) -> tuple[int, str]:
    """Its version and version epoch as columns."""
    return min(draft.version, MAX_NUMBER), column(draft.version_epoch)


def digest(draft: Draft) -> bytes:
    """16 bytes that stand for what would be published, in whichever order its tags come."""
    made = blake2b(draft.data, digest_size=16, person=b"binary" if draft.binary else b"")
    if draft.tags:
        made.update(b"\0" + encode(sorted(draft.tags.items())))  # JSON holds no such byte
    return made.digest()


def mentioned(draft: Draft) -> set[str]:
    """Whom a mention in the draft is kept for: `EVERYONE` stands for all, and nobody is told of
    their own."""
    names = {column(user) for user in draft.mentions}
    return {EVERYONE} if EVERYONE in names else names - {user_of(draft)}


def erased(draft: Draft, offset: int) -> Iterable[tuple[int, bytes]]:
    """What the draft erases, at `offset`, and what takes its place."""
    return {seq: data for seq, data in draft.erase if 0 < seq < offset}.items()


BINARY = "!"
"""What the text of data begins with that is not JSON, and base64 of it follows; no JSON does."""


def data_text(draft: Draft) -> str:
    """Its data as a column, which is text."""
    return BINARY + b64encode(draft.data).decode() if draft.binary else draft.data.decode()


def data_size(octets: str) -> str:
    """SQL for how many bytes `e.data` stands for, where `octets` is how many it takes as it is."""
    padding = "length(e.data) - length(rtrim(e.data, '='))"
    binary = f"(length(e.data) - {len(BINARY)}) / 4 * 3 - ({padding})"
    return f"CASE WHEN substr(e.data, 1, 1) = '{BINARY}' THEN {binary} ELSE {octets} END"


def tags_text(tags: Mapping[str, str] | None) -> str | None:
    return encode(dict(tags)).decode() if tags else None


def info_text(info: ClientInfo | None) -> str | None:
    if info is None:
        return None
    parts = (info.user, info.client, info.conn_info.decode(), info.chan_info.decode())
    return encode(parts).decode()


def publication(seq: int, at: int, data: str, tags: str | None, info: str | None) -> Publication:
    """What the columns of `hubbub_entries` stand for."""
    who = None
    if info is not None:
        user, client, conn_info, chan_info = _info.decode(info)
        who = ClientInfo(user, client, conn_info.encode(), chan_info.encode())
    kept = None if tags is None else _tags.decode(tags)
    if data[:1] == BINARY:
        return Publication(b64decode(data[1:]), seq, who, kept, at=at, binary=True)
    return Publication(data.encode(), seq, who, kept, at=at)


class Head(Struct):
    """How a log stands while a batch goes over it: the columns of `hubbub_logs`."""

    id: int
    room: str
    epoch: str
    top: int = 0
    first: int = 1
    touched: int = 0
    version: int = 0
    version_epoch: str = ""


class Entry(NamedTuple):
    """A row of `hubbub_entries`."""

    log: int
    seq: int
    at: int
    data: str
    tags: str | None
    info: str | None


class Key(NamedTuple):
    """A row of `hubbub_keys`."""

    log: int
    user: str
    key: str
    seq: int
    at: int
    digest: bytes


class Use(NamedTuple):
    """What an idempotency key was used for: at which offset, for which `digest`."""

    seq: int
    digest: bytes


def judge(head: Head, draft: Draft, use: Use | None) -> Appended:
    """What becomes of `draft`, whose key had this `use` within the window.

    Where it is to be stored, `head` is moved on: its offset is the new top.
    """
    if use is None and draft.version <= 0:  # as nearly all are: without a call more
        head.top += 1
        return Appended(Position(head.top, head.epoch))
    return turned_away(head, draft, use) or Appended(enter(head, draft))


def turned_away(head: Head, draft: Draft, use: Use | None) -> Appended | None:
    """What becomes of `draft` where it is not to be stored; None where it is."""
    if use is not None:
        same = use.digest == digest(draft)
        return Appended(Position(use.seq, head.epoch), Fate.REPEATED if same else Fate.CONFLICT)
    if draft.version > 0:
        version, version_epoch = version_of(draft)
        if version_epoch == head.version_epoch and version <= head.version:
            return Appended(Position(head.top, head.epoch), Fate.OUTDATED)
    return None


def enter(head: Head, draft: Draft) -> Position:
    """Move `head` on to `draft`, which is to be stored: where it is."""
    if draft.version > 0:
        head.version, head.version_epoch = version_of(draft)
    head.top += 1
    return Position(head.top, head.epoch)
