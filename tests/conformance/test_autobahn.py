"""The Autobahn cases, run by kosoku against our WebSocket class under plain uvicorn.

Groups 12 and 13 are about compression, which no server of ours negotiates.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.support.server import ServerProcess

pytestmark = pytest.mark.slow

WEBSOCKET_CLASS = "hubbub.transports.direct:WebSocketProtocol"

COMMAND = [
    *(sys.executable, "-m", "uvicorn", "tests.conformance.echo:app"),
    *("--host", "127.0.0.1", "--port", "0", "--no-use-colors"),
    *("--ws", WEBSOCKET_CLASS, "--ws-max-size", str(32 * 2**20), "--loop", "uvloop"),
]

CASES = {"1": 16, "2": 11, "3": 7, "4": 10, "5": 20, "6": 145, "7": 37, "9": 54, "10": 1}
"""How many cases each group has, so that none goes missing unnoticed."""

PASSED = {"OK", "NON-STRICT", "INFORMATIONAL"}

IN_PARALLEL = 4
"""Cases at a time: with more than one, connections share the read buffer in earnest."""

DEADLINE_S = 150
"""For one group. The longest needs some ten seconds on an idle machine."""


class Verdict(NamedTuple):
    """What kosoku says of one case."""

    case: str
    behavior: str
    close: str
    details: str

    @property
    def passed(self) -> bool:
        return self.behavior in PASSED and self.close in PASSED

    def __str__(self) -> str:
        return f"{self.case}: {self.behavior}, close {self.close}; {self.details}"


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """One server for all groups: what a case leaves behind, the next ones meet."""
    with ServerProcess(command=COMMAND) as running:
        yield running
        # uvicorn ends by the signal it was sent, once it has stopped in order.
        assert running.stop_now() in {0, -signal.SIGTERM}
        assert "Traceback" not in running.log_now()
        assert "Finished server process" in running.log_now()


def verdicts(port: int, group: str, reports: Path) -> list[Verdict]:
    """Run a group with kosoku's own command.

    In a process of its own because its cases, written for Python 2, replace standard modules.
    """
    kosoku = Path(sys.executable).with_name("kosoku")
    finished = subprocess.run(
        [
            *(kosoku, "--include", f"{group}.*", "--parallelism", str(IN_PARALLEL)),
            *("--outdir", reports, f"127.0.0.1:{port}"),
        ],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,  # it is 1 where a case failed, and we want to know which
    )
    index = reports / "index.json"
    assert index.exists(), finished.stdout + finished.stderr
    [agent] = json.loads(index.read_text()).values()
    found = []
    for case, row in agent.items():
        report = json.loads((reports / row["reportfile"]).read_text())
        details = f"{report['result']} {report['resultClose']} (code {row['remoteCloseCode']})"
        found.append(Verdict(case, row["behavior"], row["behaviorClose"], details))
    return found


@pytest.mark.timeout(DEADLINE_S + 30)
@pytest.mark.parametrize("group", CASES)
def test_no_autobahn_case_of_the_group_fails(
    server: ServerProcess, group: str, tmp_path: Path
) -> None:
    found = verdicts(server.port, group, tmp_path)
    failed = [str(verdict) for verdict in found if not verdict.passed]
    assert failed == []
    assert len(found) == CASES[group]
    assert server.returncode is None, server.log_now()
    assert "Traceback" not in server.log_now(), server.log_now()
