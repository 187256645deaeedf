from typing import Any

import pytest

from hubbub.engine.node import Node
from hubbub.model import Publication
from hubbub.testing import settle
from hubbub.wire.centrifuge_json import JSON, JsonCodec
from hubbub.wire.streams import TEXT


class Counting(JsonCodec):
    def __init__(self) -> None:
        super().__init__(TEXT)
        self.made = 0

    def entries(self, publications: list[Publication]) -> Any:
        self.made += 1
        return super().entries(publications)


@pytest.fixture
def codec() -> Counting:
    return Counting()


PAST = [Publication(str(offset).encode(), offset) for offset in range(1, 6)]


async def test_a_page_is_made_once_a_turn_however_many_ask(node: Node, codec: Counting) -> None:
    made = {bytes(node.pages.entries(codec, PAST[1:])) for _ in range(5)}
    assert made == {bytes(JSON.entries(PAST[1:]))}
    assert codec.made == 1
    await settle()
    node.pages.entries(codec, PAST[1:])
    assert codec.made == 2, "nothing is kept beyond the turn"


async def test_pages_that_differ_are_different_pages(node: Node, codec: Counting) -> None:
    pages = [PAST, PAST[:4], PAST[1:], PAST[:1], PAST[::-1], []]
    for page in pages * 2:
        assert bytes(node.pages.entries(codec, page)) == bytes(JSON.entries(page))
    assert codec.made == len(pages) + 1, "nothing is no work, and not remembered"


async def test_another_encoding_has_its_own(node: Node, codec: Counting) -> None:
    other = Counting()
    other.encoding = "another"
    node.pages.entries(codec, PAST)
    node.pages.entries(other, PAST)
    assert (codec.made, other.made) == (1, 1)


async def test_what_was_made_can_be_forgotten_within_the_turn(node: Node, codec: Counting) -> None:
    page = [Publication(b"1", 1), Publication(b"2", 2), Publication(b"3", 3)]
    node.pages.entries(codec, page)
    page[1].data, page[1].json = b"0", b""
    node.pages.flush()
    assert bytes(node.pages.entries(codec, page)) == bytes(JSON.entries(page))
    assert codec.made == 2
