"""What a client of the chat makes of events: the state of a room, as its first page shows it."""

from __future__ import annotations

import copy
from typing import Any

from msgspec.json import decode

Json = dict[str, Any]


class Fold:
    """A room as a client has it: `room`, `members` by user, `messages` by id; plain JSON."""

    def __init__(self, room: Json, members: list[Json], messages: list[Json]) -> None:
        self.room = copy.deepcopy(room)
        self.members = {one["user"]: copy.deepcopy(one) for one in members}
        self.messages = {one["id"]: copy.deepcopy(one) for one in messages}

    @classmethod
    def of(cls, opened: Json) -> Fold:
        """From the first page of a room."""
        return cls(opened["room"], opened["members"], opened["messages"])

    @property
    def state(self) -> Json:
        """To compare with another's."""
        return {
            "room": self.room,
            "members": dict(sorted(self.members.items())),
            "messages": dict(sorted(self.messages.items())),
        }

    def apply(self, offset: int, data: bytes | Json) -> None:
        event: Json = decode(data) if isinstance(data, bytes) else data
        if not offset or offset <= self.room["offset"]:
            return  # of the moment, or known already
        getattr(self, f"_{event['type']}", self._nothing)(offset, event)
        self.room["offset"] = offset

    def _nothing(self, offset: int, event: Json) -> None:
        pass

    def _changed(self, offset: int, event: Json) -> None:
        for name in ("name", "slug", "topic", "kind", "slow", "keep"):
            if name in event:
                self.room[name] = event[name]
        self.room["keep"] = self.room["keep"] or None

    def _archived(self, offset: int, event: Json) -> None:
        self.room["archived_at"] = event["at"]

    def _restored(self, offset: int, event: Json) -> None:
        self.room["archived_at"] = None

    def _joined(self, offset: int, event: Json) -> None:
        user = event["user"]
        self.room["people"] += 1
        self.members[user] = {"user": user, "role": event["role"], "muted_until": 0}

    def _left(self, offset: int, event: Json) -> None:
        self.members.pop(event["user"], None)
        self.room["people"] -= 1

    _kicked = _left

    def _banned(self, offset: int, event: Json) -> None:
        if event.get("member"):
            self._left(offset, event)

    def _muted(self, offset: int, event: Json) -> None:
        if event["user"] in self.members:
            self.members[event["user"]]["muted_until"] = event["until"]

    def _unmuted(self, offset: int, event: Json) -> None:
        self._muted(offset, {**event, "until": 0})

    def _appointed(self, offset: int, event: Json) -> None:
        if event["user"] in self.members:
            self.members[event["user"]]["role"] = event["role"]

    def _message(self, offset: int, event: Json) -> None:
        reply = event.get("reply")
        file = {"width": None, "height": None, "preview": False}
        self.messages[offset] = {
            "id": offset,
            "user": event.get("by", ""),
            "at": event["at"],
            "text": event.get("text", ""),
            "reply": reply and {"text": "", **reply},
            "files": [{**file, **one} for one in event.get("files", [])],
            "mentions": event.get("mentions", []),
            "reactions": [],
            "nonce": event.get("nonce", ""),
            "edited_at": None,
            "deleted_at": None,
            "deleted_by": None,
            "pinned_at": None,
        }
        self.room["last_at"] = event["at"]

    def _gone(self, offset: int, event: Json) -> None:
        if event.get("at"):
            self.room["last_at"] = event["at"]

    def _said(self, event: Json) -> Json | None:
        message = self.messages.get(event["message"])
        return None if message is None or message["deleted_at"] is not None else message

    def _edited(self, offset: int, event: Json) -> None:
        if (message := self._said(event)) is not None:
            if event.get("text") is not None:
                message["text"] = event["text"]
                message["mentions"] = event.get("mentions", [])
            message["edited_at"] = event["at"]

    def _deleted(self, offset: int, event: Json) -> None:
        # Also of one that is not there, because it is from before the first page.
        for other in self.messages.values():
            if other["reply"] is not None and other["reply"]["id"] == event["message"]:
                other["reply"]["text"] = ""
        if (message := self._said(event)) is None:
            return
        message.update(text="", files=[], mentions=[], reactions=[], pinned_at=None)
        message.update(deleted_at=event["at"], deleted_by=event["by"])

    def _reacted(self, offset: int, event: Json) -> None:
        if (message := self._said(event)) is None:
            return
        for one in message["reactions"]:
            if one["emoji"] == event["emoji"]:
                if event["by"] not in one["users"]:
                    one["users"].append(event["by"])
                return
        message["reactions"].append({"emoji": event["emoji"], "users": [event["by"]]})
        message["reactions"].sort(key=lambda one: one["emoji"])

    def _unreacted(self, offset: int, event: Json) -> None:
        if (message := self._said(event)) is None:
            return
        for one in message["reactions"]:
            if one["emoji"] == event["emoji"] and event["by"] in one["users"]:
                one["users"].remove(event["by"])
        message["reactions"] = [one for one in message["reactions"] if one["users"]]

    def _pinned(self, offset: int, event: Json) -> None:
        if (message := self._said(event)) is not None:
            message["pinned_at"] = event["at"]

    def _unpinned(self, offset: int, event: Json) -> None:
        if (message := self._said(event)) is not None:
            message["pinned_at"] = None

    def _expired(self, offset: int, event: Json) -> None:
        before = event["before"]
        self.messages = {id: one for id, one in self.messages.items() if id >= before}
        for one in self.messages.values():
            if one["reply"] is not None and one["reply"]["id"] < before:
                one["reply"]["text"] = ""
