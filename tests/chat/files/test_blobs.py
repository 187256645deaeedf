"""Which blobs an address names, and what keys are."""

from pathlib import Path

import pytest

from hubbub import ConfigurationError
from hubbub.chat.files.blobs import checked, is_key, new_id, open_blobs
from hubbub.chat.files.disk import DiskBlobs


def test_ids_are_keys_and_do_not_repeat() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    for id in ids:
        assert is_key(id)
        assert checked(f"{id}-preview") == f"{id}-preview"


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_a_folder_is_named_by_its_path_or_as_a_url(tmp_path: Path, form: str) -> None:
    folder = tmp_path / "a" / "b c"
    blobs = open_blobs(form.format(folder))
    assert isinstance(blobs, DiskBlobs)
    assert blobs.path(new_id()).is_relative_to(folder)
    assert folder.is_dir()


def test_a_url_of_a_folder_is_decoded(tmp_path: Path) -> None:
    open_blobs(f"file://{tmp_path}/a%20b")
    assert (tmp_path / "a b").is_dir()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("", "say where"),
        ("file://", "three slashes"),
        ("file://var/lib", "three slashes"),
        ("ftp://hidden@host/", "cannot be kept in ftp"),
        ("s3://", "names it"),
        ("s3://key:hidden@bucket", "environment"),
        ("s3://bucket?secret=hidden", "endpoint and region"),
        ("s3://bucket?endpoint=hidden", "is like https"),
        ("s3://bucket?endpoint=https://hidden@host", "is like https"),
        ("s3://bucket?endpoint=https://:hidden@host", "is like https"),
    ],
)
def test_an_address_that_cannot_work_says_so_and_is_not_quoted(address: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        open_blobs(address)
    assert "hidden" not in str(caught.value)


def test_s3_without_its_extra_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "obstore.store", None)
    with pytest.raises(ConfigurationError, match=r"hubbub\[s3\]"):
        open_blobs("s3://bucket")


def test_a_folder_that_cannot_be_written_to_is_a_mistake_of_the_address(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="may write to"):
        open_blobs(f"{tmp_path}/file/folder")
