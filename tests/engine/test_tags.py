"""Every comparison, every op, any tree of them; and trees that are meant to hurt."""

import time
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hubbub.engine.tags import (
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_NODES,
    MAX_VALS,
    BadFilter,
    compile_filter,
    filter_key,
)
from hubbub.wire.centrifuge import FilterNode

TAGS = {"ticker": "AAPL", "source": "NASDAQ", "price": "150.25", "volume": "1000", "empty": ""}


def leaf(key: str, cmp: str, val: str = "") -> FilterNode:
    return FilterNode(key=key, cmp=cmp, val=val)


def among(key: str, cmp: str, *vals: str) -> FilterNode:
    return FilterNode(key=key, cmp=cmp, vals=list(vals))


def node(op: str, *nodes: FilterNode) -> FilterNode:
    return FilterNode(op=op, nodes=list(nodes))


YES, NO = leaf("ticker", "ex"), leaf("ticker", "nex")


@pytest.mark.parametrize(
    ("filter", "passes"),
    [
        (leaf("ticker", "eq", "AAPL"), True),
        (leaf("ticker", "eq", "aapl"), False),
        (leaf("empty", "eq"), True),
        (leaf("ticker", "eq"), False),
        (leaf("ticker", "neq", "AAPL"), False),
        (leaf("ticker", "neq", "MSFT"), True),
        (among("ticker", "in", "MSFT", "AAPL"), True),
        (among("ticker", "in", "MSFT"), False),
        (among("empty", "in", ""), True),
        (among("ticker", "nin", "MSFT", "AAPL"), False),
        (among("ticker", "nin", "MSFT"), True),
        (leaf("ticker", "ex"), True),
        (leaf("empty", "ex"), True),
        (leaf("ticker", "nex"), False),
        (leaf("ticker", "sw", "AA"), True),
        (leaf("ticker", "sw", "PL"), False),
        (leaf("ticker", "sw"), True),
        (leaf("ticker", "ew", "PL"), True),
        (leaf("ticker", "ew", "AA"), False),
        (leaf("ticker", "ct", "AP"), True),
        (leaf("ticker", "ct", "PA"), False),
        (leaf("price", "lt", "150.26"), True),
        (leaf("price", "lt", "150.25"), False),
        (leaf("price", "lte", "150.250"), True),
        (leaf("price", "lte", "150.24"), False),
        (leaf("price", "gt", "-1"), True),
        (leaf("price", "gt", "150.25"), False),
        (leaf("price", "gte", "+150.25"), True),
        (leaf("price", "gte", "1000"), False),
    ],
    ids=lambda value: (
        f"{value.cmp} {value.val or value.vals}" if not isinstance(value, bool) else ""
    ),
)
def test_a_comparison(filter: FilterNode, passes: bool) -> None:
    assert compile_filter(filter)(TAGS) is passes


@pytest.mark.parametrize("tags", [None, {}, {"other": "1"}], ids=["no tags", "none", "another"])
@pytest.mark.parametrize("cmp", ["eq", "in", "ex", "sw", "ew", "ct", "lt", "lte", "gt", "gte"])
def test_a_comparison_with_an_absent_tag_is_false(cmp: str, tags: Mapping[str, str] | None) -> None:
    filter = FilterNode(key="ticker", cmp=cmp)
    if cmp == "in":
        filter.vals = ["", "0"]
    elif cmp not in ("ex", "eq", "sw", "ew", "ct"):
        filter.val = "0"
    assert compile_filter(filter)(tags) is False


@pytest.mark.parametrize("tags", [None, {}, {"other": "1"}], ids=["no tags", "none", "another"])
@pytest.mark.parametrize(
    "filter",
    [
        leaf("ticker", "neq"),
        leaf("ticker", "neq", "AAPL"),
        among("ticker", "nin", ""),
        leaf("ticker", "nex"),
    ],
    ids=["neq nothing", "neq", "nin", "nex"],
)
def test_the_opposite_of_a_comparison_with_an_absent_tag_is_true(
    filter: FilterNode, tags: Mapping[str, str] | None
) -> None:
    assert compile_filter(filter)(tags) is True


