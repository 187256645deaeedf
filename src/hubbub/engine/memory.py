"""What rooms in memory remember, and for how long: their streams, and what keys were used for."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

from hubbub.engine.once import Once
from hubbub.engine.stream import Stream, Streams
from hubbub.model import Draft, Position

if TYPE_CHECKING:
    from hubbub.contracts import Clock, Timer
    from hubbub.engine.room import Room
    from hubbub.engine.rules import Rule
    from hubbub.settings import Settings

SWEEP_S = 1.0
"""Seconds between two steps of dropping what rooms have remembered long enough."""


class Memory:
    """Of one node, on its clock; positions of the rooms in `live` are not forgotten.

    `sweeping` is the next step of dropping what is too old, None where there is nothing.
    """

    clock: Clock

    def __init__(self, settings: Settings, live: Container[str]) -> None:
        self.streams = Streams(settings.history_meta_ttl)
        self.once = Once(settings.idempotency_window)
        self.sweeping: Timer | None = None
        self._live = live

    def bind(self, clock: Clock) -> None:
        """Go by `clock` from here on."""
        self.stop()
        self.clock = clock
        self._sweep_later()

    def stop(self) -> None:
        if self.sweeping is not None:
            self.sweeping.cancel()
            self.sweeping = None

    def keep(self, name: str, rule: Rule | None) -> Stream | None:
        """The stream of a room that has one, from here on kept."""
        if rule is None or not rule.options.history_size:
            return None
        options = rule.options
        stream = self.streams.open(
            name, options.history_size, options.history_ttl, self.clock.now()
        )
        if self.sweeping is None:
            self._sweep_later()
        return stream

    def look(self, name: str, rule: Rule) -> Stream:
        """The stream of a room, to look at; only for a rule with a history."""
        now = self.clock.now()
        stream = self.streams.get(name)
        if stream is None:
            return self.streams.begin(rule.options.history_size, rule.options.history_ttl, now)
        stream.expire(now)
        return stream

    def publish(
        self, name: str, draft: Draft, stream: Stream | None, room: Room | None
    ) -> Position | None:
        """Remember `draft` in `stream`, if there is one, and have `room` deliver it, if it is live.

        Its position, None without a stream. Raises `Conflict`.
        """
        now = self.clock.now()
        if draft.key:
            done = self.once.find(name, draft, now)
            if done is not None:
                return done[0]
        publication = draft.entry(0)
        position = None
        if stream is not None:
            if draft.version and not stream.renew(draft.version_epoch, draft.version):
                return stream.position
            stream.append(publication, now)
            position = stream.position
        if draft.key:
            self.once.remember(name, draft, position, now)
        if room is not None:
            room.advance(publication)
        return position

    def _sweep_later(self) -> None:
        if len(self.streams):
            self.sweeping = self.clock.call_later(SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        self.sweeping = None
        self.streams.sweep(self.clock.now(), self._live)
        self._sweep_later()
