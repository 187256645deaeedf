"""What a server writes down of requests whose address holds a secret (A-6)."""

from __future__ import annotations

import logging
from pathlib import Path

import httpx
import pytest
from tests.support.chat import QUICK
from tests.support.server import serving

from hubbub import Hub
from hubbub.chat import Options, create_app
from hubbub.chat.people.passwords import Passwords
from hubbub.chat.web import PREFIX

SECRET = "Planted-in-the-address"


async def test_an_access_log_has_every_request_and_none_of_the_secrets(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options(
        files=str(tmp_path / "files"), announce=lambda said: None, passwords=Passwords(QUICK)
    )
    app = create_app(Hub(f"sqlite:///{tmp_path}/chat.db", migrate=True), options)
    caplog.set_level(logging.INFO)
    # Other servers of this process may have wanted no such log.
    access = logging.getLogger("uvicorn.access")
    for name, value in (("level", access.level), ("propagate", True), ("disabled", False)):
        monkeypatch.setattr(access, name, value)
    access.setLevel(logging.INFO)
    asked = [
        ("POST", f"/hooks/h1/{SECRET}"),
        ("GET", f"/hooks/h1/{SECRET}"),
        ("POST", f"/hooks/h1/{SECRET}/{SECRET}?x=1"),
        ("GET", f"/invites/{SECRET}"),
        ("POST", f"/invites/{SECRET}/join"),
    ]
    async with serving(app, access_log=True) as server, httpx.AsyncClient() as client:
        for method, path in asked:
            url = f"http://127.0.0.1:{server.port}{PREFIX}{path}"
            answer = await client.request(method, url, content=b"{}")
            assert answer.status_code >= 400 and SECRET not in answer.text
    # A record comes twice where pytest listens to the logger itself, too.
    records = {id(one): one for one in caplog.records if one.name == "uvicorn.access"}
    logged = [one.getMessage() for one in records.values()]
    assert len(logged) == len(asked) and f"{PREFIX}/hooks/h1/-" in logged[0]
    for one in caplog.records:
        if not one.name.startswith("http"):  # the client's own log is not ours
            assert SECRET not in one.getMessage(), one.name
