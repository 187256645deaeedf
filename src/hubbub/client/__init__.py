"""A client of the Centrifuge protocol, for tests, scripts and the terminal.

    async with connect("http://127.0.0.1:8000", token=token) as client:
        room = await client.join("chat:7")
        await room.publish({"text": "hi"})
        async for publication in room:
            print(publication.data)

The protocol, reconnecting and catching up are `centrifuge-python`'s. This adds types, a deadline
for every answer, errors of hubbub's, and a bound on what waits to be read.
"""

from hubbub.client.connection import Client as Client
from hubbub.client.connection import connect as connect
from hubbub.client.connection import endpoint as endpoint
from hubbub.client.room import Room as Room
from hubbub.client.values import Back as Back
from hubbub.client.values import ClientInfo as ClientInfo
from hubbub.client.values import ConnectionClosed as ConnectionClosed
from hubbub.client.values import Event as Event
from hubbub.client.values import History as History
from hubbub.client.values import Joined as Joined
from hubbub.client.values import Left as Left
from hubbub.client.values import Lost as Lost
from hubbub.client.values import PresenceStats as PresenceStats
from hubbub.client.values import Publication as Publication
from hubbub.client.values import ReplyError as ReplyError
from hubbub.client.values import State as State
