"""Who is in a room: connections and users, counted apart."""

from __future__ import annotations

from hubbub.model import ClientInfo


class Presence:
    """The connections in one room, by their id; a user is in it as long as one of theirs is.

    Both counts are O(1). The empty user counts as one user (protocol.md section 7.4).
    """

    __slots__ = ("_users", "clients")

    def __init__(self) -> None:
        self.clients: dict[str, ClientInfo] = {}
        self._users: dict[str, int] = {}

    @property
    def num_clients(self) -> int:
        return len(self.clients)

    @property
    def num_users(self) -> int:
        return len(self._users)

    def add(self, info: ClientInfo) -> None:
        if info.client not in self.clients:
            self._users[info.user] = self._users.get(info.user, 0) + 1
        self.clients[info.client] = info

    def discard(self, client: str) -> None:
        info = self.clients.pop(client, None)
        if info is None:
            return
        left = self._users[info.user] - 1
        if left:
            self._users[info.user] = left
        else:
            del self._users[info.user]
