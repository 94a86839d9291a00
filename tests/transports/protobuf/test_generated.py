"""The committed Protobuf modules are what the generator makes of our .proto file."""

import sys
from pathlib import Path

import pytest
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[3]
MODULES = "deedbox/transports/protobuf/device_api"


def test_generating_the_modules_again_changes_nothing(tmp_path: Path) -> None:
    plugin = Path(sys.executable).with_name("protoc-gen-mypy")
    asked = ["protoc", f"-I{ROOT / 'src'}", f"--plugin=protoc-gen-mypy={plugin}"]
    asked += [f"--python_out={tmp_path}", f"--mypy_out=quiet:{tmp_path}", f"{MODULES}.proto"]
    assert protoc.main(asked) == 0
    for ending in ("_pb2.py", "_pb2.pyi"):
        committed = (ROOT / "src" / f"{MODULES}{ending}").read_text()
        if (tmp_path / f"{MODULES}{ending}").read_text() != committed:
            pytest.fail("device_api.proto and its modules differ: make protobuf")
