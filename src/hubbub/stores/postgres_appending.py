"""Batches on their way into a log in PostgreSQL, and what became of those whose answer is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from uuid import uuid4

from hubbub.model import Appended, Draft
from hubbub.stores.postgres_batch import APPEND, Batch, Book
from hubbub.stores.postgres_lines import Failure, Line
from hubbub.stores.projections import Projections

if TYPE_CHECKING:
    from sqlalchemy import Connection

ASKING = 0.1
"""Seconds between two attempts to ask what became of a batch."""

FENCE = """
INSERT INTO hubbub_batches AS last (writer, batch, at) VALUES ($1, $2, $3)
ON CONFLICT (writer) DO UPDATE SET batch = excluded.batch, at = excluded.at, results = NULL
WHERE last.batch < excluded.batch RETURNING true
"""

RESULTS = "SELECT results FROM hubbub_batches WHERE writer = $1 AND batch = $2"


class Idle(Exception):
    """Nothing is to be stored: no trace is to be left of the rooms that were asked about."""


class Appender:
    """One who appends: each batch leaves its number in `hubbub_batches`, so that after a broken
    connection it can be asked what became of it.

    `window` is how long keys are good for, in milliseconds; `patience`, in seconds, how long to
    wait for the database.
    """

    def __init__(
        self, window: int, patience: float, now: Callable[[], float], projections: Projections
    ) -> None:
        self.id = uuid4()
        self._window = window
        self._patience = patience
        self._now = now
        self._projections = projections
        self._batch = 0

    async def append(self, line: Line, drafts: Sequence[tuple[str, Draft]]) -> list[Appended]:
        """As `Store.append`, one batch at a time. Raises `Failure`."""
        if self._projections.plain(drafts):
            return await self._store(line, Batch(drafts))
        from hubbub.stores.ledger import Mistake  # and with it what only such batches need

        try:
            return await self._carry(line, drafts)
        except Mistake as mistake:
            if len(drafts) == 1:
                return [mistake.refusal()]
        # Each alone, so that only the one at fault has to pay for it.
        made: list[Appended] = []
        for draft in drafts:
            try:
                made += await self.append(line, [draft])
            except Failure as failure:
                failure.unknown = failure.unknown or bool(made)
                raise
        return made

    async def _store(self, line: Line, batch: Batch) -> list[Appended]:
        now = self._number()
        named = (self.id, self._batch, now, now - self._window)
        try:
            ((results,),) = await line.rows(APPEND, *named, *batch.arguments())
        except Failure as failure:
            if failure.certain:
                raise
            results = await self._ask(line, failure)
        return batch.results(results)

    async def _carry(self, line: Line, drafts: Sequence[tuple[str, Draft]]) -> list[Appended]:
        """Raises `Failure` and `Mistake`."""
        from hubbub.stores.ledger import Ledger, Mistake

        now = self._number()
        ledger: Ledger

        def work(connection: Connection) -> None:
            nonlocal ledger
            ledger = Ledger(drafts, now, self._projections, outage)
            book = Book(connection, now - self._window, (self.id, self._batch, now))
            ledger.carry(connection, book)
            if not ledger.entries:
                raise Idle

        def outage(error: Exception) -> bool:
            return isinstance(error, Failure) or line.trouble(error) is not None

        try:
            await line.transact(work)
        except Idle:
            pass
        except Failure as failure:
            if failure.certain:
                raise
            await self._ask(line, failure)
        except Mistake:
            raise
        except Exception as error:
            if not ledger.concerned:
                raise
            raise Mistake(ledger) from error  # a constraint that is looked at in the commit
        return ledger.made

    def _number(self) -> int:
        """Give the next batch its number; the time, in Unix milliseconds."""
        self._batch += 1
        return int(self._now() * 1000)

    async def _ask(self, line: Line, failure: Failure) -> str:
        """The results of the last batch, which ended in `failure`, if it is stored.

        Raises `Failure`: it is not, and never will be, or nobody tells.
        """
        clock = asyncio.get_running_loop().time
        end = clock() + self._patience / 2
        named = (self.id, self._batch)
        while (left := end - clock()) > 0:
            try:
                # Waits for a backend that is about to commit the batch. One that comes to it
                # later finds the number taken, and gives up.
                if not await line.rows(FENCE, *named, int(self._now() * 1000), within=left):
                    ((results,),) = await line.rows(RESULTS, *named, within=left)
                    if results is not None:
                        return str(results)
            except Failure:
                await asyncio.sleep(ASKING)
            else:
                failure.certain = True
                raise failure
        failure.unknown = True
        raise failure
