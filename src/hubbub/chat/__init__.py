"""The room page: an application on hubbub's public names only."""

from hubbub.chat.app import create_app as create_app
