"""Which rooms there are for clients, and what may be done in them: answered from values alone.

protocol.md section 11. A rule is found by a room's name: patterns first, in the order they were
given, then the namespace before the first ":", then the rooms without one.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hubbub.errors import ConfigurationError, InvalidName
from hubbub.model import MAX_ROOM_NAME, check_room_name
from hubbub.options import RoomOptions
from hubbub.settings import Settings

if TYPE_CHECKING:
    from hubbub.engine.events import Join, Leave, Publish, Ticket

PRIVATE = "$"
BOUNDARY = ":"
USERS = "#"
SEPARATOR = ","

CACHED = 10_000
"""Names whose rule is remembered."""

PARAMETER = re.compile(r"\{([a-zA-Z_][a-zA-Z0-9_]*)(:path)?\}")
"""A part of a pattern that differs between its rooms."""


@lru_cache(maxsize=CACHED)
def _can_be(name: str) -> bool:
    try:
        check_room_name(name)
    except InvalidName:
        return False
    return True


class Rule:
    """The options of the rooms it is for, and what the application wants to be asked."""

    def __init__(self, options: RoomOptions, pattern: str = "") -> None:
        self.options = options
        self.pattern = pattern
        self.regex = _regex_of(pattern) if pattern else None
        self.name_regex = re.compile(options.channel_regex) if options.channel_regex else None
        self.check: Callable[[bytes], bytes] | None = None
        """Takes what somebody wants to publish and gives what is published, both JSON; raises
        ValueError where it may not be."""
        self.on_join: Callable[[Join], Awaitable[Ticket]] | None = None
        self.on_publish: Callable[[Publish[Any]], Awaitable[bytes]] | None = None
        self.on_leave: list[Callable[[Leave], Awaitable[None] | None]] = []

    def params(self, name: str) -> dict[str, str]:
        """The parameters of the pattern in the room's `name`."""
        if self.regex is None:
            return {}
        match = self.regex.fullmatch(name.removeprefix(PRIVATE))
        return match.groupdict() if match else {}

    def allows_name(self, name: str) -> bool:
        if len(name) > MAX_ROOM_NAME or not _can_be(name):
            return False
        if self.name_regex is not None:
            return self.name_regex.fullmatch(name) is not None
        return name.isascii()

    def allows(self, action: str, subscribed: bool, user: str) -> bool:
        """Whether `user` (empty: anonymous) may "publish", or see "history" or "presence"."""
        options = self.options
        if not user and not getattr(options, f"allow_{action}_for_anonymous"):
            return False
        return bool(
            getattr(options, f"allow_{action}_for_client")
            or (subscribed and getattr(options, f"allow_{action}_for_subscriber"))
        )

    def is_user_limited(self, name: str) -> bool:
        """Whether the room's name says who may enter it."""
        return self.options.allow_user_limited_channels and USERS in name

    def lets_in(self, name: str, user: str) -> bool:
        """Whether `user` may subscribe without a token and without being asked about."""
        options = self.options
        if self.is_user_limited(name):
            users = name.rpartition(USERS)[2].split(SEPARATOR)
            return bool(user) and user in users
        return options.allow_subscribe_for_client and (
            bool(user) or options.allow_subscribe_for_anonymous
        )


class Rules:
    """Every rule of a hub."""

    def __init__(self, settings: Settings) -> None:
        self._patterns: list[Rule] = []
        self._namespaces = {name: Rule(o) for name, o in settings.namespaces.items()}
        self.default: Rule | None = None
        self._cache: dict[str, Rule | None] = {}
        self.read_markers = any(o.read_markers for o in settings.namespaces.values())
        """Whether of any rooms it is kept how far they were read."""
        for pattern, options in settings.rooms.items():
            self.add(pattern, options)
        if settings.without_namespace is not None:
            self.default = Rule(settings.without_namespace)
            self.read_markers |= settings.without_namespace.read_markers

    def __bool__(self) -> bool:
        return bool(self._patterns or self._namespaces or self.default)

    @property
    def durable(self) -> str:
        """Which rooms have a log, in words: the first of them; empty where none have."""
        for rule in self._patterns:
            if rule.options.durable:
                return repr(rule.pattern)
        for name, rule in self._namespaces.items():
            if rule.options.durable:
                return f"of the namespace {name!r}"
        return "without a namespace" if self.default and self.default.options.durable else ""

    def named(self) -> Iterator[tuple[str, Rule]]:
        """Every rule, in the order in which a room finds its own, by a pattern of its rooms."""
        for rule in self._patterns:
            yield rule.pattern, rule
        for name, rule in self._namespaces.items():
            yield f"{name}{BOUNDARY}{{room:path}}", rule
        if self.default is not None:
            yield "{room}", self.default

    def add(self, pattern: str, options: RoomOptions) -> Rule:
        """Rooms that match `pattern`, such as "chat:{room}".

        Raises `ConfigurationError` for a pattern that is none, or that there is already.
        """
        for rule in self._patterns:
            if rule.pattern == pattern:
                raise ConfigurationError(f"the rooms {pattern!r} have their rules already")
        rule = Rule(options, pattern)
        self._patterns.append(rule)
        self.read_markers |= options.read_markers
        self._cache.clear()
        return rule

    def find(self, name: str) -> Rule | None:
        """The rule for the room called `name`; None where there is no such room."""
        try:
            return self._cache[name]
        except KeyError:
            rule = self._find(name.removeprefix(PRIVATE))
        if len(name) <= MAX_ROOM_NAME:
            if len(self._cache) >= CACHED:
                self._cache.clear()
            self._cache[name] = rule
        return rule

    def _find(self, name: str) -> Rule | None:
        for rule in self._patterns:
            if rule.regex is not None and rule.regex.fullmatch(name):
                return rule
        namespace, found, _ = name.partition(BOUNDARY)
        return self._namespaces.get(namespace) if found else self.default


def fill(pattern: str, params: dict[str, Any]) -> str:
    """The name of the room of `pattern` with these parameters.

    Raises `InvalidName` where they are not the pattern's, or make a name that it does not match.
    """
    names = [match[1] for match in PARAMETER.finditer(pattern)]
    if set(names) != set(params):
        raise InvalidName(f"the rooms {pattern!r} take {', '.join(names) or 'no parameters'}")
    name = PARAMETER.sub(lambda match: str(params[match[1]]), pattern)
    if not _regex_of(pattern).fullmatch(name):
        raise InvalidName(f"{name!r} is no room of {pattern!r}: a parameter is not empty, no ':'")
    return check_room_name(name)


def _regex_of(pattern: str) -> re.Pattern[str]:
    text, done = "", 0
    for match in PARAMETER.finditer(pattern):
        text += re.escape(pattern[done : match.start()])
        text += f"(?P<{match[1]}>.+)" if match[2] else f"(?P<{match[1]}>[^{BOUNDARY}]+)"
        done = match.end()
    rest = pattern[done:]
    if "{" in rest or "}" in rest:
        raise ConfigurationError(f"{pattern!r} is no pattern of rooms: write it as chat:{{room}}")
    try:
        return re.compile(text + re.escape(rest), re.DOTALL)
    except re.error as error:
        raise ConfigurationError(f"{pattern!r} is no pattern of rooms: {error}") from None
