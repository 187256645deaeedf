"""A thread that carries out what an event loop must not wait for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

from hubbub.errors import Unavailable

REST = 1.0
"""Seconds without work after which the thread may use the time."""


class Tool(Protocol):
    """What the thread works with, and nobody else touches. Nothing here may raise."""

    def rest(self) -> None:
        """There was work, and has been none for a while."""

    def close(self) -> None: ...


T = TypeVar("T")
ToolT = TypeVar("ToolT", bound=Tool)


class Worker(Generic[ToolT]):
    """A thread with a `tool`, and a queue before it.

    What was queued is carried out, whether or not somebody still waits for it: a cancelled
    await takes nothing back.
    """

    def __init__(self, name: str, tool: ToolT) -> None:
        self._tool = tool
        self._jobs: SimpleQueue[Callable[[ToolT], None] | None] = SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def do(self, work: Callable[[ToolT], T]) -> T:
        """What `work` returns or raises, once the thread has done it. Raises `Unavailable` after
        `stop`."""
        if self._closed:
            raise Unavailable("the log is closed")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def job(tool: ToolT) -> None:
            try:
                result = work(tool)
            except BaseException as error:  # whatever it is, it belongs to who asked
                _tell(loop, _raise, answer, error)
            else:
                _tell(loop, _return, answer, result)

        self._jobs.put(job)
        return await answer

    async def stop(self) -> None:
        """Let the thread do what is queued, close its tool and end."""
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        rested = True
        while True:
            try:
                job = self._jobs.get(timeout=None if rested else REST)
            except Empty:
                self._tool.rest()
                rested = True
                continue
            if job is None:
                break
            job(self._tool)
            del job  # it holds what it was for, and the next may be long in coming
            rested = False
        self._tool.close()


def _tell(loop: asyncio.AbstractEventLoop, how: Callable[..., None], *args: Any) -> None:
    try:
        loop.call_soon_threadsafe(how, *args)
    except RuntimeError:
        pass  # the loop is closed, and with it whoever waited


def _return(answer: asyncio.Future[T], result: T) -> None:
    if not answer.done():
        answer.set_result(result)


def _raise(answer: asyncio.Future[Any], error: BaseException) -> None:
    if not answer.done():
        if isinstance(error, StopIteration):  # which no await can raise
            error = RuntimeError("a StopIteration was raised").with_traceback(error.__traceback__)
        answer.set_exception(error)
