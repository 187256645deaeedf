"""FastAPI dependencies for one message instead of one socket.

A dependency with `yield` in an endpoint's signature lives as long as the endpoint, and a
WebSocket endpoint lives as long as its socket: fifty open sockets hold fifty database sessions.
Here FastAPI's own resolver runs for a moment in the middle of the endpoint.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import lru_cache
from typing import Any, NoReturn, TypeVar, overload

from fastapi import Depends, WebSocket
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_dependant, solve_dependencies
from fastapi.exceptions import WebSocketRequestValidationError
from starlette.types import Message, Receive, Scope, Send

T = TypeVar("T")


@lru_cache(maxsize=256)
def _dependant(dependency: Callable[..., Any]) -> Dependant:
    def call(value: Any = Depends(dependency)) -> None: ...

    return get_dependant(path="", call=call)


async def _no_receive() -> NoReturn:
    raise RuntimeError("messages come to the hub, not to a dependency")


async def _no_send(message: Message) -> NoReturn:
    raise RuntimeError("a dependency cannot write to the connection: use the hub")


@asynccontextmanager
async def solve(
    scope: Scope, dependant: Dependant, receive: Receive = _no_receive, send: Send = _no_send
) -> AsyncIterator[dict[str, Any]]:
    """The values of `dependant` for the connection of `scope`, closed when the block is left.

    Raises what a dependency raises, and `WebSocketRequestValidationError` for parameters that
    do not fit.
    """
    async with AsyncExitStack() as stack:
        # The resolver puts what must be closed on the stacks of the request's scope: give it a
        # scope with stacks of this moment.
        moment = {**scope, "fastapi_inner_astack": stack, "fastapi_function_astack": stack}
        solved = await solve_dependencies(
            request=WebSocket(moment, receive, send),
            dependant=dependant,
            dependency_overrides_provider=scope.get("app"),
            async_exit_stack=stack,
            embed_body_fields=False,
        )
        if solved.errors:
            raise WebSocketRequestValidationError(solved.errors)
        yield solved.values


@asynccontextmanager
async def _resolve(websocket: WebSocket, dependency: Callable[..., Any]) -> AsyncIterator[Any]:
    given = websocket.scope, _dependant(dependency), websocket.receive, websocket.send
    async with solve(*given) as values:
        yield values["value"]


class Resolve:
    """`async with resolve(websocket, dependency) as value`, for a dependency of any kind."""

    @overload
    def __call__(
        self, websocket: WebSocket, dependency: Callable[..., AsyncIterator[T]]
    ) -> AbstractAsyncContextManager[T]: ...
    @overload
    def __call__(
        self, websocket: WebSocket, dependency: Callable[..., Iterator[T]]
    ) -> AbstractAsyncContextManager[T]: ...
    @overload
    def __call__(
        self, websocket: WebSocket, dependency: Callable[..., Awaitable[T]]
    ) -> AbstractAsyncContextManager[T]: ...
    @overload
    def __call__(
        self, websocket: WebSocket, dependency: Callable[..., T]
    ) -> AbstractAsyncContextManager[T]: ...
    def __call__(
        self, websocket: WebSocket, dependency: Callable[..., Any]
    ) -> AbstractAsyncContextManager[Any]:
        """What `dependency` gives, resolved now and closed when the block is left.

        Sub-dependencies, path and query parameters, and the application's
        `dependency_overrides` work as in a signature. Raises what the dependency raises, and
        `fastapi.exceptions.WebSocketRequestValidationError` for parameters that do not fit.
        """
        return _resolve(websocket, dependency)


resolve = Resolve()
