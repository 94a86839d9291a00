"""A whole deployment in this process: what `deedbox serve` puts together, called through its REST API only.

The people and their tenant are made once per test process; every test gets its own copy of the data folder.
"""

import json as json_text
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx

from deedbox.config.declared import Settings
from deedbox.core.ownership import ClaimPolicy
from deedbox.core.sign_in import SignInPolicy
from deedbox.mail.settings import MailSettings
from deedbox.main.administrator import ensure_administrator
from deedbox.main.applications import whole_application
from deedbox.main.device_sides import opened_device_sides
from deedbox.main.folder import held_folder, migrate_if_needed
from deedbox.main.parts import Parts, opened_parts
from deedbox.main.running import Alone
from deedbox.serving.health import Readiness
from deedbox.serving.settings import AdminSettings, DatabaseSettings, DataSettings
from deedbox.storage.sqlite import SQLiteStorage
from tests.storage.postgresql_bench import (
    EMPTY,
    database_name,
    drop_postgresql,
    new_postgresql,
    run_plainly,
)

_URL_FILE = "database-url"
#: Who made a template left their sign-ins there: to verify a password takes longer than most tests.
_TOKENS_FILE = "tokens-of-the-template"

#: DEEDBOX_TEST_DATABASE=postgresql: every deployment stores in PostgreSQL.
ON_POSTGRESQL = os.environ.get("DEEDBOX_TEST_DATABASE") == "postgresql"
PASSWORD = "a password for everybody"
#: Who is there: the system administrator, a tenant's administrator, users of two of its customers, a rival.
EMAILS = {
    "root": "root@deedbox.test",
    "maker": "maker@deedbox.test",
    "alice": "alice@deedbox.test",
    "bob": "bob@deedbox.test",
    "rival": "rival@elsewhere.test",
}


class Deployment:
    """Call it as somebody: `await deployment.ok("alice", "GET", "/api/auth/user")`; "" is nobody."""

    def __init__(self, parts: Parts, application: Any, client: httpx.AsyncClient) -> None:
        self.parts = parts
        self.application = application
        self.client = client
        self.tokens: dict[str, str] = {}

    async def sign_in(self, email: str, password: str = PASSWORD) -> dict[str, str]:
        """The token pair of a new session."""
        answer = await self.call(
            "", "POST", "/api/auth/login", json={"username": email, "password": password}
        )
        assert answer.status_code == 200, answer.text
        return cast(dict[str, str], answer.json())

    async def token(self, who: str) -> str:
        """The sign-in token of one of EMAILS, or of whoever was added to `tokens`."""
        if who not in self.tokens:
            self.tokens[who] = (await self.sign_in(EMAILS[who]))["token"]
        return self.tokens[who]

    async def call(self, who: str, method: str, path: str, **more: Any) -> httpx.Response:
        """What the API answers; `more` is httpx's (`json`, `params`, `headers`, `content`)."""
        headers = dict(more.pop("headers", {}))
        if who:
            headers["X-Authorization"] = f"Bearer {await self.token(who)}"
        return await self.client.request(method, path, headers=headers, **more)

    async def ok(self, who: str, method: str, path: str, json: Any = None, **query: Any) -> Any:
        """The JSON (or text) of an answer that must be 200; None when it is empty."""
        answer = await self.call(who, method, path, params=query or None, **_body(json))
        assert answer.status_code == 200, answer.text
        is_json = "json" in answer.headers.get("content-type", "")
        return (answer.json() if is_json else answer.text) if answer.content else None

    async def refused(
        self, status: int, who: str, method: str, path: str, json: Any = None, **query: Any
    ) -> dict[str, Any]:
        """The error body of an answer that must have this status."""
        answer = await self.call(who, method, path, params=query or None, **_body(json))
        assert answer.status_code == status, answer.text
        assert answer.json()["status"] == status
        return cast(dict[str, Any], answer.json())

    async def who(self, name: str) -> dict[str, Any]:
        """The user that one of EMAILS is."""
        return cast(dict[str, Any], await self.ok(name, "GET", "/api/auth/user"))

    async def user_id(self, name: str) -> str:
        """The id of one of EMAILS."""
        return str((await self.who(name))["id"]["id"])

    async def invite(self, host: str, user: dict[str, Any]) -> dict[str, Any]:
        """A new user, not activated yet."""
        return cast(dict[str, Any], await self.ok(host, "POST", "/api/user", user))

    async def activation_token(self, host: str, user_id: str) -> str:
        """The token of a user's activation link."""
        link = await self.ok(host, "GET", f"/api/user/{user_id}/activationLink")
        return str(link).partition("activateToken=")[2]

    async def make_user(self, host: str, user: dict[str, Any]) -> dict[str, Any]:
        """A new user whose password is PASSWORD."""
        made = await self.invite(host, user)
        token = await self.activation_token(host, made["id"]["id"])
        await self.ok("", "POST", "/api/noauth/activate", {"activateToken": token, "password": PASSWORD})
        return made

    async def make_device(self, name: str, kind: str = "default") -> dict[str, Any]:
        """A device of the maker's."""
        made = await self.ok("maker", "POST", "/api/device", {"name": name, "type": kind})
        return cast(dict[str, Any], made)

    async def device_token(self, device_id: str) -> str:
        """The access token of a device of the maker's."""
        credentials = await self.ok("maker", "GET", f"/api/device/{device_id}/credentials")
        return str(credentials["credentialsId"])

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """Run a statement beside the server: to let time pass in stored rows, or to see what is stored."""
        storage = self.parts.storage
        if not isinstance(storage, SQLiteStorage):
            return run_plainly(self.parts.settings.database_url, statement, values)
        with sqlite3.connect(storage.path) as connection:
            found = connection.execute(statement, values).fetchall()
        connection.close()
        return found


