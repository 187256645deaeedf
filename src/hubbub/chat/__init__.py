"""The chat: an application on hubbub's public names only."""

from hubbub.chat.app import OidcProvider as OidcProvider
from hubbub.chat.app import Options as Options
from hubbub.chat.app import create_app as create_app
from hubbub.chat.browser import is_built as is_built
