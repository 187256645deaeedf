"""The people of the chat: accounts, logins, bots, and who administers them."""

from hubbub.chat.people.oidc import OidcProvider as OidcProvider
from hubbub.chat.people.people import People as People
from hubbub.chat.people.server import ServerSettings as ServerSettings
from hubbub.chat.people.server import SignUp as SignUp
from hubbub.chat.people.who import Kind as Kind
from hubbub.chat.people.who import Who as Who
