"""What may be brought."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Pattern = Annotated[str, Field(pattern=r"^[a-z]+/(\*|[a-z0-9][a-z0-9.+-]*)$")]


class FileLimits(BaseModel):
    """What the server says about files. Sizes in bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(default=25 * 1024 * 1024, ge=1, description="Bytes of one file.")
    unsaid: int = Field(
        default=20, ge=1, description="Files that one user has brought and not sent yet."
    )
    unsaid_size: int = Field(
        default=100 * 1024 * 1024, ge=1, description="Bytes of these files together."
    )
    pixels: int = Field(
        default=50_000_000,
        ge=1,
        description="Pixels of a picture that is shown; one with more can be downloaded.",
    )
    allowed: tuple[Pattern, ...] = Field(
        default=(),
        description="Types that are taken, by content, like image/png or image/*; all, where "
        "none is named.",
    )
    denied: tuple[Pattern, ...] = Field(
        default=(), description="Types that are not taken, even where they are allowed."
    )
