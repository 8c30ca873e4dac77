"""What kind of place an IP address is: the open internet, or somewhere that a stream from there has no business."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_TRANSLATED = IPv6Network("64:ff9b::/96")
"""NAT64: the last 32 bits are an IPv4 address."""
_COMPATIBLE = IPv6Network("::/96")
"""IPv4 in IPv6 as it was before the mapped form; no longer in use, and no way in."""


def place_of(address: str) -> str | None:
    """None: public. Else ``loopback``, ``private``, ``link-local``, ``multicast`` or ``reserved``.

    ``address`` is as ``getaddrinfo`` gives it: decimal and hexadecimal spellings are resolved by then. An IPv6 address that
    stands for an IPv4 one lies where that does.
    """
    ip = _unwrapped(ip_address(address.partition("%")[0]))
    if ip.is_loopback:
        return "loopback"
    if ip.is_link_local:
        return "link-local"
    if ip.is_multicast:
        return "multicast"
    if ip.is_unspecified or ip.is_reserved:
        return "reserved"  # 0.0.0.0 connects to this machine
    if ip.is_private or (isinstance(ip, IPv6Address) and ip.is_site_local):
        return "private"
    return None if ip.is_global else "reserved"


def _unwrapped(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(ip, IPv4Address):
        return ip
    inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
    if inner is None and (ip in _TRANSLATED or (ip in _COMPATIBLE and int(ip) > 1)):
        inner = IPv4Address(int(ip) & 0xFFFFFFFF)
    return inner or ip
