"""What the server refuses with is said by its pages in words of their own, in every language.

The server's English words are what its texts are found by: `reasons` has each of them, with `{}`
for what changes. Where all of them is made up on the way, the type of the problem is in `kinds`.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.exceptions import HTTPException

from hubbub.chat.problem import of_http

ROOT = Path(__file__).parents[2]
CHAT = ROOT / "src/hubbub/chat"
TEXTS = ROOT / "web/src/i18n"
LANGUAGES = ("en", "de")

RAISED = {"Refused": 0, "Already": 0, "Early": 0, "QueryError": 0, "need": 1}
"""What says no, and which of its arguments is why."""

PROBLEMS = {"Problem", "later"}

ELSEWHERE = {CHAT / "door.py", CHAT / "http/hooks.py"}
"""What no page of the chat asks for."""

STATUSES = {400, 401, 403, 404, 405, 408, 409, 410, 413, 415, 422, 429, 500}
"""What is said of each where the server has said nothing, or where another one, such as a proxy,
has answered."""


def texts(language: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads((TEXTS / language / "refusals.json").read_text())
    return found


def constants(tree: ast.Module) -> dict[str, str]:
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value.value, str)
    }


def trees() -> list[ast.Module]:
    return [ast.parse(path.read_text()) for path in CHAT.rglob("*.py")]


NAMED = {name: text for tree in trees() for name, text in constants(tree).items()}


def words(node: ast.expr) -> str | None:
    """What is said there, with `{}` for what changes; None for what another one says."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.Name):
        return NAMED.get(node.id)
    if isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        return "".join(map(str, parts))
    return None


def calls() -> Iterator[tuple[str, list[ast.expr]]]:
    for path in CHAT.rglob("*.py"):
        if path in ELSEWHERE:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                yield name, node.args
            elif isinstance(node, ast.FunctionDef) and node.name in RAISED and node.args.defaults:
                yield "Refused", node.args.defaults


def reasons() -> set[str]:
    found = {
        words(args[RAISED[name]])
        for name, args in calls()
        if name in RAISED and len(args) > RAISED[name]
    }
    return {one for one in found if one is not None}


def problems() -> set[tuple[str, str | None]]:
    """The type and the words of each."""
    found = set()
    for name, args in calls():
        slug = args[1] if name in PROBLEMS and len(args) > 1 else None
        if isinstance(slug, ast.Constant) and isinstance(slug.value, str):
            found.add((slug.value, words(args[2]) if len(args) > 2 else None))
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_refusal_has_words_in_this_language(language: str) -> None:
    told = texts(language)
    assert reasons() - set(told["reasons"]) == set()
    untold = {
        slug
        for slug, said in problems()
        if slug not in told["kinds"] and said not in told["reasons"]
    }
    assert untold == set()
    assert {str(status) for status in STATUSES} == set(told["statuses"])
    assert all(text.strip() for part in told.values() for text in part.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_words_are_left_of_what_is_not_refused_any_more(language: str) -> None:
    told = texts(language)
    assert set(told["reasons"]) <= reasons() | {said for _, said in problems()}
    assert set(told["kinds"]) <= {slug for slug, _ in problems()}


def test_types_of_statuses_are_the_same_in_every_python() -> None:
    large, unprocessable = (of_http(HTTPException(status)).slug for status in (413, 422))
    assert (large, unprocessable) == ("too-large", "unprocessable")
