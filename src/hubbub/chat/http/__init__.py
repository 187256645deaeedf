"""The HTTP API of rooms and messages."""

from hubbub.chat.http.api import Api as Api
from hubbub.chat.http.api import Live as Live
from hubbub.chat.http.document import document as document
from hubbub.chat.http.router import chat_router as chat_router
