"""nginx in front of a server, as people have it; a process of its own on a free port."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

DEADLINE = 10.0

PLAIN = """
proxy_http_version 1.1;
proxy_set_header Host $http_host;
proxy_set_header Connection "";
"""
"""Nothing that a WebSocket needs: an upgrade is not passed on."""

WITH_UPGRADE = """
proxy_http_version 1.1;
proxy_set_header Host $http_host;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection $connection_upgrade;
"""

_CONFIGURATION = """
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      {how}
      proxy_pass http://{upstream};
    }}
  }}
}}
"""


def program() -> str:
    """The path of nginx; else the test fails."""
    path = f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin"
    found = shutil.which(os.environ.get("NGINX", "nginx"), path=path)
    if found is None:
        pytest.fail("nginx is needed: run tests/support/nginx.sh")
    return found


@contextmanager
def nginx(upstream: str, directory: Path, how: str = WITH_UPGRADE) -> Iterator[str]:
    """The address of an nginx that passes on to `upstream` as `how` says."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    directory.mkdir()
    file = directory / "nginx.conf"
    file.write_text(
        _CONFIGURATION.format(directory=directory, port=port, how=how, upstream=upstream)
    )
    process = subprocess.Popen([program(), "-c", str(file)], stderr=subprocess.DEVNULL)
    try:
        _await_answer(f"http://127.0.0.1:{port}/healthz", process, directory)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(DEADLINE)


def _await_answer(url: str, process: subprocess.Popen[bytes], directory: Path) -> None:
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end and process.poll() is None:
        try:
            urlopen(url, timeout=DEADLINE).close()
            return
        except (URLError, OSError):
            time.sleep(0.02)
    raise AssertionError(f"nginx does not answer: {(directory / 'error.log').read_text()}")
