"""The bodies of the people's routes."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path
from pydantic import Field, SecretStr

from hubbub.chat.people import names
from hubbub.chat.people.accounts import Account
from hubbub.chat.people.audit import Deed
from hubbub.chat.people.avatar import color
from hubbub.chat.people.passes import Pass, Purpose
from hubbub.chat.people.passwords import MAX_PASSWORD, MIN_PASSWORD
from hubbub.chat.people.server import ServerSettings, SignUp
from hubbub.chat.people.who import Kind
from hubbub.chat.web import PREFIX, Answer, Body

Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=["uV3xh0cP2aQ1k"])]
"""An id in an address."""

# Held so that nothing shows it: not a log of the body, and not an error about it.
Password = Annotated[
    SecretStr,
    Field(min_length=MIN_PASSWORD, max_length=MAX_PASSWORD, examples=["correct horse battery"]),
]
AnyPassword = Annotated[SecretStr, Field(max_length=MAX_PASSWORD, examples=["correct horse"])]
"""One that was set by other rules, perhaps."""

Code = Annotated[SecretStr, Field(max_length=128, examples=["Qm9iIHdhcyBoZXJlLiBBbm4gd2FzIHRvbyE"])]
Display = Annotated[str, Field(max_length=256, examples=["Ann Example"])]
Name = Annotated[str, Field(max_length=128, examples=["ann"])]
Status = Annotated[str, Field(max_length=560, examples=["on a train"])]
Label = Annotated[
    str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$", examples=["builds"])
]
Uses = Annotated[int, Field(ge=1, le=10_000)]
Seconds = Annotated[int, Field(ge=60, le=366 * 86_400, examples=[604_800])]


class Profile(Answer):
    """An account, as everybody may see it. `name` is what it is mentioned by, null for guests."""

    id: str = Field(examples=["uV3xh0cP2aQ1k"])
    name: str | None = Field(examples=["ann"])
    display: str = Field(examples=["Ann Example"])
    kind: Kind
    admin: bool
    status: str = Field(examples=["on a train"])
    avatar: str = Field(
        description="Where the picture is.", examples=[f"{PREFIX}/users/uV3xh0cP2aQ1k/avatar"]
    )
    initials: str = Field(examples=["AE"])
    color: str = Field(examples=["#2a5b6f"])
    created_at: int = Field(examples=[1_732_636_800_000])
    disabled: bool


def profile(account: Account) -> Profile:
    version = f"?v={account.avatar}" if account.avatar else ""
    return Profile(
        id=account.id,
        name=account.name,
        display=account.display,
        kind=account.kind,
        admin=account.admin,
        status=account.status,
        avatar=f"{PREFIX}/users/{account.id}/avatar{version}",
        initials=names.initials(account.display),
        color=color(account.id),
        created_at=account.created_at,
        disabled=account.disabled_at is not None,
    )


# The session. -------------------------------------------------------------------------------


class SignIn(Body):
    name: Name
    password: AnyPassword


class GuestSignIn(Body):
    display: Display


class SignUpBody(Body):
    """`code` is an invitation's, or that of the server's first start."""

    name: Name
    display: Display
    password: Password
    code: Code | None = None


class NewPassword(Body):
    current: AnyPassword
    new: Password


class ResetPassword(Body):
    code: Code
    password: Password


class CodeBody(Body):
    code: Code


class Session(Answer):
    """Who is signed in, and by which login."""

    user: Profile
    login: str = Field(examples=["lx0cP2aQ1kV3h"])


class SessionToken(Answer):
    """What a socket shows in its first message; `expires_at` in Unix milliseconds."""

    token: str
    expires_at: int = Field(examples=[1_732_637_100_000])


class LoginAnswer(Answer):
    """A login of one's own; `current` is the one that asks."""

    id: str = Field(examples=["lx0cP2aQ1kV3h"])
    agent: str = Field(examples=["Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Firefox/145.0"])
    created_at: int
    seen_at: int
    expires_at: int
    current: bool


class LoginsAnswer(Answer):
    items: list[LoginAnswer]


class Ended(Answer):
    """How many logins have ended."""

    ended: int


class ProviderAnswer(Answer):
    """Where people may sign in, too: `path` is for the browser to go to."""

    id: str = Field(examples=["example-id"])
    name: str = Field(examples=["Example ID"])
    path: str = Field(examples=[f"{PREFIX}/session/oidc/example-id"])


class Limits(Answer):
    """How large things may be: bytes of a file, and files and characters of a message."""

    file_bytes: int = Field(examples=[26_214_400])
    files: int = Field(examples=[10])
    text: int = Field(examples=[10_000])


class ServerAnswer(Answer):
    """What a page begins with. `set_up`: whether there is an administrator; `session`: who asks,
    null for who is not signed in."""

    name: str = Field(examples=["hubbub"])
    sign_up: SignUp
    guests: bool
    set_up: bool
    providers: list[ProviderAnswer]
    limits: Limits
    session: Session | None


class PassLook(Answer):
    """What a link is good for, and whose password it sets."""

    purpose: Purpose
    user: Profile | None
    expires_at: int | None


# People. ------------------------------------------------------------------------------------


class ProfileChange(Body):
    """What is left out stays."""

    display: Display | None = None
    status: Status | None = None


# Administration. ----------------------------------------------------------------------------


class NewInvitation(Body):
    """`seconds` and `uses` are null for a link without an end."""

    seconds: Seconds | None = 604_800
    uses: Uses | None = 1


class PassAnswer(Answer):
    id: str = Field(examples=["pQ1kV3hx0cP2a"])
    purpose: Purpose
    user: str | None
    by: str | None
    created_at: int
    expires_at: int | None
    uses: int | None


def pass_answer(found: Pass) -> PassAnswer:
    return PassAnswer(**found._asdict())


class MadePass(PassAnswer):
    """`code` is shown this once."""

    code: str


class NewBot(Body):
    name: Name
    display: Display


class NewKey(Body):
    name: Label


class KeyAnswer(Answer):
    id: str = Field(examples=["kV3hx0cP2aQ1k"])
    name: str = Field(examples=["builds"])
    by: str
    created_at: int


class MadeKeyAnswer(KeyAnswer):
    """`key` is shown this once: `Authorization: Bearer KEY`."""

    key: str


class KeysAnswer(Answer):
    items: list[KeyAnswer]


class SettingsAnswer(ServerSettings):
    """What the server is set to."""


class SettingsChange(Body):
    """What is left out stays."""

    name: Label | None = None
    sign_up: SignUp | None = None
    guests: bool | None = None


class DeedAnswer(Answer):
    """Something an administrator has done, to `user` where it was done to somebody."""

    id: int
    at: int
    by: str
    action: str = Field(examples=["disabled"])
    user: str | None
    detail: dict[str, Any]


def deed(found: Deed) -> DeedAnswer:
    return DeedAnswer(**found._asdict())
