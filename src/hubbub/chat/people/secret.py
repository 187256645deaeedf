"""Ids that tell nothing, and secrets of which only the hash is kept.

A secret has 256 random bits, so that a plain hash of it gives nothing away: there is nothing to
try (unlike of a password).
"""

from __future__ import annotations

import hashlib
import secrets

KEY_PREFIX = "hubbub_"
"""What a bot's key begins with, so that a scanner of source code knows a lost one."""


def new_id(prefix: str) -> str:
    """An id of 12 random characters behind `prefix`."""
    return prefix + secrets.token_urlsafe(9)


def new_secret() -> str:
    """43 characters that nobody guesses."""
    return secrets.token_urlsafe(32)


def hashed(secret: str) -> str:
    """What is kept of a secret, and found by: comparing in an index tells a guesser nothing."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