@pytest.mark.parametrize(
    ("filter", "passes"),
    [
        (node("and", YES), True),
        (node("and", YES, YES), True),
        (node("and", YES, NO), False),
        (node("or", NO), False),
        (node("or", NO, YES), True),
        (node("or", NO, NO), False),
        (node("not", YES), False),
        (node("not", NO), True),
        (node("not", node("and", YES, node("or", NO, node("not", YES)))), True),
        (node("and", node("or", NO, YES), node("not", node("not", YES))), True),
    ],
)
def test_an_op(filter: FilterNode, passes: bool) -> None:
    assert compile_filter(filter)(TAGS) is passes


# Numbers. ------------------------------------------------------------------------------------


def test_numbers_are_compared_by_value_and_not_as_text() -> None:
    assert compile_filter(leaf("n", "lt", "10"))({"n": "9"})
    assert compile_filter(leaf("n", "lt", "-9"))({"n": "-10"})
    assert compile_filter(leaf("n", "gte", "7"))({"n": "007.0"})
    assert compile_filter(leaf("n", "lte", "0"))({"n": "-0"})


def test_numbers_that_are_one_float_are_told_apart() -> None:
    nanoseconds = 1_764_000_000_000_000_001
    assert float(nanoseconds) == float(nanoseconds + 1)
    assert compile_filter(leaf("n", "lt", str(nanoseconds + 1)))({"n": str(nanoseconds)})
    assert not compile_filter(leaf("n", "gt", "0.3"))({"n": "0.3"})


def test_longest_numbers_are_compared_to_the_last_digit() -> None:
    long = "9" * (MAX_DIGITS - 1)
    assert compile_filter(leaf("n", "lt", long + "9"))({"n": long + "8"})


NOT_NUMBERS = [
    "",
    " ",
    "ten",
    "nan",
    "NaN",
    "inf",
    "-Infinity",
    "1e3",
    "0x10",
    "1_000",
    "1,5",
    "1.",
    ".5",
    "1.2.3",
    "--1",
    " 1",
    "1 ",
    "1\n",
    "１",
    "٣",
    "9" * (MAX_DIGITS + 1),
]


@pytest.mark.parametrize("cmp", ["lt", "lte", "gt", "gte"])
@pytest.mark.parametrize("text", NOT_NUMBERS, ids=lambda text: ascii(text)[:9])
def test_a_tag_that_is_no_number_does_not_pass(cmp: str, text: str) -> None:
    assert compile_filter(leaf("n", cmp, "1"))({"n": text}) is False


@pytest.mark.parametrize("cmp", ["lt", "lte", "gt", "gte"])
@pytest.mark.parametrize("text", NOT_NUMBERS, ids=lambda text: ascii(text)[:9])
def test_a_limit_that_is_no_number_is_refused(cmp: str, text: str) -> None:
    with pytest.raises(BadFilter, match="number"):
        compile_filter(leaf("n", cmp, text))


def test_a_huge_number_costs_nothing() -> None:
    huge = "9" * 1_000_000
    match = compile_filter(leaf("n", "lt", "1"))
    start = time.process_time()
    for _ in range(100):
        assert not match({"n": huge})
    assert time.process_time() - start < 1.0  # a million digits take longer to read once


