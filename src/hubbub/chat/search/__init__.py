"""Finding messages by their words."""

from hubbub.chat.search.fold import words as words
