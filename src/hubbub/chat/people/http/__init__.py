"""The people's part of the HTTP API."""

from hubbub.chat.people.http.depends import Admin as Admin
from hubbub.chat.people.http.depends import Anyone as Anyone
from hubbub.chat.people.http.depends import Me as Me
from hubbub.chat.people.http.depends import OwnPage as OwnPage
from hubbub.chat.people.http.depends import Person as Person
from hubbub.chat.people.http.models import Limits as Limits
from hubbub.chat.people.http.router import people_router as people_router
