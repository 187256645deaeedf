"""Any ASGI WebSocket application on our class (ASGI spec, "WebSocket")."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse, StreamingResponse
from tests.support.arena import both_loops
from tests.support.clients import closed, dial, hear
from tests.support.peers import DEADLINE, Peer, until
from tests.support.server import serving
from websockets.exceptions import ConnectionClosed, InvalidStatus

from hubbub.transports.direct import WebSocketProtocol

pytestmark = both_loops

Endpoint = Callable[[WebSocket], Awaitable[None]]


def application(endpoint: Endpoint) -> FastAPI:
    app = FastAPI()
    app.add_api_websocket_route("/{rest:path}", endpoint)
    return app


def refusal(error: InvalidStatus) -> tuple[int, bytes]:
    return error.response.status_code, bytes(error.response.body or b"")


async def test_accept_with_a_subprotocol_and_headers() -> None:
    async def endpoint(websocket: WebSocket) -> None:
        assert websocket.scope["subprotocols"] == ["first", "second"]
        await websocket.accept("second", headers=[(b"X-Seat", b"7"), (b"X-Seat", b"8")])
        await websocket.receive()

    async with serving(application(endpoint)) as server:
        async with dial(server.port, "/", subprotocols=["first", "second"]) as client:
            assert client.subprotocol == "second"
            assert client.response is not None
            assert client.response.headers.get_all("x-seat") == ["7", "8"]
            assert "date" in client.response.headers


async def test_scope_says_what_the_request_was() -> None:
    seen: list[dict[str, Any]] = []

    async def endpoint(websocket: WebSocket) -> None:
        seen.append(dict(websocket.scope))
        await websocket.accept()
        await websocket.close()

    async with serving(application(endpoint), root_path="/api") as server:
        async with dial(server.port, "/caf%C3%A9/b%2Fc?x=1&x=2", origin="https://o") as client:
            host, port = client.local_address
            assert await closed(client) == (1000, "")
    (scope,) = seen
    assert scope["type"] == "websocket"
    assert scope["path"] == "/api/café/b/c"
    assert scope["raw_path"] == b"/api/caf%C3%A9/b%2Fc"
    assert scope["root_path"] == "/api"
    assert scope["query_string"] == b"x=1&x=2"
    assert scope["client"] == (host, port)
    assert scope["server"] == ("127.0.0.1", server.port)
    assert scope["scheme"] == "ws"
    assert (b"origin", b"https://o") in scope["headers"]


async def test_close_before_accept_refuses_with_403() -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.close(4000, "no")

    async with serving(application(endpoint)) as server:
        with pytest.raises(InvalidStatus) as refused:
            await dial(server.port, "/")
        assert refusal(refused.value) == (403, b"")
        await until(lambda: not server.connections and not server.tasks)


async def test_denial_response_arrives_whole() -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.send_denial_response(
            JSONResponse({"why": "no ticket"}, 401, headers={"WWW-Authenticate": "Bearer"})
        )

    async with serving(application(endpoint)) as server:
        with pytest.raises(InvalidStatus) as refused:
            await dial(server.port, "/")
        assert refusal(refused.value) == (401, b'{"why":"no ticket"}')
        headers = refused.value.response.headers
        assert headers["www-authenticate"] == "Bearer"
        assert headers["content-type"] == "application/json"
        assert headers["connection"] == "close"
        await until(lambda: not server.connections and not server.tasks)


async def test_denial_response_may_be_streamed() -> None:
    async def endpoint(websocket: WebSocket) -> None:
        parts = (f"part {number}\n" for number in range(3))
        await websocket.send_denial_response(StreamingResponse(parts, 429))

    async with serving(application(endpoint)) as server:
        with pytest.raises(InvalidStatus) as refused:
            await dial(server.port, "/")
        assert refusal(refused.value) == (429, b"part 0\npart 1\npart 2\n")


async def test_http_exception_before_accept_is_its_response() -> None:
    async def endpoint(websocket: WebSocket) -> None:
        raise HTTPException(418, "a teapot", headers={"X-Spout": "short"})

    async with serving(application(endpoint)) as server:
        with pytest.raises(InvalidStatus) as refused:
            await dial(server.port, "/")
        assert refusal(refused.value) == (418, b'{"detail":"a teapot"}')
        assert refused.value.response.headers["x-spout"] == "short"


async def test_exception_before_accept_is_500_and_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def endpoint(websocket: WebSocket) -> None:
        raise ZeroDivisionError("as asked")

    async with serving(application(endpoint)) as server:
        with pytest.raises(InvalidStatus) as refused:
            await dial(server.port, "/")
        assert refusal(refused.value)[0] == 500
        assert b"as asked" not in refusal(refused.value)[1]
        await until(lambda: not server.connections and not server.tasks)
    assert "ZeroDivisionError: as asked" in caplog.text


async def test_exception_after_accept_is_1011_and_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("so far so good")
        raise ZeroDivisionError("as asked")

    async with serving(application(endpoint)) as server:
        async with dial(server.port, "/") as client:
            assert await hear(client) == "so far so good"
            assert await closed(client) == (1011, "internal error")
        await until(lambda: not server.connections and not server.tasks)
    assert "ZeroDivisionError: as asked" in caplog.text


async def test_returning_without_an_answer_is_500_and_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def endpoint(websocket: WebSocket) -> None:
        return

    async with serving(application(endpoint)) as server:
        with pytest.raises(InvalidStatus) as refused:
            await dial(server.port, "/")
        assert refusal(refused.value)[0] == 500
    assert "without accepting or refusing" in caplog.text


async def test_returning_closes_an_accepted_connection() -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()

    async with serving(application(endpoint)) as server:
        async with dial(server.port, "/") as client:
            assert await closed(client) == (1000, "")


async def test_text_and_bytes_of_every_size_go_both_ways() -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        while (message := await websocket.receive())["type"] == "websocket.receive":
            if message.get("text") is not None:
                await websocket.send_text(message["text"])
            else:
                await websocket.send_bytes(message["bytes"])

    async with serving(application(endpoint)) as server:
        async with dial(server.port, "/", max_size=None) as client:
            for size in (0, 1, 125, 126, 65_535, 65_536, 1_000_000):
                for message in ("é" * (size // 2), b"\xff" * size):
                    await client.send(message)
                    assert await hear(client) == message
            await client.send(["frag", "men", "ted"])
            assert await hear(client) == "fragmented"


async def test_json_and_iteration_work_as_starlette_has_them() -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        async for value in websocket.iter_json():
            await websocket.send_json({"got": value}, mode="binary")
        seen.append("ended quietly")

    seen: list[str] = []
    async with serving(application(endpoint)) as server:
        async with dial(server.port, "/") as client:
            await client.send('{"a": [1, null]}')
            assert await hear(client) == b'{"got":{"a":[1,null]}}'
        await until(lambda: seen)


async def test_server_closes_with_a_code_and_a_reason() -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("bye")
        await websocket.close(4321, "grün")

    async with serving(application(endpoint)) as server:
        async with dial(server.port, "/") as client:
            assert await hear(client) == "bye"
            assert await closed(client) == (4321, "grün")
        await until(lambda: not server.connections)


async def test_client_closes_with_a_code_and_a_reason() -> None:
    ends: list[tuple[int, str]] = []

    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            await websocket.receive_text()
        except WebSocketDisconnect as error:
            ends.append((error.code, error.reason))

    async with serving(application(endpoint)) as server:
        client = await dial(server.port, "/")
        await client.close(4000, "enough")
        client = await dial(server.port, "/")
        await client.close(1000)
        client = await dial(server.port, "/")
        client.transport.abort()
        await until(lambda: len(ends) == 3)
        assert ends[:2] == [(4000, "enough"), (1000, "")]
        assert ends[2][0] == 1006
        await until(lambda: not server.connections and not server.tasks)


async def test_what_came_before_a_disconnect_is_still_received() -> None:
    got: list[str] = []
    gate = asyncio.Event()

    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        await gate.wait()
        got.extend([text async for text in websocket.iter_text()])
        got.append("gone")

    async with serving(application(endpoint)) as server:
        async with dial(server.port, "/") as client:
            for text in ("one", "two"):
                await client.send(text)
        gate.set()
        await until(lambda: got == ["one", "two", "gone"])


async def test_send_after_disconnect_is_a_websocket_disconnect() -> None:
    raised: list[BaseException] = []
    gate = asyncio.Event()

    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        await gate.wait()
        try:
            await websocket.send_text("to nobody")
        except WebSocketDisconnect as error:
            raised.append(error)

    async with serving(application(endpoint)) as server:
        client = await dial(server.port, "/")
        client.transport.abort()
        await until(lambda: not server.connections)
        gate.set()
        await until(lambda: raised)
        await until(lambda: not server.tasks)


@pytest.mark.parametrize("ws", [WebSocketProtocol, "websockets-sansio"])
async def test_disconnect_that_the_endpoint_lets_through_is_told_as_uvicorn_tells_it(
    ws: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        while True:
            await websocket.receive_text()

    async with serving(application(endpoint), ws=ws) as server:
        async with dial(server.port, "/") as client:
            await client.send("hello")
        await until(lambda: not server.tasks)
    errors = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert [(r.name, r.message) for r in errors] == [
        ("uvicorn.error", "Exception in ASGI application\n")
    ]


async def test_raw_asgi_send_after_disconnect_raises_oserror() -> None:
    raised: list[BaseException] = []
    gate = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        event = await receive()
        assert event == {"type": "websocket.disconnect", "code": 1006, "reason": event["reason"]}
        assert (await receive())["type"] == "websocket.disconnect", "however often it is asked"
        for message in (
            {"type": "websocket.send", "text": "to nobody"},
            {"type": "websocket.close"},
        ):
            try:
                await send(message)
            except OSError as error:
                raised.append(error)
        gate.set()

    async with serving(app) as server:
        (await dial(server.port, "/")).transport.abort()
        await asyncio.wait_for(gate.wait(), DEADLINE)
    assert len(raised) == 2


@pytest.mark.parametrize(
    "messages",
    [
        [{"type": "websocket.send", "text": "too early"}],
        [{"type": "websocket.accept"}, {"type": "websocket.accept"}],
        [{"type": "websocket.http.response.body", "body": b""}],
        [
            {"type": "websocket.http.response.start", "status": 400, "headers": []},
            {"type": "websocket.accept"},
        ],
        [{"type": "websocket.nonsense"}],
    ],
)
async def test_raw_asgi_message_out_of_turn_is_the_applications_error(
    messages: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        for message in messages:
            await send(message)

    async with serving(app) as server:
        with pytest.raises((InvalidStatus, ConnectionClosed)) as caught:
            async with dial(server.port, "/") as client:
                await hear(client)
        if isinstance(caught.value, InvalidStatus):
            assert caught.value.response.status_code == 500
        else:
            assert isinstance(caught.value, ConnectionClosed)
            assert caught.value.rcvd is not None and caught.value.rcvd.code == 1011
        await until(lambda: not server.connections and not server.tasks)
    assert "RuntimeError: expected the ASGI message" in caplog.text


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        event = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return


async def still(progress: Callable[[], object]) -> bool:
    """Whether nothing more happens on this loop that changes `progress`."""
    before = progress()
    for _ in range(200):
        await asyncio.sleep(0)
    return progress() == before


async def test_send_waits_for_a_peer_that_does_not_read() -> None:
    chunk, total = b"x" * 65_536, 1_000
    sent = 0

    async def endpoint(websocket: WebSocket) -> None:
        nonlocal sent
        await websocket.accept()
        for _ in range(total):
            await websocket.send_bytes(chunk)
            sent += 1
        await websocket.close()

    async with serving(application(endpoint)) as server:
        async with dial(server.port, "/", max_size=None) as client:
            client.transport.pause_reading()
            async with asyncio.timeout(DEADLINE):
                while not await still(lambda: sent):
                    pass
            assert sent < total, "the endpoint waits"
            (protocol,) = server.state.connections
            transport: asyncio.Transport = protocol.transport
            high = transport.get_write_buffer_limits()[1]
            assert transport.get_write_buffer_size() <= high + len(chunk) + 16
            client.transport.resume_reading()
            received = 0
            with pytest.raises(ConnectionClosed):
                while True:
                    received += len(await hear(client))
            assert received == total * len(chunk)


async def test_send_that_waits_ends_when_the_peer_goes() -> None:
    raised: list[BaseException] = []
    sent = 0

    async def endpoint(websocket: WebSocket) -> None:
        nonlocal sent
        await websocket.accept()
        try:
            while True:
                await websocket.send_bytes(b"x" * 65_536)
                sent += 1
        except WebSocketDisconnect as error:
            raised.append(error)

    async with serving(application(endpoint)) as server:
        client = await dial(server.port, "/")
        client.transport.pause_reading()
        async with asyncio.timeout(DEADLINE):
            while not await still(lambda: sent):
                pass
        client.transport.abort()
        await until(lambda: raised)
        await until(lambda: not server.connections and not server.tasks)


async def test_endpoint_that_does_not_receive_stops_the_reading_of_its_socket_only() -> None:
    gate = asyncio.Event()
    got = 0

    async def endpoint(websocket: WebSocket) -> None:
        nonlocal got
        await websocket.accept()
        if websocket.url.path == "/prompt":
            await websocket.send_text(await websocket.receive_text())
            return
        await gate.wait()
        async for data in websocket.iter_bytes():
            got += len(data)

    async with serving(application(endpoint)) as server:
        async with dial(server.port, "/slow") as client:
            total = 300

            async def flood() -> None:
                for _ in range(total):
                    await client.send(b"x" * 65_536)

            flooding = asyncio.create_task(flood())
            async with asyncio.timeout(DEADLINE):
                while not await still(lambda: client.transport.get_write_buffer_size()):
                    pass
            assert not flooding.done(), "the kernel's buffers are full, and nobody reads"
            async with dial(server.port, "/prompt") as other:
                await other.send("hello")
                assert await hear(other) == "hello"
            gate.set()
            await asyncio.wait_for(flooding, DEADLINE)
            await until(lambda: got == total * 65_536, DEADLINE)


LINE_BREAK = (b"x-name", b"one\r\nset-cookie: two")


async def test_header_with_a_line_break_in_accept_is_the_applications_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept(headers=[LINE_BREAK])

    async with serving(application(endpoint)) as server:
        with pytest.raises(InvalidStatus) as refused:
            await dial(server.port, "/")
        assert refusal(refused.value)[0] == 500
        assert "set-cookie" not in refused.value.response.headers
        await until(lambda: not server.connections and not server.tasks)
    assert "holds a line break" in caplog.text


async def test_header_with_a_line_break_in_a_denial_is_the_applications_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def endpoint(websocket: WebSocket) -> None:
        response = JSONResponse({})
        response.raw_headers.append(LINE_BREAK)
        await websocket.send_denial_response(response)

    async with serving(application(endpoint)) as server:
        with pytest.raises(InvalidStatus) as refused:
            await dial(server.port, "/", open_timeout=DEADLINE)
        assert refusal(refused.value)[0] == 500
        assert "set-cookie" not in refused.value.response.headers
        await until(lambda: not server.connections and not server.tasks)
    assert "holds a line break" in caplog.text


@pytest.mark.parametrize("code", [-1, 999, 1005, 1006, 1015, 5000, 70_000])
async def test_close_code_that_no_frame_can_carry_is_the_applications_error(
    code: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close(code)

    async with serving(application(endpoint)) as server:
        async with dial(server.port, "/") as client:
            assert await closed(client) == (1011, "internal error")
        await until(lambda: not server.connections and not server.tasks)
    assert f"ValueError: {code} is no code to close with" in caplog.text


async def test_reason_that_is_too_long_for_a_close_is_cut_between_characters() -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close(4000, "ü" * 100)

    async with serving(application(endpoint)) as server:
        async with dial(server.port, "/") as client:
            assert await closed(client) == (4000, "ü" * 61)


async def test_client_that_is_cut_for_what_it_sent_need_not_wait_for_the_end() -> None:
    """It waits for the server's end of the stream, and the server for its: one has to begin."""

    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.receive()

    async with serving(application(endpoint), ws_max_size=1000) as server:
        peer = await Peer.connect(server.port, "/")
        await peer.send("x" * 1001)
        assert (await peer.end()).code == 1009
        assert await asyncio.get_running_loop().sock_recv(peer.sock, 1) == b""
        assert server.connections == 1, "it still reads, so that nothing is reset"
        await peer.close()
        await until(lambda: not server.connections)
