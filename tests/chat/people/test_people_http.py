"""The people's routes: cookies, origins, and who may do what."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from sqlalchemy import Connection, update
from starlette.responses import Response
from tests.support.people import PASSWORD, Browser, Scene, application

from hubbub.chat.people.http.origin import may_act
from hubbub.chat.people.logins import LOGIN_S
from hubbub.chat.problem import MEDIA_TYPE
from hubbub.chat.schema import users
from hubbub.chat.web import PREFIX

Open = Callable[..., Browser]


@pytest.fixture
async def browser(scene: Scene) -> AsyncIterator[Open]:
    """Opens another browser."""
    browsers: list[Browser] = []

    def open(**how: Any) -> Browser:
        browsers.append(Browser(scene.people, **how))
        return browsers[-1]

    yield open
    for one in browsers:
        await one.aclose()


@pytest.fixture
async def root(scene: Scene, browser: Open) -> Browser:
    """The administrator's browser."""
    root = browser()
    made = await root.post(
        "/users",
        json={"name": "root", "display": "Root", "password": PASSWORD, "code": scene.code},
    )
    assert made.status_code == 201, made.text
    return root


async def invited(root: Browser, open: Open, name: str) -> tuple[Browser, dict[str, Any]]:
    """The browser and the profile of somebody who has just signed up."""
    code = (await root.post("/admin/invitations", json={})).json()["code"]
    browser = open()
    body = {"name": name, "display": name.title(), "password": PASSWORD, "code": code}
    made = await browser.post("/users", json=body)
    assert made.status_code == 201, made.text
    return browser, made.json()["user"]


