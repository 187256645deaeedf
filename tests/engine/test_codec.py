"""The plainest way to speak: a publication is its data."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.engine.codec import BARE
from hubbub.model import ClientInfo, Publication
from hubbub.wire.encode import to_json
from hubbub.wire.frames import unframe


def said(data: bytes) -> object:
    [text] = unframe(BARE.encoder("a")(Publication(data, 7, ClientInfo("ann", "1"))))
    return text


@pytest.mark.parametrize(
    "data, text",
    [
        (b'"hi"', "hi"),
        (b'""', ""),
        (b'"a\\n\\"\\u00e9"', 'a\n"é'),
        (b'{"a": 1}', '{"a": 1}'),
        (b"[]", "[]"),
        (b"1.50", "1.50"),
        (b"null", "null"),
    ],
)
def test_text_is_said_as_text_and_the_rest_as_json(data: bytes, text: str) -> None:
    assert said(data) == text


@given(st.text())
def test_any_text_comes_out_as_it_went_in(text: str) -> None:
    assert said(to_json(text)) == text
    assert said(json.dumps(text).encode()) == text


def test_nobody_is_told_of_joins_and_leaves() -> None:
    assert BARE.membership("a", "join", ClientInfo("ann", "1")) == b""
