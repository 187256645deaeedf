"""The picture of who has brought none: initials on a colour that is always the same."""

from __future__ import annotations

import colorsys
import hashlib
from html import escape

from starlette.responses import Response

from hubbub.chat.people import names
from hubbub.chat.people.accounts import Account

# A picture that is opened by itself is a document, which may have scripts: not this one.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, max-age=3600",
}


def color(user: str) -> str:
    """A colour, as #rrggbb, that white letters can be read on (contrast of 4.5 and more)."""
    hue = hashlib.sha256(user.encode()).digest()[0] / 256
    parts = colorsys.hls_to_rgb(hue, 0.30, 0.45)
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)


def picture(account: Account) -> str:
    """An SVG of 64 by 64."""
    letters = escape(names.initials(account.display))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" width="64" height="64">'
        f'<rect width="64" height="64" fill="{color(account.id)}"/>'
        '<text x="32" y="33" fill="#fff" font-family="sans-serif" font-size="26" '
        f'text-anchor="middle" dominant-baseline="central">{letters}</text></svg>'
    )


def response(account: Account) -> Response:
    return Response(picture(account), media_type="image/svg+xml", headers=HEADERS)
