"""The people of the chat: accounts, logins, bots, and who administers them."""

from hubbub.chat.people.who import Kind as Kind
from hubbub.chat.people.who import Who as Who
