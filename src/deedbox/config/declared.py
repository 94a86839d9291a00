"""All settings in one place: the sections that the parts declare, and the reference server's names."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from deedbox.api.live.settings import LiveSettings
from deedbox.cluster.settings import NatsSettings
from deedbox.core.claim_intents import ClaimPagePolicy
from deedbox.core.command_limits import CommandLimits
from deedbox.core.device_limits import DeviceLimits
from deedbox.core.gateways import GatewayLimits
from deedbox.core.histories import ReadingLimits
from deedbox.core.import_files import ImportLimits
from deedbox.core.ownership import ClaimPolicy
from deedbox.core.provision_attempts import ProvisioningPolicy
from deedbox.core.retention import Retention
from deedbox.core.sign_in import SignInPolicy
from deedbox.core.value_limits import ValueLimits
from deedbox.mail.settings import MailSettings
from deedbox.serving import settings as serving
from deedbox.transports.coap.settings import CoapPeerSettings, DtlsSettings
from deedbox.transports.http.settings import DeviceApiSettings
from deedbox.transports.mqtt.settings import MqttSessionSettings
from deedbox.transports.settings import DeviceLoginSettings, JournalSettings
from deedbox.web.settings import PagesSettings

#: The reference server's names, in its environment and in its files.
ALIASES: Mapping[str, str] = {
    "SECURITY_CLAIM_ALLOW_CLAIMING_BY_DEFAULT": "claim.allow_by_default",
    "SECURITY_CLAIM_DURATION": "claim.duration_ms",
    "security.claim.allowClaimingByDefault": "claim.allow_by_default",
    "security.claim.duration": "claim.duration_ms",
    "device.claim.duration": "claim.duration_ms",
}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every section, complete and checked."""

    data: serving.DataSettings = serving.DataSettings()
    serve: serving.ServeSettings = serving.ServeSettings()
    http: serving.HttpSettings = serving.HttpSettings()
    https: serving.HttpsSettings = serving.HttpsSettings()
    tls: serving.TlsSettings = serving.TlsSettings()
    mqtt: serving.MqttSettings = serving.MqttSettings()
    mqtts: serving.MqttsSettings = serving.MqttsSettings()
    coap: serving.CoapSettings = serving.CoapSettings()
    coaps: serving.CoapsSettings = serving.CoapsSettings()
    database: serving.DatabaseSettings = serving.DatabaseSettings()
    nats: NatsSettings = NatsSettings()
    secrets: serving.SecretsSettings = serving.SecretsSettings()
    admin: serving.AdminSettings = serving.AdminSettings()
    claim: ClaimPolicy = ClaimPolicy()
    sign_in: SignInPolicy = SignInPolicy()
    mail: MailSettings = MailSettings()
    device_api: DeviceApiSettings = DeviceApiSettings()
    mqtt_sessions: MqttSessionSettings = MqttSessionSettings()
    coap_peers: CoapPeerSettings = CoapPeerSettings()
    dtls: DtlsSettings = DtlsSettings()
    journal: JournalSettings = JournalSettings()
    gateways: GatewayLimits = GatewayLimits()
    provisioning: ProvisioningPolicy = ProvisioningPolicy()
    device_limits: DeviceLimits = DeviceLimits()
    device_logins: DeviceLoginSettings = DeviceLoginSettings()
    commands: CommandLimits = CommandLimits()
    retention: Retention = Retention()
    claim_page: ClaimPagePolicy = ClaimPagePolicy()
    pages: PagesSettings = PagesSettings()
    values: ValueLimits = ValueLimits()
    reading: ReadingLimits = ReadingLimits()
    live: LiveSettings = LiveSettings()
    bulk_import: ImportLimits = ImportLimits()
    log: serving.LogSettings = serving.LogSettings()
    traces: serving.TracesSettings = serving.TracesSettings()

    @property
    def data_folder(self) -> Path:
        """The data folder."""
        return Path(self.data.folder)

    @property
    def database_url(self) -> str:
        """The database's URL; by default a file in the data folder."""
        return self.database.url or f"sqlite:{self.data_folder / 'deedbox.sqlite'}"

    @property
    def key_file(self) -> Path:
        """The key file; by default in the data folder."""
        return Path(self.secrets.key_file) if self.secrets.key_file else self.data_folder / "secret.key"


class Setting(msgspec.Struct, frozen=True):
    """One setting as its part declares it. `check` raises ValueError that says what is expected."""

    section: str
    key: str
    type: Any
    default: Any
    description: str
    is_secret: bool = False
    check: Callable[[Any], object] | None = None
    shown_default: str = ""

    @property
    def name(self) -> str:
        """The setting's name, `section.key`."""
        return f"{self.section}.{self.key}"

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"DEEDBOX_{self.section}_{self.key}".upper()

    @property
    def plain_type(self) -> Any:
        """The type without its annotations."""
        return getattr(self.type, "__origin__", self.type)


@cache
def declared() -> Mapping[str, Setting]:
    """Return every setting by name, in the order of the sections."""
    found = [setting for field in msgspec.structs.fields(Settings) for setting in _section(field.name)]
    return {setting.name: setting for setting in found}


def _section(section: str) -> list[Setting]:
    shape = get_type_hints(Settings)[section]
    hints = get_type_hints(shape, include_extras=True)
    return [_setting(section, field, hints[field.name]) for field in msgspec.structs.fields(shape)]


def _setting(section: str, field: msgspec.structs.FieldInfo, hint: Any) -> Setting:
    metas = [it for it in getattr(hint, "__metadata__", ()) if isinstance(it, msgspec.Meta)]
    extra = {key: value for meta in metas for key, value in (meta.extra or {}).items()}
    return Setting(
        section=section,
        key=field.name,
        type=hint,
        default=field.default,
        description=next((meta.description for meta in metas if meta.description), ""),
        is_secret=bool(extra.get("secret")),
        check=extra.get("check"),
        shown_default=str(extra.get("shown_default", "")),
    )
