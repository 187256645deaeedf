"""A chat server to be measured, on the server's core."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from benchmarks.parts import RESULTS, Place
from benchmarks.servers import ROOT, _free_port, _hubbub, _stop

START_S = 30.0


@contextmanager
def chat_server(here: Place, url: str) -> Iterator[tuple[int, int]]:
    """Port and process of a chat server on that database."""
    port = _free_port()
    files = f"{here.folder}/files"
    command = _hubbub("--store", url, "--files", files, "--migrate", "--no-anonymous")(port)
    environment = {key: value for key, value in os.environ.items() if key[:7] != "HUBBUB_"}
    os.sched_setaffinity(0, here.cores.server)  # inherited by all threads of the child
    try:
        with (RESULTS / "chat.log").open("wb") as output:
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
    finally:
        os.sched_setaffinity(0, here.cores.own)
    try:
        _wait(port, process)
        yield port, process.pid
    finally:
        _stop(process)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/healthz").raise_for_status()
            return
        except httpx.HTTPError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