@asynccontextmanager
async def opened_deployment(
    folder: Path,
    policy: SignInPolicy | None = None,
    claim: ClaimPolicy | None = None,
    database: DatabaseSettings | None = None,
    mail: MailSettings | None = None,
) -> AsyncIterator[Deployment]:
    """A deployment over a data folder, which is made if it is empty, or over a database of its own."""
    settings = Settings(
        data=DataSettings(folder=str(folder)),
        database=database or DatabaseSettings(url=_database_url(folder)),
        admin=AdminSettings(email=EMAILS["root"], password=PASSWORD),
        sign_in=policy or SignInPolicy(),
        claim=claim or ClaimPolicy(),
        mail=mail or MailSettings(),
    )
    with held_folder(settings):
        migrate_if_needed(settings, in_child=False)
    async with opened_parts(settings) as parts:
        await ensure_administrator(parts)
        async with opened_device_sides(parts) as devices:
            with Alone().metrics_page(parts.metrics.page) as page:
                application = cast(Any, whole_application(parts, devices, Readiness({}), page))
            transport = httpx.ASGITransport(app=application, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://deedbox.test") as client:
                opened = Deployment(parts, application, client)
                opened.tokens |= _tokens_left_in(folder)
                yield opened


async def make_template(folder: Path) -> None:
    """Fill a data folder with everybody in EMAILS."""
    async with opened_deployment(folder) as it:
        await add_everybody(it)
        for who in EMAILS:
            await it.token(who)
    (folder / _TOKENS_FILE).write_text(json_text.dumps(it.tokens))


def _tokens_left_in(folder: Path) -> dict[str, str]:
    file = folder / _TOKENS_FILE
    return dict(json_text.loads(file.read_text())) if file.exists() else {}


async def add_everybody(it: Deployment) -> None:
    """Make everybody in EMAILS, and their tenants."""
    maker = await it.ok("root", "POST", "/api/tenant", {"title": "Gadget Works"})
    rival = await it.ok("root", "POST", "/api/tenant", {"title": "Rival Works"})
    await it.make_user("root", _administrator("maker", maker))
    await it.make_user("root", _administrator("rival", rival))
    for name in ("alice", "bob"):
        customer = await it.ok("maker", "POST", "/api/customer", {"title": f"{name.title()}'s home"})
        user = {"email": EMAILS[name], "authority": "CUSTOMER_USER", "customerId": customer["id"]}
        await it.make_user("maker", user)


def copy_of(template: Path, folder: Path) -> Path:
    """A copy of a data folder that no server works on, and of its database."""
    shutil.copytree(template, folder)
    if ON_POSTGRESQL:
        of_template = database_name(_database_url(template))
        (folder / _URL_FILE).write_text(new_postgresql(of_template))
    return folder


def forget_database(folder: Path) -> None:
    """Delete the database of a data folder, which may lie in it: thousands of them would fill the disk."""
    if ON_POSTGRESQL:
        drop_postgresql(_database_url(folder))


def rows_beside(folder: Path) -> bytes:
    """All that is stored of a data folder outside of it: nothing but with PostgreSQL."""
    if not ON_POSTGRESQL:
        return b""
    url = _database_url(folder)
    tables = run_plainly(url, "select tablename from pg_tables where schemaname = 'public'", ())
    rows = [row for (table,) in tables for row in run_plainly(url, f"select * from {table}", ())]
    return b"\n".join(it if isinstance(it, bytes) else str(it).encode() for row in rows for it in row)


def _database_url(folder: Path) -> str:
    """The database of a data folder, new and empty where it has none; "" for the file in it."""
    if not ON_POSTGRESQL:
        return ""
    known = folder / _URL_FILE
    if not known.exists():
        folder.mkdir(parents=True, exist_ok=True)
        known.write_text(new_postgresql(EMPTY))
    return known.read_text()


def _administrator(name: str, tenant: dict[str, Any]) -> dict[str, Any]:
    return {"email": EMAILS[name], "authority": "TENANT_ADMIN", "tenantId": tenant["id"]}


def _body(json: Any) -> dict[str, Any]:
    return {} if json is None else {"json": json}
