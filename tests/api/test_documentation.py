"""The API's documentation comes whole from this server; vendored files are what they say they are."""

import hashlib
import json
import re
from importlib.resources import files

from tests.api.deployment import Deployment

FILES = files("deedbox.api.vendored")


async def test_docs_load_nothing_from_elsewhere(deployment: Deployment) -> None:
    page = await deployment.call("", "GET", "/docs")

    assert page.status_code == 200
    addresses = re.findall(r'(?:src|href|spec-url)="([^"]*)"', page.text)
    assert {"/docs/openapi.json"} <= set(addresses)
    for address in addresses:
        assert address == "data:," or address.startswith("/docs/")
    for address in [it for it in addresses if it.startswith("/docs/")]:
        assert (await deployment.call("", "GET", address)).status_code == 200


def test_vendored_files_are_unchanged() -> None:
    for entry in json.loads(FILES.joinpath("vendor.json").read_text()):
        content = FILES.joinpath(entry["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"]
        assert "MIT License" in FILES.joinpath(entry["licence_file"]).read_text()