# What is refused. ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [
        FilterNode(),
        FilterNode(key="k"),
        leaf("k", "like", "v"),
        leaf("k", "EQ", "v"),
        leaf("", "eq", "v"),
        leaf("", "ex"),
        among("", "in", "v"),
        leaf("k", "in"),
        leaf("k", "nin"),
        FilterNode(key="k", cmp="in", val="v", vals=["v"]),
        FilterNode(key="k", cmp="nin", val="v", vals=["v"]),
        FilterNode(key="k", cmp="eq", val="v", vals=["v"]),
        FilterNode(key="k", cmp="lt", val="1", vals=["1"]),
        leaf("k", "ex", "v"),
        among("k", "nex", "v"),
        FilterNode(key="k", cmp="eq", val="v", nodes=[YES]),
        FilterNode(nodes=[YES]),
        node("xor", YES, YES),
        node("AND", YES),
        node("and"),
        node("or"),
        node("not"),
        node("not", YES, YES),
        FilterNode(op="and", key="k", nodes=[YES]),
        FilterNode(op="or", cmp="eq", nodes=[YES]),
        FilterNode(op="not", val="v", nodes=[YES]),
        FilterNode(op="and", vals=["v"], nodes=[YES]),
    ],
    ids=lambda bad: msgspec.json.encode(
        {k: v for k, v in msgspec.structs.asdict(bad).items() if v}
    ),
)
def test_a_filter_that_means_nothing_is_refused_wherever_it_stands(bad: FilterNode) -> None:
    for filter in (bad, node("not", bad), node("or", YES, node("and", bad, YES))):
        with pytest.raises(BadFilter):
            compile_filter(filter)


def nested(depth: int) -> FilterNode:
    filter = YES
    for _ in range(depth - 1):
        filter = node("not", filter)
    return filter


def test_a_filter_is_only_so_deep() -> None:
    assert compile_filter(nested(MAX_DEPTH))(TAGS) is (MAX_DEPTH % 2 == 1)
    with pytest.raises(BadFilter, match="deep"):
        compile_filter(nested(MAX_DEPTH + 1))


def test_a_filter_has_only_so_many_nodes() -> None:
    assert compile_filter(node("or", *[YES] * (MAX_NODES - 1)))(TAGS)
    with pytest.raises(BadFilter, match="nodes"):
        compile_filter(node("or", *[YES] * MAX_NODES))


