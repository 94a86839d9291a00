"""Who shows a certificate over any transport: a device that has it, or one that may provision itself by it.

TLS has proved by then that the client has the certificate's key, and nothing else.
"""

from collections.abc import Sequence

from deedbox.core.certificate_logins import Shown, look_up, verified
from deedbox.core.chain_provisioning import provision_by_chain
from deedbox.core.credentials import Login
from deedbox.core.device_certificates import Chain
from deedbox.core.keys import KeyRing
from deedbox.core.live import LiveChanges
from deedbox.core.storage import Storage, Stores
from deedbox.transports.provisioning import DeviceProvisioning


class CertificateLogins:
    """Finds devices by certificates. `trusted`: who must have signed them (DER), None for anybody."""

    def __init__(
        self,
        storage: Storage,
        keys: KeyRing,
        provisioning: DeviceProvisioning,
        live: LiveChanges,
        trusted: Sequence[bytes] | None,
    ) -> None:
        self._storage = storage
        self._keys = keys
        self._provisioning = provisioning
        self._live = live
        self._trusted = trusted

    async def find(self, chain: Chain) -> Shown:
        """Return whom a chain proves its bearer to be, and where else it may provision itself.

        Raises StorageUnavailable.
        """
        return await self._storage.look(lambda stores: self._shown(stores, chain))

    async def provision(self, chain: Chain, source_address: str) -> Login | None:
        """Make a chain's first certificate its device's credentials; None if no profile lets it.

        It is stored by then. Raises StorageUnavailable.
        """

        async def work(stores: Stores) -> Login | None:
            shown = await self._shown(stores, chain)  # others may have been here since it was looked up
            if shown.login is not None or shown.profile is None:
                return shown.login
            parts = self._provisioning.parts(stores)
            return await provision_by_chain(
                parts, stores.credentials, chain[0], shown.profile, source_address
            )

        login = await self._storage.write(work)
        self._provisioning.note("failure" if login is None else "success")
        if login is not None:
            self._live.tell_credentials(login.device_id)
        return login

    async def _shown(self, stores: Stores, chain: Chain) -> Shown:
        known = await look_up(stores.credentials, stores.provisioning, self._keys, chain)
        return verified(known, chain, self._trusted, self._storage.now_ms())
