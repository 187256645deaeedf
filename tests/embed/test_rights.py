"""Every right, for every kind of user and membership, held against a table written by hand."""

from itertools import product
from typing import Any

from fastapi import FastAPI

from hubbub import Grant, Hub, Identity, Join, Refused, Settings
from hubbub.testing import Rejected, RoomClient, TestHub

ACTIONS = ("publish", "history", "presence", "presence_stats")
GRANTS: dict[str, bool | None] = {"yes": True, "no": False, "silent": None}
SWITCHES = list(product([False, True], repeat=3))
USERS: dict[str, Any] = {"ann": "ann", "nobody": Identity(), "banned": "banned"}


def name_of(switches: tuple[bool, ...]) -> str:
    return "r" + "".join(str(int(one)) for one in switches)


def expected(
    switches: tuple[bool, ...], user: str, member: bool, granted: bool | None
) -> bool | None:
    """What is answered: yes, no, or None where nobody could be a member at all."""
    for_client, for_subscriber, for_anonymous = switches
    if member and user == "banned":
        return None
    if member and granted is not None:
        return granted
    if user == "nobody" and not for_anonymous:
        return False
    return for_client or (member and for_subscriber)


async def may(client: RoomClient, action: str, room: str) -> bool:
    given = {"channel": room, **({"data": 1} if action == "publish" else {})}
    try:
        await client.command(action, **given)
    except Rejected as rejected:
        assert rejected.code == 103, rejected
        return False
    return True


def make_hub() -> Hub:
    hub = Hub(settings=Settings(anonymous=True, channel_limit=1000))
    for switches in SWITCHES:
        for_client, for_subscriber, for_anonymous = switches
        options: dict[str, Any] = {"history_size": 5, "presence": True}
        for right in ("publish", "history", "presence"):
            options[f"allow_{right}_for_client"] = for_client
            options[f"allow_{right}_for_subscriber"] = for_subscriber
            options[f"allow_{right}_for_anonymous"] = for_anonymous
        rooms = hub.rooms(f"{name_of(switches)}:{{grant}}", **options)

        @rooms.on_join
        async def may_join(join: Join) -> Grant:
            if join.user == "banned":
                raise Refused
            granted = GRANTS[join.params["grant"]]
            return Grant(publish=granted, history=granted, presence=granted)

    return hub


async def test_the_answer_to_every_question_is_what_the_table_says() -> None:
    hub = make_hub()
    app = FastAPI(lifespan=hub.lifespan)
    app.include_router(hub.router)
    async with TestHub(app) as test:
        clients = {name: await test.connect(user=user) for name, user in USERS.items()}
        asked = 0
        for switches, (grant, granted), (user, client), member, action in product(
            SWITCHES, GRANTS.items(), clients.items(), (False, True), ACTIONS
        ):
            room = f"{name_of(switches)}:{grant}"
            wanted = expected(switches, user, member, granted)
            if member:
                try:
                    await client.join(room)
                except Rejected as rejected:
                    assert (rejected.code, wanted) == (103, None)
                    assert not len(hub.room(room))
                    continue
            assert wanted is await may(client, action, room), (room, user, member, action)
            asked += 1
            if member:
                await client.leave(room)
        assert asked == 8 * 3 * (3 + 2) * 4


async def test_what_was_granted_ends_with_the_membership() -> None:
    hub = make_hub()
    app = FastAPI(lifespan=hub.lifespan)
    app.include_router(hub.router)
    room = f"{name_of((False, False, False))}:yes"
    async with TestHub(app) as test:
        ann = await test.connect(user="ann")
        for how in ("leave", "unsubscribe"):
            await ann.join(room)
            for action in ACTIONS:
                assert await may(ann, action, room)
            if how == "leave":
                await ann.leave(room)
            else:
                hub.unsubscribe("ann", room)
            for action in ACTIONS:
                assert not await may(ann, action, room)
