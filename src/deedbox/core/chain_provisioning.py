"""Devices that a certificate authority lets in: the common name of the certificate says which one it is.

The certificate becomes the device's credentials. Nobody gets an owner by it: claiming follows.
"""

from typing import cast
from uuid import UUID

from deedbox.core import device_changes
from deedbox.core.certificate_logins import find_by_certificate
from deedbox.core.credential_kinds import CredentialsDraft, CredentialsKind
from deedbox.core.credentials import CredentialsStore, Login, credentials_of
from deedbox.core.device_certificates import common_name, in_pem_form, is_newer
from deedbox.core.devices import checked_name
from deedbox.core.errors import InvalidValue
from deedbox.core.name_patterns import name_in
from deedbox.core.ownership import DeviceState
from deedbox.core.provisioning import (
    Case,
    Failed,
    FoundProfile,
    Provisioning,
    ProvisionRequest,
    subject_of,
)
from deedbox.core.records import Subject


async def provision_by_chain(
    parts: Provisioning,
    credentials: CredentialsStore,
    certificate: bytes,
    profile: FoundProfile,
    source_address: str,
) -> Login | None:
    """Make this certificate (DER), which the profile's signer vouches for, its device's credentials.

    Needs a transaction that nobody writes beside: of two at once the second finds the first one's device.
    None when it can't be; what stood against it is in the audit log.
    """
    login = await find_by_certificate(credentials, parts.keys, certificate)
    if login is not None:
        return login
    case = _ChainCase(parts, certificate, profile, source_address)
    try:
        await case.let_in()
    except Failed as failure:
        await case.note_failure(str(failure))
        return None
    return await find_by_certificate(credentials, parts.keys, certificate)


class _ChainCase(Case):
    """One device with a certificate that the profile's signer vouches for."""

    def __init__(
        self, parts: Provisioning, certificate: bytes, profile: FoundProfile, source_address: str
    ) -> None:
        self._certificate = certificate
        self._draft = CredentialsDraft(CredentialsKind.X509_CERTIFICATE, None, in_pem_form(certificate))
        self._common_name = common_name(certificate)
        name = name_in(self._common_name, profile.settings.name_pattern or "")
        request = ProvisionRequest("", "", name, self._draft, source_address=source_address)
        super().__init__(parts, request, profile)

    async def let_in(self) -> None:
        """Give the device its credentials. Raises Failed."""
        if not self.name:
            self.name = _shown(self._common_name)
            raise Failed("bad name")
        state = await self.state()
        if state is not None:
            subject = await self._known_device(state)
        elif self.profile.settings.makes_devices:
            subject = await self.new_device()
        else:
            raise Failed("unknown device")
        await self.parts.store.mark_provisioned(cast(UUID, subject.entity_id))
        await self.note(subject, CredentialsKind.X509_CERTIFICATE)

    async def _known_device(self, state: DeviceState) -> Subject:
        """Take the certificate in the place of an older one."""
        before = await credentials_of(self.parts.devices, self.parts.keys, state.device.id)
        if state.device.profile_id != self.profile.id or before is None:
            raise Failed("name taken")
        if before.kind is not CredentialsKind.X509_CERTIFICATE or before.value is None:
            raise Failed("other credentials")
        # Whoever has a key of former times must not take the device back.
        if not is_newer(self._certificate, before.value):
            raise Failed("older certificate")
        try:
            await device_changes.replace_credentials(self.making, state, self._draft, None)
        except InvalidValue:
            raise Failed("bad credentials") from None
        return subject_of(state)


def _shown(name: str) -> str:
    """Return a common name for the audit log; empty for one that no device could have."""
    try:
        return checked_name(name.strip())
    except InvalidValue:
        return ""
