"""Rooms with rules: a pattern of names, its options, and what the application wants to be asked."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Signature
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from hubbub.embed.hooks import Model, Wrong, argument_of, json_or_nothing
from hubbub.engine.events import Grant, Join, Leave, Publish, Ticket
from hubbub.engine.handles import RoomHandle
from hubbub.engine.rules import Rule, fill
from hubbub.errors import ConfigurationError, Refused
from hubbub.wire.centrifuge import BAD_REQUEST

if TYPE_CHECKING:
    from hubbub.embed.hub import Hub

T = TypeVar("T")
Function = TypeVar("Function", bound=Callable[..., Any])


class Rooms(Generic[T]):
    """The rooms of one pattern; called with its parameters, one of them.

    chats = hub.rooms("chat:{room_id}", message=ChatMessage, history_size=100)
    await chats(room_id="7").publish(ChatMessage(text="hi"))
    """

    def __init__(self, hub: Hub, rule: Rule, message: type[T] | None, events: Any = None) -> None:
        self._hub = hub
        self._rule = rule
        self._message: Any = Any if message is None else message
        self._events = events
        self._changed: Any = Any
        self._model: Model[T] = Model(self._message)
        if message not in (None, bytes):
            rule.check = self._model.normal

    def __repr__(self) -> str:
        return f"<Rooms {self.pattern!r}>"

    @property
    def pattern(self) -> str:
        return self._rule.pattern

    @property
    def taken(self) -> Any:
        """The type of what clients publish; Any for whatever they like."""
        return self._message

    @property
    def heard(self) -> Any:
        """The type of what members hear: what was said of it, else what `on_publish` returns,
        else what clients publish."""
        if self._events is not None:
            return self._events
        return self._message if self._changed is Any else self._changed

    @property
    def only_heard(self) -> bool:
        """Whether it was said what is heard, and not what clients publish."""
        return self._events is not None and self._message is Any

    def __call__(self, **params: Any) -> RoomHandle:
        """The room with these parameters. Raises `InvalidName` for ones that do not fit."""
        return self._hub.room(fill(self.pattern, params))

    def on_join(self, function: Function) -> Function:
        """Decorator: ask `function` whether a Centrifuge client may enter.

        It is given a `Join`, and FastAPI dependencies; it returns a `Grant` or raises `Refused`.
        """
        if self._rule.on_join is not None:
            raise ConfigurationError(f"the rooms {self.pattern!r} have their on_join already")
        hook = self._hub.hook(function, Join)
        hook.may_return(Grant)

        async def ask(join: Join) -> Ticket:
            grant = await hook(join.member.client, join)  # type: ignore[union-attr]
            if not isinstance(grant, Grant):
                raise TypeError(f"hook {hook.name} returned {type(grant).__name__}, not a Grant")
            return Ticket(
                info=json_or_nothing(grant.info),
                data=json_or_nothing(grant.data),
                publish=grant.publish,
                history=grant.history,
                presence=grant.presence,
                expires_at=grant.expires_at,
            )

        self._rule.on_join = ask
        return function

    def on_publish(self, function: Function) -> Function:
        """Decorator: ask `function` about each publication of a client.

        It is given a `Publish` whose data is what the rooms' `message` made of it; what it
        returns is published. It raises `Refused` where nothing shall be.
        Raises `ConfigurationError` for one that returns nothing, or is for other messages.
        """
        if self._rule.on_publish is not None:
            raise ConfigurationError(f"the rooms {self.pattern!r} have their on_publish already")
        hook = self._hub.hook(function, Publish)
        if hook.returns is None:
            raise ConfigurationError(f"hook {hook.name} has to return what is published")
        wanted = argument_of(hook.event_type)
        if wanted not in (Any, self._message):
            raise ConfigurationError(
                f"hook {hook.name} is for {wanted}, which the rooms {self.pattern!r} do not have: "
                "give hub.rooms(…, message=…) the same"
            )
        if hook.returns is not Signature.empty:
            self._changed = hook.returns
        model = self._model

        async def ask(publish: Publish[Any]) -> bytes:
            try:
                value = model.decode(publish.data)
            except Wrong as wrong:
                raise Refused(str(wrong), BAD_REQUEST.code) from None
            event = Publish(
                publish.client, publish.member, publish.room, publish.user, value, publish.params
            )
            changed = await hook(publish.client, event)
            if changed is None and value is not None:
                raise TypeError(f"hook {hook.name} returned nothing to publish")
            return model.encode(changed)

        self._rule.on_publish = ask
        return function

    def on_leave(self, function: Function) -> Function:
        """Decorator: tell `function` with a `Leave` that a client has left, however it came to."""
        hook = self._hub.hook(function, Leave)

        async def tell(leave: Leave) -> None:
            await hook(leave.member.client, leave)  # type: ignore[union-attr]

        tell.__qualname__ = hook.name  # for the log
        self._rule.on_leave.append(tell)
        return function
