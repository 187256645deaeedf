"""The order of the messages' keys, which the search goes by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from hubbub.chat.search.find import SLACK

if TYPE_CHECKING:
    from sqlalchemy import Connection

DISORDER = f"""
SELECT EXISTS (
  SELECT 1 FROM (
    SELECT at, max(at) OVER (ORDER BY "key") AS latest FROM chat_messages
  ) AS message
  WHERE at < latest - {SLACK}
)
"""

# Behind all that there are, where none is in the way.
ARRANGE = """
UPDATE chat_messages SET "key" = arranged.new
FROM (
  SELECT "key" AS old,
    (SELECT max("key") FROM chat_messages) + row_number() OVER (ORDER BY at, room, id) AS new
  FROM chat_messages
) AS arranged
WHERE chat_messages."key" = arranged.old
"""

ADVANCE = """
SELECT setval(pg_get_serial_sequence('chat_messages', 'key'), max("key")) FROM chat_messages
"""

TRIGGERS = """
SELECT name, sql FROM sqlite_master
WHERE type = 'trigger' AND tbl_name = 'chat_messages' AND name LIKE 'chat_search_%'
"""


def arrange(connection: Connection) -> bool:
    """Have the keys of the messages rise with their times, as they do when messages are stored one
    after the other; whether they did not.

    To be called after messages were stored in another order: when rooms were made anew from their
    logs. It takes a while for each message that there is, and no server is to run meanwhile.
    """
    if not connection.scalar(text(DISORDER)):
        return False
    if connection.dialect.name == "postgresql":
        connection.execute(text(ARRANGE))
        connection.execute(text(ADVANCE))
        return True
    # The index as a whole is quicker than message by message.
    triggers = connection.exec_driver_sql(TRIGGERS).all()
    for trigger in triggers:
        connection.exec_driver_sql(f"DROP TRIGGER {trigger.name}")
    connection.execute(text(ARRANGE))
    connection.exec_driver_sql("INSERT INTO chat_search (chat_search) VALUES ('rebuild')")
    for trigger in triggers:
        connection.exec_driver_sql(trigger.sql)
    return True
