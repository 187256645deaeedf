"""Documents that change a little at a time."""

from __future__ import annotations

import json
from random import Random

LETTERS = "abcdefghijklmnopqrstuvwxyz äöüé€漢字🙂"


def document(size: int, random: Random) -> list[dict[str, object]]:
    """One of about so many bytes of JSON."""
    rows: list[dict[str, object]] = []
    written = 0
    while written < size:
        row = {
            "id": len(rows),
            "name": text(random, 12),
            "price": random.randrange(10_000) / 100,
            "stock": random.randrange(1_000),
            "note": text(random, 40),
        }
        rows.append(row)
        written += len(encoded(row)) + 1
    return rows


def text(random: Random, length: int) -> str:
    return "".join(random.choices(LETTERS, k=length))


def change(rows: list[dict[str, object]], count: int, random: Random) -> list[dict[str, object]]:
    """The same with `count` new values in it."""
    changed = [dict(row) for row in rows]
    for _ in range(count):
        random.choice(changed).update(
            random.choice(
                [
                    {"price": random.randrange(10_000) / 100},
                    {"stock": random.randrange(1_000)},
                    {"name": text(random, random.randrange(8, 16))},
                ]
            )
        )
    return changed


def encoded(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def pairs(count: int, random: Random) -> list[tuple[bytes, bytes]]:
    """Texts, and what became of them: values of JSON, moved and repeated parts, and nothing."""
    found = [(b"", b""), (b"", b"{}"), (b"{}", b""), (b"{}", b"{}")]
    while len(found) < count:
        rows = document(random.randrange(1, 4_000), random)
        after = change(rows, random.randrange(12), random)
        match random.randrange(4):
            case 0:
                random.shuffle(after)
            case 1:
                after = after * random.randrange(1, 3)
            case 2:
                del after[random.randrange(len(after)) :]
        found.append((encoded(rows), encoded(after)))
    return found
