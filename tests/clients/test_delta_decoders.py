"""The decoders of the published JavaScript client get what our deltas were made of."""

from __future__ import annotations

import json
import subprocess
from base64 import b64decode, b64encode
from pathlib import Path
from random import Random

from tests.support.documents import pairs
from tests.support.node import node_with_modules

from hubbub.wire.fossil import delta

JS = Path(__file__).with_name("js")

DEADLINE = 60.0


def line(source: bytes, target: bytes, text: bool) -> str:
    patch = b64encode(delta(source, target)).decode()
    return json.dumps({"source": b64encode(source).decode(), "delta": patch, "text": text})


def mixed(data: bytes, random: Random) -> bytes:
    """`data` with bytes in it that are no text."""
    found = bytearray(data)
    for _ in range(random.randrange(20)):
        at = random.randrange(len(found) + 1)
        found[at:at] = random.randbytes(random.randrange(1, 40))
    return bytes(found)


def test_the_javascript_decoders_get_the_targets() -> None:
    random = Random(13)
    texts = [(source, target) for source, target in pairs(200, random) if target]
    binary = [(mixed(source, random), mixed(target, random)) for source, target in texts]
    lines = [line(*pair, text=True) for pair in texts]
    lines += [line(*pair, text=False) for pair in binary]
    done = subprocess.run(
        [node_with_modules(JS), "fossil.mjs"],
        cwd=JS,
        input="\n".join(lines),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert done.returncode == 0, done.stderr
    assert [b64decode(one) for one in done.stdout.split()] == [
        target for _, target in texts + binary
    ]
