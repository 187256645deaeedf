"""What the laws of a store are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import pairwise

from hubbub.contracts import Store
from hubbub.model import ClientInfo, Draft, Publication

WINDOW = 300.0
"""Seconds for which the keys of a store under test are good."""

MUCH = 1_000_000
"""Bytes that no page of these laws exceeds, unless it is about that."""

Opening = Callable[[], AbstractAsyncContextManager[Store]]


class Time:
    """A time of day that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.seconds = 1_700_000_000.0

    def __call__(self) -> float:
        return self.seconds

    @property
    def ms(self) -> int:
        return int(self.seconds * 1000)


def numbered(number: int) -> Draft:
    return Draft(str(number).encode())


async def values_of(store: Store, room: str) -> list[int]:
    """All that is in the room, read in pages that end where they may."""
    values: list[int] = []
    offset = 0
    while True:
        page = await store.read(room, offset, 1_000, MUCH)
        offsets = [offset, *offsets_of(page.publications)]
        assert all(after == before + 1 for before, after in pairwise(offsets[1:])), "without a hole"
        if not page.publications:
            return values
        values += [int(one.data) for one in page.publications]
        offset = offsets[-1]


def offsets_of(publications: Sequence[Publication]) -> list[int]:
    return [one.offset for one in publications]


def who_of(publication: Publication) -> tuple[str, str, bytes, bytes] | None:
    return None if publication.info is None else known_of(publication.info)


def known_of(info: ClientInfo) -> tuple[str, str, bytes, bytes]:
    return info.user, info.client, info.conn_info, info.chan_info
