"""Test a hub in process: several users on one loop, a clock of your own, deadlines on every wait.

    async with TestHub(app) as hub:
        ann, bob = await hub.connect(user="ann"), await hub.connect(user="bob")
        await ann.join("chat:7")
        await bob.join("chat:7")
        await ann.publish("chat:7", {"text": "hi"})
        assert (await bob.next("chat:7")).data == {"text": "hi"}
        await hub.clock.advance(30)

`hub.connect("/ws/lobby")` opens a WebSocket to an endpoint of your own instead.

The seams' laws (`contracts`) are here too, as suites to hold an implementation of your own to:
`clock_laws`, `sink_laws`, `store_laws`, `tables_laws`.
"""

from hubbub.testing.client import DEADLINE as DEADLINE
from hubbub.testing.client import Closed as Closed
from hubbub.testing.client import Denied as Denied
from hubbub.testing.client import FakeClock as FakeClock
from hubbub.testing.client import FakeTimer as FakeTimer
from hubbub.testing.client import TestConnection as TestConnection
from hubbub.testing.client import settle as settle
from hubbub.testing.client import until as until
from hubbub.testing.hub import TestHub as TestHub
from hubbub.testing.laws import Peer as Peer
from hubbub.testing.laws import RecordingReceiver as RecordingReceiver
from hubbub.testing.laws import RecordingSink as RecordingSink
from hubbub.testing.laws import Wired as Wired
from hubbub.testing.laws import clock_laws as clock_laws
from hubbub.testing.laws import sink_laws as sink_laws
from hubbub.testing.rooms import Heard as Heard
from hubbub.testing.rooms import Info as Info
from hubbub.testing.rooms import Joined as Joined
from hubbub.testing.rooms import Rejected as Rejected
from hubbub.testing.rooms import RoomClient as RoomClient
from hubbub.testing.store_laws import store_laws as store_laws
from hubbub.testing.store_laws import tables_laws as tables_laws
