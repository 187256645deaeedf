"""The pages tell the truth, as far as a machine can see."""

import ast
import importlib
import re
import runpy
from pathlib import Path

import pytest

import hubbub
from hubbub import model
from hubbub.model import Disconnect

ROOT = Path(__file__).parents[2]
PLACES = ("*.md", "docs/**/*.md", "benchmarks/*.md", "examples/*/*.md")
PAGES = sorted(page for place in PLACES for page in ROOT.glob(place))


def test_the_settings_page_is_what_the_model_says() -> None:
    page = runpy.run_path(str(ROOT / "docs/reference/settings.py"))["page"]()
    assert (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8") == page


def test_every_close_code_of_the_model_is_on_its_page() -> None:
    page = (ROOT / "docs/reference/codes.md").read_text(encoding="utf-8")
    codes = [value for value in vars(model).values() if isinstance(value, Disconnect)]
    assert codes
    for code, reason in codes:
        assert str(code) in page
        if code != 1006:
            assert reason in page


def test_every_public_name_is_on_the_page() -> None:
    page = (ROOT / "docs/reference/api.md").read_text(encoding="utf-8")
    tree = ast.parse(Path(hubbub.__file__).read_text(encoding="utf-8"))
    names = [a.asname for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names]
    assert 0 < len(names) <= 25
    for name in names:
        assert name is not None and name in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_module_names_of_a_page_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / target).exists(), target
    for module in re.findall(r"`(?:wire|engine|transports|embed)/\w+\.py`", text):
        assert (ROOT / "src/hubbub" / module.strip("`")).exists(), module
    for module, name in re.findall(r"(hubbub(?:\.\w+)+):(\w+)", text):
        assert hasattr(importlib.import_module(module), name)


def test_the_mirror_has_a_test_for_every_module_of_the_path() -> None:
    missing = [
        str(path.relative_to(ROOT))
        for folder in ("wire", "engine")
        for path in (ROOT / "src/hubbub" / folder).glob("*.py")
        if path.stem != "__init__"
        and not (ROOT / "tests" / folder / f"test_{path.stem}.py").exists()
        # tests/contracts, test_audience, test_session, a name that tests/test_client.py has, and
        # values alone
        and path.stem not in {"clock", "tick", "outbox", "client", "centrifuge"}
    ]
    assert missing == []
