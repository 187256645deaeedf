"""The rooms that there are for clients: a channel for each pattern and each namespace."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from hubbub.embed.api_bodies import ClientInfo
from hubbub.embed.asyncapi.draft import Draft, message
from hubbub.embed.asyncapi.protocol import GROUP
from hubbub.embed.asyncapi.schemas import Schema, name_of, parts_of
from hubbub.engine.rules import PARAMETER, Rule

if TYPE_CHECKING:
    from hubbub.embed.rooms import Rooms

OPTIONS = "x-options"
"""The key of what a room's options are, where they are not the usual ones."""

ANYTHING, ONE_PART = "Anything.", 'Anything without ":" in it.'

_OTHERS = "join", "leave", "publish"
"""What messages that are no publications are called."""

_LIMITED = "A name that ends in # and users, as `dialog#42,43`, is for these users alone."


def add_room(
    draft: Draft,
    rule: Rule,
    pattern: str,
    rooms: Rooms[Any] | None,
    servers: Sequence[str],
    *,
    text: bool = False,
) -> None:
    """Write the channel of the rooms of `rule`, which are called by `pattern`.

    `text` is whether the text door leads into them.
    """
    id, options = _unused(pattern, draft.channels), rule.options
    heard = _heard(draft, Any if rooms is None else rooms.heard, text)
    asked, seen = {}, {}
    if _may_be_published(rule, rooms):
        asked = _published(draft, Any if rooms is None else rooms.taken)
    if options.join_leave or options.force_push_join_leave:
        info = draft.schemas.of(ClientInfo, group=GROUP)
        seen = {
            "join": message(info, "join", "Who came"),
            "leave": message(info, "leave", "Who left"),
        }
    draft.channel(
        id,
        PARAMETER.sub(r"{\1}", pattern),
        {**heard, **asked, **seen},
        servers,
        title=pattern,
        description=_LIMITED if options.allow_user_limited_channels else "",
        parameters={
            match[1]: {"description": ANYTHING if match[2] else ONE_PART}
            for match in PARAMETER.finditer(pattern)
        },
        **{OPTIONS: options.model_dump(mode="json", exclude_defaults=True)},
    )
    draft.sends(f"{id}.hear", id, heard, summary="What its members hear")
    if asked:
        draft.receives(f"{id}.publish", id, asked, summary="What clients publish")
    if seen:
        draft.sends(f"{id}.watch", id, seen, summary="Who comes and goes")


def _heard(draft: Draft, kind: Any, text: bool) -> dict[str, Schema]:
    """Publications: a message for each part of a union, so that each is found by its name."""
    found: dict[str, Schema] = {}
    for part in parts_of(kind):
        name = name_of(part) or "publication"
        found[_unused(name, [*found, *_OTHERS])] = message(draft.schemas.of(part), name)
    if text and kind is not Any:
        said = {"type": "string", "pattern": "^Room "}
        found[_unused("text", found)] = message(said, "text", "What the text door has brought")
    return found


def _published(draft: Draft, kind: Any) -> dict[str, Schema]:
    """By names that no publication has."""
    found: dict[str, Schema] = {}
    for part in parts_of(kind):
        name = name_of(part)
        id = _unused(f"publish.{name}" if name else "publish", found)
        found[id] = message(draft.schemas.of(part, "validation"), name or "publish")
    return found


def _may_be_published(rule: Rule, rooms: Rooms[Any] | None) -> bool:
    """Whether any client can be let publish there, as far as that can be known beforehand."""
    options = rule.options
    if options.allow_publish_for_client or options.allow_publish_for_subscriber or rule.on_publish:
        return True
    # What a hook grants is said in the hook. Rooms that have events and no messages of clients
    # are spoken in by the server.
    return rule.on_join is not None and rooms is not None and not rooms.only_heard


def _unused(wanted: str, taken: Iterable[str]) -> str:
    name = re.sub(r"[^a-zA-Z0-9.]+", "_", wanted).strip("_") or "rooms"
    names, number, made = set(taken), 1, name
    while made in names:
        number += 1
        made = f"{name}_{number}"
    return made
