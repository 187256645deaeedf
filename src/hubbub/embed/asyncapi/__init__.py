"""The AsyncAPI document of a hub, and its page."""

from hubbub.embed.asyncapi.routes import add_documents as add_documents
