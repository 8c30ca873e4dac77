from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.sources.streams.addresses import place_of


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("93.184.216.34", None),
        ("2606:2800:220:1::1", None),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("::1", "loopback"),
        ("10.1.2.3", "private"),
        ("172.31.0.1", "private"),
        ("192.168.178.1", "private"),
        ("fd00::1", "private"),
        ("fec0::1", "private"),
        ("169.254.169.254", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("0.0.0.0", "reserved"),
        ("::", "reserved"),
        ("255.255.255.255", "reserved"),
        ("100.64.0.1", "reserved"),
    ],
)
def test_the_place_of_an_address(address: str, place: str | None) -> None:
    assert place_of(address) == place


@given(st.integers(1, 2**32 - 1).map(IPv4Address))
def test_an_ipv6_spelling_of_an_ipv4_address_lies_where_that_does(ip: IPv4Address) -> None:
    high, low = int(ip) >> 16, int(ip) & 0xFFFF
    spellings = [f"::ffff:{ip}", f"64:ff9b::{ip}", f"2002:{high:x}:{low:x}::1"]
    if int(ip) > 1:
        spellings.append(f"::{ip}")
    assert {place_of(spelling) for spelling in spellings} == {place_of(str(ip))}
