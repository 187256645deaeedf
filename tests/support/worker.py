"""gunicorn's worker with our classes, as a user writes it.

gunicorn -k tests.support.worker.RoomWorker module:app
"""

import os

from uvicorn_worker import UvicornWorker  # type: ignore[import-untyped]


class RoomWorker(UvicornWorker):  # type: ignore[misc]
    CONFIG_KWARGS = {
        "loop": "uvloop",
        "http": "hubbub.transports.http:HttpProtocol",
        "ws": "hubbub.transports.direct:WebSocketProtocol",
    }

    async def callback_notify(self) -> None:
        await super().callback_notify()
        if os.getppid() != self.ppid:
            os._exit(1)  # a test that failed has killed gunicorn, and nobody else would end this
