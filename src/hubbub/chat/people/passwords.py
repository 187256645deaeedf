"""Passwords: hashed with argon2id, in threads, a few at a time.

Hashing is slow on purpose. A flood of guesses waits here, and takes no more than half of the
machine; when too many wait, the rest is told to come back.
"""

from __future__ import annotations

import asyncio
import os
import unicodedata
from collections.abc import Callable
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from hubbub.chat.people.secret import new_secret
from hubbub.chat.problem import Problem, later

T = TypeVar("T")

MIN_PASSWORD, MAX_PASSWORD = 8, 1024
"""Characters (NIST SP 800-63B section 3.1.1.2)."""

WAITING = 100
"""Passwords that wait to be hashed; beyond it, whoever comes is told to come back."""

# One lane, so that a hash keeps one core busy, not all; memory and passes are those of RFC 9106.
_usual = PasswordHash((Argon2Hasher(time_cost=3, memory_cost=65_536, parallelism=1),))


class Passwords:
    """Hashes and verifies passwords with `hash`, `at_once` of them at the same time."""

    def __init__(self, hash: PasswordHash = _usual, at_once: int = 0) -> None:
        self._hash = hash
        self._turn = asyncio.Semaphore(at_once or max(1, (os.cpu_count() or 1) // 2))
        self._waiting = 0
        self._nobodys = ""

    async def hash(self, password: str) -> str:
        """What is kept of `password`. Raises `Problem` for one that is too short or too long."""
        return await self._run(self._hash.hash, _form(checked(password)))

    async def verify(self, password: str, kept: str | None) -> tuple[bool, str | None]:
        """Whether it is the one that `kept` is of; and what to keep from now on, where the way
        to hash has changed.

        It takes as long where nothing is kept: then it is nobody's password.
        """
        if not self._nobodys:
            self._nobodys = await self._run(self._hash.hash, new_secret())
        against = kept or self._nobodys
        right, newer = await self._run(self._hash.verify_and_update, _form(password), against)
        return (right, newer) if kept else (False, None)

    async def _run(self, work: Callable[..., T], *args: str) -> T:
        if self._waiting >= WAITING:
            raise later(503, "busy", "Too many people are signing in: try again.", 2)
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(work, *args)
        finally:
            self._waiting -= 1


def checked(password: str) -> str:
    """`password`, if it may be one. Raises `Problem` (422)."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise Problem(
            422, "password", f"A password has {MIN_PASSWORD} to {MAX_PASSWORD} characters."
        )
    return password


def _form(password: str) -> str:
    # The same keys make other characters on other systems (NIST SP 800-63B section 3.1.1.2).
    return unicodedata.normalize("NFKC", password)
