"""What budgets count as one source (behaviour §6.1)."""

import pytest

from deedbox.core.source_networks import network_of

SAME = [
    ("192.0.2.7", "192.0.2.7"),
    ("::ffff:192.0.2.7", "192.0.2.7"),
    ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
    ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
    ("fe80::1%eth0", "fe80::/64"),
    ("a socket's name", "a socket's name"),
    ("", ""),
]


@pytest.mark.parametrize(("address", "network"), SAME)
def test_addresses_stand_for_networks(address: str, network: str) -> None:
    assert network_of(address) == network
