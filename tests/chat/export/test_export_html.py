"""A page that shows what was said, whatever that was, and does nothing."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from html.parser import HTMLParser
from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st
from tests.chat.export.made import AT, Made, shown, user

from hubbub.chat.export.html import POLICY, STYLE
from hubbub.chat.views import FileView, MessageView, ReactionView, ReplyView

ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "article", "header", "b",
    "bdi", "time", "span", "a", "blockquote", "ul", "li",
}  # fmt: skip

ATTRIBUTES = {"id", "href", "class", "dir", "datetime", "charset", "name", "content", "http-equiv"}


class Seen(HTMLParser):
    """What a browser makes of a page: elements with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError("there is no comment in it")

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


anything = st.text(max_size=60) | st.sampled_from(
    [
        "<script>alert(1)</script>",
        "</p></article><img src=x onerror=alert(1)>",
        "'\"><a href='javascript:alert(1)'>",
        "<!-- --> ]]> &lt; &#60; &amp;",
        "</style><style>*{display:none}",
        "\u202eturned\u2066 around",
        "a\x00b\x0bc\x1bd\x85e",
    ]
)


@given(text=anything, name=anything, quoted=anything, file=anything, topic=anything)
async def test_what_people_wrote_is_text_and_nothing_else(
    text: str, name: str, quoted: str, file: str, topic: str
) -> None:
    message = MessageView(
        id=7,
        user="u1",
        at=AT,
        text=text,
        reply=ReplyView(id=3, user="u2", text=quoted),
        files=[FileView(id="a" * 26, name=file, type="image/png", size=5)],
        reactions=[ReactionView(emoji="👍", users=["u2"])],
        edited_at=AT,
    )
    room = Made([message], [user("u1", name), user("u2", quoted)], name=name, topic=topic)
    html = await shown(room, linked=True)
    seen = Seen(html)
    assert {tag for tag, _ in seen.elements} <= ALLOWED
    assert {key for _, attributes in seen.elements for key in attributes} <= ATTRIBUTES
    for attributes in seen.all("a"):
        assert re.fullmatch(rf"#m\d+|files/{'a' * 26}/[^/:?#]+", attributes["href"])
    for said in (text, name, quoted, file, topic):
        controlled = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "\ufffd", said)
        assert controlled in "".join(seen.text)


async def test_the_page_allows_its_own_style_and_nothing_else() -> None:
    html = await shown(Made([], []))
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.S)
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert style == STYLE
    policy = [one for one in Seen(html).all("meta") if "http-equiv" in one]
    assert [(one["http-equiv"], one["content"]) for one in policy] == [
        ("Content-Security-Policy", POLICY)
    ]
    assert POLICY.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; ")
    # Before the style, which it is to hold for; and nothing in the style is loaded from anywhere.
    assert html.index("http-equiv") < html.index("<style>")
    assert "url(" not in STYLE and "@import" not in STYLE


async def test_files_are_links_only_where_they_are_beside_the_page() -> None:
    file = FileView(id="b" * 26, name="a plan, ö?#%.pdf", type="application/pdf", size=48_213)
    message = MessageView(id=1, user="u1", at=AT, text="", files=[file])
    apart = Seen(await shown(Made([message], [user("u1", "Ann")])))
    assert [one["href"] for one in apart.all("a")] == ["#m1"]
    assert "a plan, ö?#%.pdf" in apart.text and "48.2 kB" in apart.text
    beside = Seen(await shown(Made([message], [user("u1", "Ann")]), linked=True))
    (href,) = [one["href"] for one in beside.all("a") if one["href"].startswith("files/")]
    assert unquote(href) == f"files/{'b' * 26}/a plan, ö?#%.pdf"


async def test_a_file_whose_name_is_a_path_stays_in_its_folder() -> None:
    file = FileView(id="b" * 26, name="../../../etc/passwd", type="text/plain", size=1)
    message = MessageView(id=1, user="u1", at=AT, text="", files=[file])
    html = await shown(Made([message], [user("u1", "Ann")]), linked=True)
    (href,) = [one["href"] for one in Seen(html).all("a") if one["href"].startswith("files/")]
    assert href == f"files/{'b' * 26}/passwd"


async def test_days_and_times_are_told_in_utc() -> None:
    messages = [
        MessageView(id=1, user="u1", at=1_764_028_799_000, text="late"),
        MessageView(id=2, user="u1", at=1_764_028_800_000, text="early"),
        MessageView(id=3, user="u1", at=1_764_028_860_000, text="next"),
    ]
    html = await shown(Made(messages, [user("u1", "Ann")]))
    assert re.findall(r"<h2>(.*?)</h2>", html) == ["2025-11-24", "2025-11-25"]
    assert [one["datetime"] for one in Seen(html).all("time")][1:] == [
        "2025-11-24T23:59:59Z",
        "2025-11-25T00:00:00Z",
        "2025-11-25T00:01:00Z",
    ]


async def test_what_is_deleted_edited_and_pinned_is_told_and_so_is_the_end() -> None:
    messages = [
        MessageView(id=1, user="u1", at=AT, text="", deleted_at=AT, deleted_by="u1"),
        MessageView(id=2, user="u1", at=AT, text="new", edited_at=AT, pinned_at=AT),
        MessageView(id=3, user="gone", at=AT, text="of nobody"),
    ]
    text = "".join(Seen(await shown(Made(messages, [user("u1", "Ann")]))).text)
    assert "This message was deleted." in text
    assert "pinned" in text and "edited 2025-11-24 16:00" in text
    assert "gone" in text  # who is not known any more goes by the id
    assert text.endswith("3 messages, and this is the end.\n\n")


async def test_a_conversation_is_called_after_its_people() -> None:
    room = Made([], [user("u1", "Ann"), user("u2", "Bob")], name="", slug=None, kind="direct")
    seen = Seen(await shown(room))
    assert "Ann, Bob" in seen.text


async def test_of_many_members_the_first_are_named() -> None:
    users = [user(f"u{number}", f"Person {number}") for number in range(203)]
    text = "".join(Seen(await shown(Made([], users))).text)
    assert "203 members: Person 0, " in text
    assert "Person 199, and 3 more" in text
