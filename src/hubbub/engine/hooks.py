"""What the programmer asked to be told, and a wall between it and everybody else."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any

log = logging.getLogger("hubbub")

SLOW_CALL = 0.1
"""Seconds a synchronous hook may hold up every connection before the log says so."""


Hook = Callable[[Any], Awaitable[None] | None]


class Hooks:
    """Calls hooks in the order they were given, and outlives whatever they do.

    A synchronous hook runs at once; an asynchronous one in a task, after those that were begun
    for the same subject before. What one raises (SystemExit too) ends in the log, not in the
    loop, the connection or the next hook.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._running: dict[object, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        """Of how many subjects hooks are running."""
        return len(self._running)

    def call(self, hooks: list[Hook], event: Any, subject: object) -> None:
        """Call each with `event`, which is about `subject`: the order holds for one subject."""
        for hook in hooks:
            began = self._now()
            try:
                pending = hook(event)
            except (Exception, SystemExit, asyncio.CancelledError) as error:
                # Cancelled is what the result of a cancelled future raises, for one.
                _report(hook, error)
                continue
            if (took := self._now() - began) > SLOW_CALL:
                log.warning("hook %s held up every connection for %.1f s", _name(hook), took)
            if inspect.isawaitable(pending):
                self._start(hook, pending, subject)

    async def settle(self) -> None:
        """Wait for every hook that runs. Cancelled, it leaves them running."""
        while self._running:
            await asyncio.wait(self._running.values())

    def cancel(self) -> None:
        for task in self._running.values():
            task.cancel()

    def _start(self, hook: Hook, pending: Awaitable[None], member: object) -> None:
        before = self._running.get(member)
        task = asyncio.get_running_loop().create_task(_run(hook, pending, before))
        self._running[member] = task
        task.add_done_callback(lambda task: self._done(member, task))

    def _done(self, member: object, task: asyncio.Task[None]) -> None:
        if self._running.get(member) is task:
            del self._running[member]


async def _run(hook: Hook, pending: Awaitable[None], before: asyncio.Task[None] | None) -> None:
    try:
        if before is not None:
            await asyncio.wait([before])
        await pending
    except (Exception, SystemExit) as error:
        _report(hook, error)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        assert task is not None
        if not task.cancelling():
            _report(hook, error)
            return
        if before is not None:
            before.cancel()
        if inspect.iscoroutine(pending):
            pending.close()  # it may not have begun
        raise


def _report(hook: Hook, error: BaseException) -> None:
    log.error("hook %s failed", _name(hook), exc_info=error)


def _name(hook: Hook) -> str:
    return str(getattr(hook, "__qualname__", hook))
