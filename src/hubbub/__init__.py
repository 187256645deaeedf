"""Real-time rooms for Python.

hub = Hub()
app = FastAPI(lifespan=hub.lifespan)
"""

from hubbub.embed.hub import Hub as Hub
from hubbub.engine.client import Client as Client
from hubbub.engine.events import Call as Call
from hubbub.engine.events import Connect as Connect
from hubbub.engine.events import Disconnected as Disconnected
from hubbub.engine.events import Grant as Grant
from hubbub.engine.events import Identity as Identity
from hubbub.engine.events import Join as Join
from hubbub.engine.events import Leave as Leave
from hubbub.engine.events import Message as Message
from hubbub.engine.events import Publish as Publish
from hubbub.engine.handles import RoomHandle as RoomHandle
from hubbub.engine.member import Member as Member
from hubbub.errors import ConfigurationError as ConfigurationError
from hubbub.errors import Conflict as Conflict
from hubbub.errors import HubbubError as HubbubError
from hubbub.errors import InvalidName as InvalidName
from hubbub.errors import Refused as Refused
from hubbub.errors import Unavailable as Unavailable
from hubbub.errors import Unrecoverable as Unrecoverable
from hubbub.model import VERSION as VERSION
from hubbub.model import Position as Position
from hubbub.options import Keep as Keep
from hubbub.options import RoomOptions as RoomOptions
from hubbub.settings import Settings as Settings

__version__ = VERSION
