"""The routes of files, with people and rooms that a test makes up."""

from fastapi import FastAPI
from starlette.requests import HTTPConnection

from hubbub.chat import problem
from hubbub.chat.files.blobs import Blobs
from hubbub.chat.files.limits import FileLimits
from hubbub.chat.files.routes import files_router
from hubbub.chat.files.uploads import Uploads
from hubbub.chat.headers import SecurityHeaders
from hubbub.chat.people import Kind, Who
from hubbub.tables import Tables


class People:
    """Who is signed in is in a header; "guest" is one, and everybody else has an account."""

    origins: tuple[str, ...] = ()

    async def who(self, connection: HTTPConnection) -> Who | None:
        user = connection.headers.get("x-user")
        if not user:
            return None
        return Who(user, Kind.GUEST if user == "guest" else Kind.PERSON, user)


class Rooms:
    """Who may read which room."""

    def __init__(self) -> None:
        self.readers: dict[str, set[str]] = {"room": {"ann", "bob"}}

    async def may_read(self, who: Who, room: str) -> bool:
        return who.id in self.readers.get(room, set())


def site(tables: Tables, blobs: Blobs, limits: FileLimits, rooms: Rooms) -> FastAPI:
    app = FastAPI()
    app.state.people = People()
    app.add_middleware(SecurityHeaders)
    problem.install(app)
    uploads = Uploads(tables, blobs, limits)
    app.include_router(files_router(uploads, tables, blobs, rooms.may_read))
    return app