def test_a_filter_has_only_so_many_nodes_on_all_levels_together() -> None:
    half = node("or", *[YES] * (MAX_NODES // 2))
    with pytest.raises(BadFilter, match="nodes"):
        compile_filter(node("and", half, half))


def test_a_filter_has_only_so_many_vals_together() -> None:
    half = among("ticker", "in", *["AAPL"] * (MAX_VALS // 2))
    assert compile_filter(node("and", half, half))(TAGS)
    with pytest.raises(BadFilter, match="vals"):
        compile_filter(node("and", half, half, among("ticker", "in", "AAPL")))


def test_a_filter_of_itself_is_refused() -> None:
    filter = node("and", YES, YES)
    filter.nodes[0] = filter
    with pytest.raises(BadFilter):
        compile_filter(filter)


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param(nested(10_000), id="deep"),
        pytest.param(node("and", *[YES] * 200_000), id="wide"),
        pytest.param(among("k", "in", *["v"] * 200_000), id="many vals"),
        pytest.param(node("and", *[node("or", *[YES] * 500)] * 500), id="bushy"),
    ],
)
def test_a_hostile_filter_is_refused_at_once(hostile: FilterNode) -> None:
    start = time.process_time()
    with pytest.raises(BadFilter):
        compile_filter(hostile)
    assert time.process_time() - start < 0.5


# Any tree. -----------------------------------------------------------------------------------

KEYS = st.sampled_from("ab")
VALUES = st.sampled_from(["", "1", "-1", "01", "1.5", "10", "x", "xy", "1e1"])
NUMERALS = st.decimals(-20, 20, allow_nan=False, places=1).map(lambda number: f"{number:f}")


def operator_leaf(key: str, cmp: str, val: str, vals: list[str], limit: str) -> FilterNode:
    if cmp in ("in", "nin"):
        return among(key, cmp, *vals)
    if cmp in ("ex", "nex"):
        return leaf(key, cmp)
    return leaf(key, cmp, limit if cmp in ("lt", "lte", "gt", "gte") else val)


CMPS = st.sampled_from("eq neq in nin ex nex sw ew ct lt lte gt gte".split())
LEAVES = st.builds(
    operator_leaf, KEYS, CMPS, VALUES, st.lists(VALUES, min_size=1, max_size=3), NUMERALS
)
TREES = st.recursive(
    LEAVES,
    lambda trees: (
        st.builds(
            FilterNode,
            op=st.sampled_from(["and", "or"]),
            nodes=st.lists(trees, min_size=1, max_size=3),
        )
        | trees.map(lambda tree: node("not", tree))
    ),
    max_leaves=12,
)
ANY_TAGS = st.dictionaries(KEYS, VALUES | NUMERALS)


def fraction(text: str) -> Fraction | None:
    digits = text.removeprefix("-").replace(".", "", 1)
    return Fraction(text) if digits.isdigit() else None


def naive(filter: FilterNode, tags: Mapping[str, str]) -> bool:
    """The table of section 14, read aloud."""
    match filter.op:
        case "and":
            return all(naive(child, tags) for child in filter.nodes)
        case "or":
            return any(naive(child, tags) for child in filter.nodes)
        case "not":
            return not naive(filter.nodes[0], tags)
    if filter.key not in tags:
        return filter.cmp in ("neq", "nin", "nex")
    tag, val = tags[filter.key], filter.val
    answers = {
        "eq": tag == val,
        "neq": tag != val,
        "in": tag in filter.vals,
        "nin": tag not in filter.vals,
        "ex": True,
        "nex": False,
        "sw": tag[: len(val)] == val,
        "ew": val == "" or tag[-len(val) :] == val,
        "ct": tag.find(val) >= 0,
    }
    if filter.cmp in answers:
        return answers[filter.cmp]
    number, limit = fraction(tag), fraction(val)
    assert limit is not None
    if number is None:
        return False
    return {
        "lt": number < limit,
        "lte": number <= limit,
        "gt": number > limit,
        "gte": number >= limit,
    }[filter.cmp]


@given(TREES, ANY_TAGS)
@example(leaf("a", "lt", "1"), {"a": "1e1"})
def test_any_filter_passes_what_a_naive_reading_passes(
    filter: FilterNode, tags: dict[str, str]
) -> None:
    assert compile_filter(filter)(tags) is naive(filter, tags)


JUNK = st.recursive(
    st.builds(
        FilterNode,
        op=st.sampled_from(["", "", "and", "x"]),
        key=st.text(max_size=2),
        cmp=CMPS | st.text(max_size=2),
        val=st.text(max_size=2),
        vals=st.lists(st.text(max_size=2), max_size=2),
    ),
    lambda trees: st.builds(
        FilterNode,
        op=st.sampled_from(["and", "or", "not", ""]),
        key=st.sampled_from(["", "", "k"]),
        nodes=st.lists(trees, max_size=3),
    ),
    max_leaves=8,
)


@given(JUNK, ANY_TAGS)
def test_any_junk_is_refused_or_is_a_filter(junk: FilterNode, tags: dict[str, str]) -> None:
    try:
        match = compile_filter(junk)
    except BadFilter:
        return
    assert match(tags) in (True, False)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3))
def test_any_number_in_digits_equals_itself(number: Decimal) -> None:
    text = f"{number:f}"
    if len(text) <= MAX_DIGITS:
        assert compile_filter(node("and", leaf("n", "lte", text), leaf("n", "gte", text)))(
            {"n": text}
        )


# Keys. ---------------------------------------------------------------------------------------


def decoded(text: bytes) -> FilterNode:
    return msgspec.json.decode(text, type=FilterNode)


def test_filters_that_say_the_same_have_the_same_key() -> None:
    one = decoded(b'{"op":"not","nodes":[{"key":"k","cmp":"eq","val":"\\u00e9"}]}')
    two = decoded('{"nodes": [{"val":"é","cmp":"eq","key":"k","vals":[]}], "op":"not"}'.encode())
    assert filter_key(one) == filter_key(two)
    assert {filter_key(one): 1}[filter_key(two)] == 1


@given(TREES, TREES)
def test_filters_have_the_same_key_only_if_they_are_equal(one: FilterNode, two: FilterNode) -> None:
    assert (filter_key(one) == filter_key(two)) is (one == two)
    assert decoded(filter_key(one)) == one
