"""The file that a back-up is: what was written is read, and nothing else is taken for it."""

from __future__ import annotations

import io
import os
import tarfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.cli import archive
from hubbub.errors import ConfigurationError

AT = 1_764_000_000_000

Parts = list[tuple[str, bytes]]

FEW: Parts = [("manifest.json", b"{}"), ("tables/a/0.jsonl", b"[1]\n" * 500), ("files/k", b"")]


def write(path: Path, parts: Parts) -> None:
    with path.open("wb") as out, archive.writing(out, path.name, AT) as writer:
        for name, data in parts:
            writer.add(name, data)


def read(path: Path) -> Parts:
    return [(part.name, part.data.read()) for part in archive.reading(path)]


@given(
    parts=st.lists(
        st.tuples(st.text("abc/", min_size=1, max_size=9), st.binary(max_size=2000)), max_size=8
    ),
    ending=st.sampled_from([".tar", ".tar.gz", ".tgz"]),
)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, parts: Parts, ending: str
) -> None:
    named = [(f"p{number}/{name.strip('/')}x", data) for number, (name, data) in enumerate(parts)]
    path = tmp_path_factory.mktemp("archive") / f"a{ending}"
    write(path, named)
    assert read(path) == named
    # In pieces, and without being read at all.
    assert [part.name for part in archive.reading(path)] == [name for name, _ in named]


@pytest.mark.parametrize("ending", [".tar", ".tar.gz"])
def test_what_is_cut_off_is_told(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    write(path, FEW)
    whole = path.read_bytes()
    # Behind its last part a tar has a run of zeros, which may be missing.
    needed = len(whole) // 2 if ending == ".tar.gz" else len(whole.rstrip(b"\0"))
    for size in {size for size in (0, 1, 100, 511, 512, 600, needed - 9) if size < needed}:
        path.write_bytes(whole[:size])
        with pytest.raises(
            ConfigurationError, match=r"no back-up|not whole|damaged|cannot be read"
        ):
            read(path)


@pytest.mark.parametrize("ending", [".tar", ".tar.gz"])
def test_what_is_damaged_is_told(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    write(path, FEW)
    whole = path.read_bytes()
    same = read(path)
    end = len(whole.rstrip(b"\0"))
    for place in range(10, end, max(1, end // 97)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            found = read(path)
        except ConfigurationError:
            continue
        assert found == same, f"changed at {place}"  # where nobody looks: a date, an owner


@pytest.mark.parametrize("size", [0, 1, 5_000])
def test_what_is_something_else_is_told(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(os.urandom(size))
    with pytest.raises(ConfigurationError, match=r"no back-up|not whole|damaged"):
        read(path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read(tmp_path / "nowhere.tar")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read(tmp_path)


def test_a_part_that_is_left_out_or_added_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    write(path, FEW)
    with tarfile.open(path) as tar:
        members = [(info, tar.extractfile(info)) for info in tar.getmembers()]
        parts = [(info, b"" if data is None else data.read()) for info, data in members]
    for chosen in (parts[1:], [*parts[:1], *parts], parts[1:2] + parts[:1] + parts[2:]):
        with tarfile.open(path, "w") as tar:
            for info, data in chosen:
                tar.addfile(info, io.BytesIO(data))
        with pytest.raises(ConfigurationError, match="not what was written"):
            read(path)


def test_a_link_is_no_part(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo("manifest.json")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(ConfigurationError, match="is no file"):
        read(path)


def test_it_is_a_tar_that_others_read_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    write(path, FEW)
    with tarfile.open(path, "r:gz") as tar:
        infos = tar.getmembers()
    assert [info.name for info in infos] == [*(name for name, _ in FEW), "end.json"]
    assert {info.mode for info in infos} == {0o600}
    assert {info.mtime for info in infos} == {AT // 1000}


def test_the_same_is_written_the_same(tmp_path: Path) -> None:
    for name in ("a.tar.gz", "b.tar.gz"):
        write(tmp_path / name, FEW)
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()


def test_many_parts_are_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"

    def peak(number: int) -> int:
        tracemalloc.start()
        write(path, [(f"files/{n}", b"x") for n in range(number)])
        assert sum(1 for _ in archive.reading(path)) == number
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    few, many = peak(100), peak(3_000)
    # Names and contents, as they are given here, are less than 400 bytes each.
    assert many - few < 2_900 * 400


def test_a_part_may_be_as_large_as_it_likes(tmp_path: Path) -> None:
    path, size = tmp_path / "a.tar.gz", 60_000_000

    class Noise:
        noise = os.urandom(archive.PIECE)

        def read(self, size: int = -1, /) -> bytes:
            return self.noise[:size]

    tracemalloc.start()
    with path.open("wb") as out, archive.writing(out, path.name, AT) as writer:
        writer.copy("files/k", Noise(), size)
    for part in archive.reading(path):
        read_so_far = 0
        while piece := part.data.read(65_536):
            read_so_far += len(piece)
        assert part.size == read_so_far == size
    _, highest = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert highest < size / 5
