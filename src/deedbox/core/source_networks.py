"""Where a request comes from, as budgets count it: an IPv4 address, or the /64 of an IPv6 address."""

from ipaddress import IPv4Address, ip_address, ip_network

_IPV6_PREFIX = 64


def network_of(address: str) -> str:
    """Return the network that an address stands for; text that is no address stands for itself."""
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(known, IPv4Address):
        return str(known)
    if known.ipv4_mapped:
        return str(known.ipv4_mapped)
    return str(ip_network((known, _IPV6_PREFIX), strict=False))
