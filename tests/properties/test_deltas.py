"""Every delta, applied to what it was made of, is what was meant: the published decoder says so."""

from __future__ import annotations

from centrifuge.fossil import apply_delta
from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.wire.fossil import delta

PART = st.one_of(
    st.binary(max_size=80),
    st.text("ab", max_size=80).map(str.encode),
    st.integers(0, 40).map(lambda times: b'{"key":"value"},' * times),
)
TEXT_PART = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=60),
    st.text("äĤ€🙂a", max_size=60),
    st.integers(0, 20).map(lambda times: '{"schlüssel":"größe"},' * times),
)


@st.composite
def changed(draw: st.DrawFn, part: st.SearchStrategy[str] | st.SearchStrategy[bytes]) -> list[list]:  # type: ignore[type-arg]
    """Parts of a document, and those of its successor: some left out, moved, repeated and new."""
    before = draw(st.lists(part, max_size=12))
    after = draw(st.lists(st.one_of(st.sampled_from(before or [draw(part)]), part), max_size=16))
    return [before, after if draw(st.booleans()) else [*before[:6], *after[:2], *before[6:]]]


@given(changed(PART))
@settings(max_examples=400)
def test_a_delta_of_bytes_makes_the_target_of_the_source(parts: list[list[bytes]]) -> None:
    source, target = (b"".join(part) for part in parts)
    patch = delta(source, target)
    assert bytes(apply_delta(source, patch)) == target
    assert len(patch) <= len(target) + 24


@given(changed(TEXT_PART))
@settings(max_examples=400)
def test_a_delta_of_texts_is_a_text(parts: list[list[str]]) -> None:
    source, target = ("".join(part).encode() for part in parts)
    patch = delta(source, target)
    assert bytes(apply_delta(source, patch)) == target
    patch.decode()
