"""gunicorn's worker with our classes, as a user writes it.

gunicorn -k tests.support.worker.RoomWorker module:app
"""

from uvicorn_worker import UvicornWorker  # type: ignore[import-untyped]


class RoomWorker(UvicornWorker):  # type: ignore[misc]
    CONFIG_KWARGS = {
        "loop": "uvloop",
        "http": "hubbub.transports.http:HttpProtocol",
        "ws": "hubbub.transports.direct:WebSocketProtocol",
    }
