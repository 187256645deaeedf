"""Test a hub in process: several users on one loop, a clock of your own, deadlines on every wait.

    async with TestHub(app) as hub:
        ann, bob = await hub.connect("/ws/lobby"), await hub.connect("/ws/lobby")
        await ann.send("hi")
        assert await bob.receive() == "Room lobby: hi"
        await hub.clock.advance(30)

The seams' laws (`contracts`) are here too, as suites to hold an implementation of your own to:
`clock_laws`, `sink_laws`.
"""

from hubbub.testing.client import DEADLINE as DEADLINE
from hubbub.testing.client import Closed as Closed
from hubbub.testing.client import Denied as Denied
from hubbub.testing.client import FakeClock as FakeClock
from hubbub.testing.client import FakeTimer as FakeTimer
from hubbub.testing.client import TestConnection as TestConnection
from hubbub.testing.client import TestHub as TestHub
from hubbub.testing.client import settle as settle
from hubbub.testing.client import until as until
from hubbub.testing.laws import Peer as Peer
from hubbub.testing.laws import RecordingReceiver as RecordingReceiver
from hubbub.testing.laws import RecordingSink as RecordingSink
from hubbub.testing.laws import Wired as Wired
from hubbub.testing.laws import clock_laws as clock_laws
from hubbub.testing.laws import sink_laws as sink_laws
