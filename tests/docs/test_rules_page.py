"""What the how-to of rooms with rules shows can be used as it stands."""

import ast
import re
from pathlib import Path

from hubbub import Hub
from hubbub.engine.rules import Rule
from hubbub.settings import load

PAGE = Path(__file__).parents[2] / "docs/how-to/rooms-with-rules.md"


def blocks(language: str) -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_settings_are_good(tmp_path: Path) -> None:
    (toml,) = blocks("toml")
    path = tmp_path / "hubbub.toml"
    path.write_text(toml, encoding="utf-8")
    hub = Hub(settings=load(path))
    rules = [hub.node.rules.find(name) for name in ("chat:7", "team:a:7")]
    assert [isinstance(rule, Rule) and rule.options.history_size for rule in rules] == [100, 20]
    assert hub.node.gate is not None


def test_the_code_is_python() -> None:
    for block in blocks("python"):
        ast.parse(f"async def page():\n{re.sub('^', '    ', block, flags=re.MULTILINE)}")
