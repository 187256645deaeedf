"""The schema is the protocol's, and the classes are made of it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from centrifuge.protocol import client_pb2 as published
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from hubbub.wire import centrifuge_pb2 as ours

ROOT = Path(__file__).parents[2]
PROTOC = ROOT / ".venv/protoc/bin/python"

RENAMED = {
    "InfoPush": "Join",
    "UnsubscribePush": "Unsubscribe",
    "SubscribePush": "Subscribe",
    "DisconnectPush": "Disconnect",
    "RefreshPush": "Refresh",
    "DataResult": "RPCResult",
    "RpcRequest": "RPCRequest",
    "Empty": "PublishResult",
}
"""What is of one shape has one name here, and several there."""

NAMES = sorted(ours.DESCRIPTOR.message_types_by_name)


def test_the_classes_are_made_of_the_schema(tmp_path: Path) -> None:
    assert PROTOC.exists(), "the compiler of the schema is not there: run `make .venv/.protoc`"
    out = f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"
    source = "hubbub/wire/centrifuge.proto"
    command = [str(PROTOC), "-m", "grpc_tools.protoc", "-I.", *out, source]
    subprocess.run(command, cwd=ROOT / "src", check=True, timeout=50)
    for name in ("centrifuge_pb2.py", "centrifuge_pb2.pyi"):
        made = (tmp_path / "hubbub/wire" / name).read_text()
        assert made == (ROOT / "src/hubbub/wire" / name).read_text(), "run `make protobuf`"


def fields(message: Descriptor) -> dict[str, tuple[Any, ...]]:
    return {field.name: (field.number, field.type, repeated(field)) for field in message.fields}


def repeated(field: FieldDescriptor) -> bool:
    return bool(field.is_repeated)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "EmulationRequest"])
def test_each_message_is_the_published_clients(name: str) -> None:
    theirs = fields(published.DESCRIPTOR.message_types_by_name[RENAMED.get(name, name)])
    mine = fields(ours.DESCRIPTOR.message_types_by_name[name])
    assert {one: mine[one] for one in mine.keys() & theirs.keys()}.items() <= theirs.items()
    newer = mine.keys() - theirs.keys()
    assert newer <= {"type"}, "what this release of it does not know"
    assert not {mine[one][0] for one in newer} & {number for number, *_ in theirs.values()}
