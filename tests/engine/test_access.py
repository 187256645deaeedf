import pytest

from hubbub.engine.access import origin_allowed

ALLOWED = ["https://app.example.com", "http://localhost:3000"]


@pytest.mark.parametrize(
    ("origin", "passes"),
    [
        (None, True),
        ("https://chat.example.com", True),
        ("https://chat.example.com:443", True),
        ("HTTPS://CHAT.EXAMPLE.COM", True),
        ("https://app.example.com", True),
        ("http://localhost:3000", True),
        ("null", False),
        ("", False),
        ("http://chat.example.com", False),
        ("https://chat.example.com:8443", False),
        ("https://chat.example.com.", False),
        ("https://chat.example.com.evil.com", False),
        ("https://evil-app.example.com", False),
        ("https://app.example.com.evil.com", False),
        ("https://chat.example.com@evil.com", False),
        ("https://evil.com@chat.example.com", False),
        ("https://chat.example.com/path", False),
        ("https://chat.example.com?x", False),
        ("https://[::1", False),
    ],
)
def test_only_the_own_and_the_listed_origins_pass(origin: str | None, passes: bool) -> None:
    assert origin_allowed(origin, "wss", "chat.example.com", ALLOWED) is passes


def test_a_star_lets_everyone_pass() -> None:
    assert origin_allowed("null", "ws", "a", ["*"])


def test_the_port_counts() -> None:
    assert origin_allowed("http://127.0.0.1:8000", "ws", "127.0.0.1:8000", [])
    assert not origin_allowed("http://127.0.0.1:8001", "ws", "127.0.0.1:8000", [])
    assert origin_allowed("http://host", "ws", "host:80", [])