def hold(answer: httpx.Response, status: int, slug: str) -> None:
    """Hold that `answer` is this problem."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, MEDIA_TYPE), answer.text
    assert answer.json()["type"] == f"/problems/{slug}"


# The session.


async def test_page_learns_what_it_needs_before_anybody_is_signed_in(
    browser: Open, scene: Scene
) -> None:
    answer = (await browser().get("/server")).json()
    assert answer == {
        "name": "hubbub",
        "sign_up": "invitation",
        "guests": False,
        "set_up": False,
        "providers": [],
        "limits": {"file_bytes": 1_000_000, "files": 3, "text": 500},
        "session": None,
    }
    await scene.admin()
    assert (await browser().get("/server")).json()["set_up"] is True


async def test_page_learns_with_it_who_is_signed_in(root: Browser, browser: Open) -> None:
    answer = await root.get("/server")
    assert answer.json()["session"] == (await root.get("/session")).json()
    assert "set-cookie" in answer.headers  # for as long again
    stranger = browser()
    stranger.cookies.set("__Host-hubbub", "guessed")
    answer = await stranger.get("/server")
    assert (answer.status_code, answer.json()["session"]) == (200, None)
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("scheme", "cookie"),
    [
        ("https", f"__Host-hubbub={{}}; HttpOnly; Max-Age={LOGIN_S}; Path=/; SameSite=lax; Secure"),
        ("http", f"hubbub={{}}; HttpOnly; Max-Age={LOGIN_S}; Path=/; SameSite=lax"),
    ],
)
async def test_login_is_a_cookie_that_no_script_and_no_other_site_uses(
    scene: Scene, browser: Open, scheme: str, cookie: str
) -> None:
    await scene.admin()
    ann = browser(scheme=scheme)
    answer = await ann.sign_in("root")
    secret = ann.cookies[cookie.split("=")[0]]
    assert answer.headers["set-cookie"] == cookie.format(secret)
    assert answer.headers["cache-control"] == "no-store"
    assert len(secret) >= 43 and secret not in answer.text
    session = (await ann.get("/session")).json()
    assert session == answer.json()
    assert session["user"]["name"] == "root" and session["user"]["admin"] is True
    # As long as somebody comes, the browser keeps it, too.
    assert cookie.format(secret) == (await ann.get("/session")).headers["set-cookie"]


async def test_cookie_of_one_scheme_is_none_of_the_other(scene: Scene, browser: Open) -> None:
    await scene.admin()
    ann = browser()
    await ann.sign_in("root")
    plain = browser(scheme="http")
    plain.cookies.set("__Host-hubbub", ann.cookies["__Host-hubbub"])
    assert (await plain.get("/session")).status_code == 401
    ann.cookies.set("hubbub", "x")
    assert (await ann.get("/session")).status_code == 200


async def test_who_signs_out_is_nobody_here_and_somebody_elsewhere(
    scene: Scene, browser: Open, root: Browser
) -> None:
    other = browser()
    login = (await other.sign_in("root")).json()["login"]
    stolen = other.cookies["__Host-hubbub"]
    answer = await other.delete("/session")
    assert answer.status_code == 204 and "Max-Age=0" in answer.headers["set-cookie"]
    assert [ended for _, ended in scene.ended] == [login]
    assert "__Host-hubbub" not in other.cookies
    other.cookies.set("__Host-hubbub", stolen)
    hold(await other.get("/session"), 401, "sign-in")
    assert (await root.get("/session")).status_code == 200
    assert (await other.delete("/session")).status_code == 204


async def test_signing_in_again_takes_the_place_of_the_login_there_was(
    scene: Scene, browser: Open, root: Browser
) -> None:
    before = (await root.get("/session")).json()["login"]
    after = (await root.sign_in("root")).json()["login"]
    assert before != after and [ended for _, ended in scene.ended] == [before]
    assert [one["id"] for one in (await root.get("/session/logins")).json()["items"]] == [after]


async def test_own_logins_are_shown_and_ended(scene: Scene, root: Browser, browser: Open) -> None:
    others = [browser() for _ in range(3)]
    for one in others:
        await one.post(
            "/session",
            json={"name": "root", "password": PASSWORD},
            headers={"User-Agent": "Other\x1b[1m"},
        )
    items = (await root.get("/session/logins")).json()["items"]
    assert [one["current"] for one in items].count(True) == 1
    assert {one["agent"] for one in items} == {"Browser/1", "Other[1m"}
    other = next(one["id"] for one in items if not one["current"])
    assert (await root.delete(f"/session/logins/{other}")).status_code == 204
    hold(await root.delete(f"/session/logins/{other}"), 404, "no-such-login")
    assert (await root.delete("/session/logins")).json() == {"ended": 2}
    assert len(scene.ended) == 3
    assert [(await one.get("/session")).status_code for one in others] == [401] * 3
    assert (await root.get("/session")).status_code == 200


async def test_wrong_password_is_told_so_and_guessing_is_turned_away(
    scene: Scene, browser: Open, root: Browser
) -> None:
    mallory = browser(place="198.51.100.66")
    for _ in range(10):
        hold(await mallory.sign_in("root", "a wrong one"), 401, "wrong-credentials")
    answer = await mallory.sign_in("root", "a wrong one")
    hold(answer, 429, "too-many-tries")
    assert answer.headers["retry-after"] == "30"
    assert (await browser().sign_in("root")).status_code == 200


async def test_password_is_changed_and_reset(scene: Scene, browser: Open, root: Browser) -> None:
    ann, profile = await invited(root, browser, "ann")
    change = {"current": PASSWORD, "new": "another password"}
    assert (await ann.put("/session/password", json=change)).status_code == 204
    hold(await ann.put("/session/password", json=change), 403, "wrong-password")
    link = await root.post(f"/admin/users/{profile['id']}/password-link")
    code = link.json()["code"]
    other = browser()
    look = (await other.post("/passes/look", json={"code": code})).json()
    assert (look["purpose"], look["user"]["name"]) == ("password", "ann")
    body = {"code": code, "password": "a third password"}
    assert (await other.post("/session/password", json=body)).json()["user"] == profile
    assert (await other.get("/session")).status_code == 200
    assert (await ann.get("/session")).status_code == 401
    hold(await other.post("/session/password", json=body), 403, "wrong-code")


async def test_guest_comes_in_once(scene: Scene, browser: Open, root: Browser) -> None:
    gus = browser()
    hold(await gus.post("/session/guest", json={"display": "Gus"}), 403, "guests-off")
    await root.patch("/admin/settings", json={"guests": True})
    made = await gus.post("/session/guest", json={"display": "Gus"})
    assert made.status_code == 201
    user = made.json()["user"]
    assert (user["kind"], user["name"], user["initials"]) == ("guest", None, "G")
    hold(await gus.post("/session/guest", json={"display": "Gus again"}), 409, "signed-in")
    # Whom they hear of they may look up, and nobody else.
    assert (await gus.get("/users", params={"id": user["id"]})).json()["items"] == [user]
    hold(await gus.get("/users"), 403, "no-guests")
    changed = await gus.patch("/users/me", json={"display": "Gus the Great"})
    assert changed.json()["display"] == "Gus the Great"


async def test_socket_gets_a_token_from_the_login(scene: Scene, root: Browser) -> None:
    made = (await root.post("/session/token")).json()
    who = await scene.people.verify_socket_token(made["token"])
    session = (await root.get("/session")).json()
    assert who is not None
    assert (who.id, who.login) == (session["user"]["id"], session["login"])
    assert made["expires_at"] == int((scene.now() + 300) * 1000)


# Whose page it is.


@pytest.mark.parametrize(
    ("headers", "may"),
    [
        ({"origin": "https://chat.example"}, True),
        ({"origin": "https://CHAT.example:443"}, True),
        ({"origin": "https://app.example"}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-origin", "origin": "null"}, True),
        ({}, False),
        ({"origin": ""}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://chat.example"}, False),
        ({"origin": "https://chat.example:8443"}, False),
        ({"origin": "https://chat.example."}, False),
        ({"origin": "https://chat.example.evil.example"}, False),
        ({"origin": "https://evil-chat.example"}, False),
        ({"origin": "https://chat.example/"}, False),
        ({"origin": "https://user@chat.example"}, False),
        ({"sec-fetch-site": "same-site", "origin": "https://evil.example"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "https://evil.example"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "https://app.example"}, True),
    ],
)
def test_page_that_may_act(headers: dict[str, str], may: bool) -> None:
    allowed = ["https://App.example/", "*"]
    assert may_act(headers, "https", "chat.example", allowed) is may


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
    ],
)
async def test_page_of_another_site_changes_nothing(
    scene: Scene, browser: Open, root: Browser, headers: dict[str, str]
) -> None:
    del root.headers["origin"]
    me = (await root.get("/session", headers=headers)).json()["user"]["id"]
    before = await scene.people.administration.deeds(None, 100)
    for method, path in (
        ("POST", "/session"),
        ("POST", "/users"),
        ("POST", "/session/guest"),
        ("DELETE", "/session"),
        ("POST", "/session/token"),
        ("DELETE", "/session/logins"),
        ("PUT", "/session/password"),
        ("POST", "/session/password"),
        ("POST", "/passes/look"),
        ("PATCH", "/users/me"),
        ("PATCH", "/admin/settings"),
        ("POST", f"/admin/users/{me}/disable"),
        ("POST", "/admin/invitations"),
    ):
        hold(await root.request(method, path, headers=headers, json={}), 403, "other-origin")
    assert await scene.people.administration.deeds(None, 100) == before
    assert scene.ended == []
    signing_in = {"name": "root", "password": PASSWORD}
    hold(await root.post("/session", headers=headers, json=signing_in), 403, "other-origin")


async def test_cookie_without_a_page_changes_nothing_and_a_program_signs_in(
    scene: Scene, browser: Open, root: Browser
) -> None:
    del root.headers["origin"]
    hold(await root.post("/session/token"), 403, "other-origin")
    program = browser()
    del program.headers["origin"]
    assert (await program.sign_in("root")).status_code == 200


async def test_bot_shows_its_key_and_needs_no_page(
    scene: Scene, browser: Open, root: Browser
) -> None:
    bot = (await root.post("/admin/bots", json={"name": "bot", "display": "Bot"})).json()
    keys = f"/admin/bots/{bot['id']}/keys"
    key = (await root.post(keys, json={"name": "builds"})).json()
    assert key["key"].startswith("hubbub_")
    listed = await root.get(keys)
    assert [one["id"] for one in listed.json()["items"]] == [key["id"]]
    assert key["key"] not in listed.text
    program = browser()
    program.headers = httpx.Headers({"Authorization": f"bearer {key['key']}"})
    me = await program.get("/session")
    assert me.json() == {"user": bot, "login": key["id"]}
    assert "set-cookie" not in me.headers
    assert (await program.patch("/users/me", json={"status": "busy"})).json()["status"] == "busy"
    token = (await program.post("/session/token")).json()["token"]
    assert (await scene.people.verify_socket_token(token)) is not None
    hold(await program.get("/admin/audit"), 403, "administrators-only")
    # Signing out is for logins: the key stays.
    await program.delete("/session")
    assert (await program.get("/session")).status_code == 200
    assert (await root.delete(f"{keys}/{key['id']}")).status_code == 204
    hold(await program.get("/session"), 401, "sign-in")


async def test_wrong_key_is_nobody_whatever_the_cookie_says(root: Browser) -> None:
    hold(await root.get("/session", headers={"Authorization": "Bearer x"}), 401, "sign-in")
    wrong = await root.post("/session/token", headers={"Authorization": "Bearer hubbub_x"})
    hold(wrong, 401, "sign-in")
    other = await root.get("/session", headers={"Authorization": "Basic eDp5"})
    assert other.status_code == 200, "somebody else's header, a proxy's for one"


# People, as others see them.


async def test_people_are_looked_through_page_by_page(
    scene: Scene, browser: Open, root: Browser
) -> None:
    for name in ("ann", "bob", "cid"):
        await invited(root, browser, name)
    found, cursor = [], ""
    while True:
        page = (
            await root.get(
                "/users", params={"limit": 3, "cursor": cursor} if cursor else {"limit": 3}
            )
        ).json()
        found += [one["name"] for one in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == ["ann", "bob", "cid", "root"]
    assert [one["name"] for one in (await root.get("/users?q=BO")).json()["items"]] == ["bob"]
    for wrong in ("x", "WzFd"):
        hold(await root.get("/users", params={"cursor": wrong}), 400, "cursor")
    for query in ("q=%00", "id=%00", "limit=0", "limit=201", "cursor=" + "x" * 600):
        hold(await root.get("/users?" + query), 422, "invalid")
    nobody = browser()
    for path in ("/users", "/users/u1", "/users/u1/avatar", "/users?id=u1"):
        hold(await nobody.get(path), 401, "sign-in")


async def test_profile_is_seen_and_changed(scene: Scene, browser: Open, root: Browser) -> None:
    ann, profile = await invited(root, browser, "ann")
    assert (await root.get(f"/users/{profile['id']}")).json() == profile
    changed = (await ann.patch("/users/me", json={"status": "away"})).json()
    assert changed == {**profile, "status": "away"}
    hold(await ann.patch("/users/me", json={"admin": True}), 422, "invalid")
    hold(await ann.patch("/users/me", json={"display": "\u202eevil"}), 422, "display")
    for wrong in ("u0", "-", "x" * 64):
        hold(await root.get(f"/users/{wrong}"), 404, "no-such-user")
    for wrong in ("a%00b", "x" * 65, "a%0d%0ab"):
        hold(await root.get(f"/users/{wrong}"), 422, "invalid")


async def test_generated_picture_is_safe_to_open(
    scene: Scene, browser: Open, root: Browser
) -> None:
    ann, profile = await invited(root, browser, "ann")
    await ann.patch("/users/me", json={"display": "<script> &x"})
    path = profile["avatar"].removeprefix(PREFIX)
    answer = await root.get(path)
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"].startswith("private")
    drawn = ElementTree.fromstring(answer.text)
    assert [part.tag.rpartition("}")[2] for part in drawn.iter()] == ["svg", "rect", "text"]
    assert drawn[1].text == "<&"
    assert drawn[0].get("fill") == profile["color"]


async def test_picture_that_was_brought_is_served_by_who_keeps_it(
    scene: Scene, browser: Open, root: Browser
) -> None:
    kept = {"f1": b"a picture"}

    async def picture(file: str) -> Response | None:
        return Response(kept[file], media_type="image/png") if file in kept else None

    scene.people.avatars = picture
    me = (await root.get("/session")).json()["user"]["id"]
    await scene.tables.write(_pictured, me, "f1")
    profile = (await root.get(f"/users/{me}")).json()
    answer = await root.get(profile["avatar"].removeprefix(PREFIX))
    assert (answer.content, answer.headers["content-type"]) == (b"a picture", "image/png")
    del kept["f1"]
    gone = await root.get(f"/users/{me}/avatar")
    assert gone.headers["content-type"] == "image/svg+xml"


# Administrators.


async def test_administration_is_for_administrators(
    scene: Scene, browser: Open, root: Browser
) -> None:
    ann, profile = await invited(root, browser, "ann")
    app = application(scene.people).openapi()
    paths = [(path, methods) for path, methods in app["paths"].items() if "/admin/" in path]
    assert len(paths) >= 12
    for path, methods in paths:
        for method in methods:
            where = path.removeprefix(PREFIX).format(id=profile["id"], key="k1")
            for who, status, slug in (
                (ann, 403, "administrators-only"),
                (browser(), 401, "sign-in"),
            ):
                hold(await who.request(method.upper(), where, json={}), status, slug)
    assert [one.action for one in await scene.people.administration.deeds(None, 10)] == [
        "invited",
        "administrator",
    ]


async def test_administrator_looks_after_people(scene: Scene, browser: Open, root: Browser) -> None:
    ann, profile = await invited(root, browser, "ann")
    id = profile["id"]
    assert (await root.get("/admin/users", params={"kind": "bot"})).json()["items"] == []
    hold(await root.get("/admin/users", params={"kind": "dog"}), 422, "invalid")
    first = (await root.get("/admin/users", params={"limit": 1})).json()
    rest = (await root.get("/admin/users", params={"limit": 1, "cursor": first["next"]})).json()
    assert {one["name"] for one in first["items"] + rest["items"]} == {"ann", "root"}
    assert rest["next"] is None
    assert (await root.put(f"/admin/administrators/{id}")).json()["admin"] is True
    assert (await ann.get("/admin/settings")).status_code == 200
    assert (await root.delete(f"/admin/administrators/{id}")).json()["admin"] is False
    hold(await ann.get("/admin/settings"), 403, "administrators-only")
    me = (await root.get("/session")).json()["user"]["id"]
    hold(await root.delete(f"/admin/administrators/{me}"), 409, "last-administrator")
    assert (await root.delete(f"/admin/users/{id}/logins")).json() == {"ended": 1}
    assert (await root.post(f"/admin/users/{id}/disable")).json()["disabled"] is True
    hold(await ann.sign_in("ann"), 401, "wrong-credentials")
    assert (await root.post(f"/admin/users/{id}/enable")).json()["disabled"] is False
    assert (await ann.sign_in("ann")).status_code == 200


async def test_administrator_makes_and_revokes_invitations(root: Browser) -> None:
    made = (await root.post("/admin/invitations", json={"uses": 3, "seconds": None})).json()
    assert (made["purpose"], made["uses"], made["expires_at"]) == ("account", 3, None)
    listed = await root.get("/admin/passes")
    assert [one["id"] for one in listed.json()["items"]] == [made["id"]]
    assert made["code"] not in listed.text
    look = await root.post("/passes/look", json={"code": made["code"]})
    assert look.json()["purpose"] == "account"
    assert (await root.delete(f"/admin/passes/{made['id']}")).status_code == 204
    hold(await root.post("/passes/look", json={"code": made["code"]}), 403, "wrong-code")
    for wrong in ({"uses": 0}, {"seconds": 1}, {"uses": 10**6}, {"for": "ann"}):
        hold(await root.post("/admin/invitations", json=wrong), 422, "invalid")


async def test_administrator_sets_the_server(scene: Scene, root: Browser) -> None:
    before = (await root.get("/admin/settings")).json()
    assert before == {"name": "hubbub", "sign_up": "invitation", "guests": False}
    changed = (await root.patch("/admin/settings", json={"name": "a place"})).json()
    assert changed == {**before, "name": "a place"} == (await root.get("/admin/settings")).json()
    for wrong in ({"sign_up": "everybody"}, {"name": ""}, {"name": "a\x00"}, {"key": "x"}):
        hold(await root.patch("/admin/settings", json=wrong), 422, "invalid")
    pages = [(await root.get("/admin/audit", params={"limit": 1})).json()]
    pages.append((await root.get("/admin/audit", params={"cursor": pages[0]["next"]})).json())
    assert [one["action"] for page in pages for one in page["items"]] == [
        "settings",
        "administrator",
    ]
    assert pages[0]["items"][0]["detail"] == {"name": {"from": "hubbub", "to": "a place"}}
    hold(await root.get("/admin/audit", params={"cursor": "WyJhIl0"}), 400, "cursor")


# What nobody is to read anywhere.


async def test_secrets_are_in_no_log_and_in_no_error(
    scene: Scene, browser: Open, root: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    """A-6."""
    caplog.set_level(logging.DEBUG)
    planted = "planted-secret-0123456789"
    secrets = [planted, PASSWORD, scene.code, root.cookies["__Host-hubbub"]]
    answers: list[httpx.Response] = []
    ann, profile = await invited(root, browser, "ann")
    secrets.append(ann.cookies["__Host-hubbub"])
    bodies: list[dict[str, Any]] = [
        {"name": "root", "password": planted},
        {"name": "root", "password": planted, "more": planted},
        {"name": planted, "password": planted},
        {"name": 1, "password": [planted]},
        {"password": planted},
    ]
    answers += [await ann.post("/session", json=body) for body in bodies]
    for path in ("/users", "/session/password"):
        for password in (planted, planted * 100, "x"):
            body = {"name": "x y", "display": "", "password": password, "code": planted}
            answers.append(await ann.post(path, json=body))
    answers.append(await ann.post("/passes/look", json={"code": planted * 20}))
    answers.append(await ann.put("/session/password", json={"current": planted, "new": planted}))
    answers.append(await ann.post("/session", content=f'{{"password": "{planted}"'))
    key = {"Authorization": f"Bearer hubbub_{planted}"}
    answers.append(await ann.get("/session", headers=key))
    token = (await root.post("/session/token")).json()["token"]
    assert await scene.people.verify_socket_token(token + planted) is None
    secrets.append(token)
    link = await root.post(f"/admin/users/{profile['id']}/password-link")
    secrets.append(link.json()["code"])
    await browser().post(
        "/session/password", json={"code": link.json()["code"], "password": "another password"}
    )
    assert all(400 <= answer.status_code < 500 for answer in answers)
    told = caplog.text + "".join(answer.text + str(answer.headers) for answer in answers)
    assert caplog.records, "there is a log to look through"
    assert [secret for secret in secrets if secret in told] == []
    urls = [str(one.url) for one in answers]
    assert not any(secret in url for url in urls for secret in secrets)


async def test_documentation_names_every_error_as_a_problem(scene: Scene) -> None:
    schema = application(scene.people).openapi()
    operations = [
        (path, method, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    assert len(operations) >= 35
    for path, method, operation in operations:
        for status, response in operation["responses"].items():
            if status == "default" or int(status) >= 400:
                assert set(response["content"]) == {MEDIA_TYPE}, (path, method, status)
        assert "default" in operation["responses"]
        assert all(one["name"] != "cursor_" for one in operation.get("parameters", ()))
    assert "HTTPValidationError" not in schema["components"]["schemas"]


def _pictured(connection: Connection, user: str, file: str) -> None:
    connection.execute(update(users).where(users.c.id == user).values(avatar=file))
