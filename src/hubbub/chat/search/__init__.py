"""Finding messages by their words.

query = parse("deploy from:ann -staging")
page = await hub.tables.read(search, query, user, public=True, now=now)
"""

from hubbub.chat.search.excerpt import Segment as Segment
from hubbub.chat.search.find import Hit as Hit
from hubbub.chat.search.find import Page as Page
from hubbub.chat.search.find import search as search
from hubbub.chat.search.fold import words as words
from hubbub.chat.search.order import arrange as arrange
from hubbub.chat.search.query import Query as Query
from hubbub.chat.search.query import QueryError as QueryError
from hubbub.chat.search.query import Term as Term
from hubbub.chat.search.query import parse as parse
