"""Which addresses a feed may make us connect to: the public ones.

The check sits where the socket is made, so it sees the address that is really connected to, on every
hop: literal addresses, which never pass a resolver, and names that resolve differently the second time.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

_NEVER = (
    ipaddress.ip_network("168.63.129.16/32"),  # Azure's platform channel
    ipaddress.ip_network("192.0.0.0/24"),  # protocol assignments; Oracle's metadata
    ipaddress.ip_network("198.18.0.0/15"),  # benchmarking
    ipaddress.ip_network("0.0.0.0/8"),
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class ForbiddenAddressError(OSError):
    """A connection to an address that is not public was refused before it was made."""

    def __init__(self, address: str) -> None:
        """Keep the address out of the text: several refusals of one name must read alike."""
        super().__init__("the address is not public")
        self.address = address


def is_public(address: str) -> bool:
    """Tell whether a numeric IPv4 or IPv6 address belongs to the public internet."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = _carried(parsed)
        if inner is not None:
            return is_public(str(inner))
        if parsed.is_site_local:
            return False
    if any(parsed in network for network in _NEVER if network.version == parsed.version):
        return False
    return parsed.is_global and not (parsed.is_multicast or parsed.is_reserved)


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Give the IPv4 address that an IPv6 address stands for: mapped, NAT64, 6to4, Teredo."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.teredo is not None:
        return address.teredo[1]
    return address.sixtofour


def open_public_socket(address_info: tuple[Any, ...]) -> socket.socket:
    """Make the socket for one connection; raise ForbiddenAddressError if its peer is not public."""
    family, kind, protocol, _, peer = address_info
    if not is_public(peer[0]):
        raise ForbiddenAddressError(peer[0])
    return socket.socket(family=family, type=kind, proto=protocol)
