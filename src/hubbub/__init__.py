"""Real-time rooms for Python.

hub = Hub()
app = FastAPI(lifespan=hub.lifespan)
"""

from hubbub.embed.hub import Hub as Hub
from hubbub.engine.events import Join as Join
from hubbub.engine.events import Leave as Leave
from hubbub.engine.handles import RoomHandle as RoomHandle
from hubbub.engine.handles import UserHandle as UserHandle
from hubbub.engine.member import Member as Member
from hubbub.errors import ConfigurationError as ConfigurationError
from hubbub.errors import HubbubError as HubbubError
from hubbub.errors import InvalidName as InvalidName
from hubbub.model import Disconnect as Disconnect
from hubbub.settings import Settings as Settings

__version__ = "0.1.0"
