"""What people take out of the chat: a room, and all that is their own."""

from hubbub.chat.export.routes import export_router as export_router
