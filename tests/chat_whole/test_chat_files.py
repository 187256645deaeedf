"""Files in the chat itself: brought, said, seen, deleted, on both databases."""

from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient, Response
from tests.chat.files.blob_laws import listed
from tests.chat.files.pictures import GPS, noted, opened, picture
from tests.support.chat import API, DATABASES, Chat, Database, chat, database

from hubbub import Hub, Refused
from hubbub.chat import Options, create_app
from hubbub.chat import events as e
from hubbub.chat.files.disk import DiskBlobs
from hubbub.chat.files.sweeper import Sweeper
from hubbub.chat.files.uploads import Scan
from hubbub.chat.policy import Role
from hubbub.testing import TestHub

databases = pytest.mark.parametrize("kind", DATABASES)


async def bring(client: AsyncClient, data: bytes, name: str) -> str:
    answer = await client.post(f"{API}/files", content=data, params={"name": name})
    assert answer.status_code == 201, answer.text
    id: str = answer.json()["id"]
    return id


async def have(client: AsyncClient, id: str) -> Response:
    return await client.get(f"{API}/files/{id}")


@databases
async def test_a_file_is_had_by_who_may_read_its_message(kind: Database, tmp_path: Path) -> None:
    async with chat(await database(kind, tmp_path), str(tmp_path / "files")) as place:
        ann = await place.person("ann")
        room = await place.room(ann, "Hall", "bob", kind="private")
        await place.person("eve")
        async with (
            place.browser("ann") as anns,
            place.browser("bob") as bobs,
            place.browser("eve") as eves,
            place.browser() as nobodys,
        ):
            id = await bring(anns, noted("JPEG", (900, 600)), "me.jpg")
            others = [bobs, eves, nobodys]
            assert [(await have(one, id)).status_code for one in others] == [404, 404, 401]
            message = await place.say("ann", room, "look", files=[id])
            mine, bobs_answer, eves_answer, nobodys_answer = [
                await have(one, id) for one in (anns, *others)
            ]
            assert (mine.status_code, bobs_answer.status_code) == (200, 200)
            assert (eves_answer.status_code, nobodys_answer.status_code) == (404, 401)
            assert eves_answer.json() == (await have(eves, "a" * 26)).json()
            assert GPS not in bobs_answer.content
            assert bobs_answer.headers.get_list("content-security-policy") == [
                "default-src 'none'; frame-ancestors 'none'; sandbox"
            ]
            said = (await place.fold("bob", room)).messages[message]
            assert shown(said) == [(id, "me.jpg", "image/jpeg", 900, 600, True)]

            bob = await place.person("bob")
            await place.rooms.do(ann, room, e.Kick(bob.id))
            assert (await have(bobs, id)).status_code == 404
            await place.rooms.do(ann, room, e.Delete(message))
            assert (await have(anns, id)).status_code == 404
            blobs = DiskBlobs(tmp_path / "files")
            assert len(await listed(blobs)) == 2
            await Sweeper(place.hub.tables, blobs).sweep(strays=True)
            assert await listed(blobs) == {}


def shown(message: Any) -> list[tuple[Any, ...]]:
    names = ("id", "name", "type", "width", "height", "preview")
    return [tuple(file[name] for name in names) for file in message["files"]]


@databases
async def test_only_ones_own_files_are_said_and_once(kind: Database, tmp_path: Path) -> None:
    async with chat(await database(kind, tmp_path), str(tmp_path / "files")) as place:
        room = await place.room(await place.person("ann"), "Hall", "bob")
        async with place.browser("ann") as anns, place.browser("bob") as bobs:
            id = await bring(anns, b"text", "a.txt")
            await refused(place, "bob", room, [id])
            await refused(place, "ann", room, [id, await bring(bobs, b"text", "a.txt")])
            await refused(place, "ann", room, ["\0"])
            await place.say("ann", room, "", files=[id, id])
            await refused(place, "ann", room, [id])
            await anns.put(f"{API}/users/me/avatar", content=picture())
            profile = (await anns.get(f"{API}/users/uann")).json()
            await refused(place, "ann", room, [profile["avatar"].rpartition("=")[2]])


async def refused(place: Chat, name: str, room: str, files: list[str]) -> None:
    with pytest.raises(Refused, match="no such file"):
        await place.say(name, room, "look", files=files)


@databases
async def test_people_show_a_picture_of_themselves(kind: Database, tmp_path: Path) -> None:
    async with chat(await database(kind, tmp_path), str(tmp_path / "files")) as place:
        await place.person("ann")
        await place.person("bob")
        async with place.browser("ann") as anns, place.browser("bob") as bobs:
            before = (await bobs.get(f"{API}/users/uann")).json()["avatar"]
            drawn = await bobs.get(before)
            assert drawn.headers["content-type"].startswith("image/svg+xml")
            for sent in (noted("JPEG", (900, 600)), picture("GIF")):
                answer = await anns.put(f"{API}/users/me/avatar", content=sent)
                assert answer.status_code == 204, answer.text
                after = (await bobs.get(f"{API}/users/uann")).json()["avatar"]
                assert after != before
                found = await bobs.get(after)
                assert found.headers["content-type"] == "image/webp"
                assert "sandbox" in found.headers["content-security-policy"]
                assert opened(found.content).size == (256, 256)
                before = after
            await anns.delete(f"{API}/users/me/avatar")
            again = await bobs.get(f"{API}/users/uann/avatar")
            assert again.content == drawn.content


async def test_a_scanner_of_the_applications_is_asked(tmp_path: Path) -> None:
    async def scanner(scan: Scan) -> None:
        raise Refused("not in this house")

    hub = Hub(await database("sqlite", tmp_path))
    options = Options(files=str(tmp_path / "files"), scanner=scanner, announce=lambda text: None)
    app = create_app(hub, options)
    async with TestHub(app) as test, Chat(app, test).browser("ann") as anns:
        answer = await anns.post(f"{API}/files", content=b"text")
        assert (answer.status_code, answer.json()["detail"]) == (422, "not in this house")


async def test_files_of_one_room_are_not_had_through_another(tmp_path: Path) -> None:
    store, files = await database("sqlite", tmp_path), str(tmp_path / "files")
    async with chat(store, files) as place:
        ann, bob = await place.person("ann"), await place.person("bob")
        secret = await place.room(ann, "Secret", kind="private")
        await place.room(bob, "Open", "ann")
        async with place.browser("ann") as anns, place.browser("bob") as bobs:
            id = await bring(anns, b"text", "a.txt")
            await place.say("ann", secret, "look", files=[id])
            assert (await have(bobs, id)).status_code == 404
            await place.rooms.do(ann, secret, e.Add(bob.id))
            assert (await have(bobs, id)).status_code == 200
            await place.rooms.do(ann, secret, e.Appoint(bob.id, Role.OWNER.value))
            await place.rooms.do(ann, secret, e.LeaveRoom())
            assert (await have(anns, id)).status_code == 404  # though it was hers
