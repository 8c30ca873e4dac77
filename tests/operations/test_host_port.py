"""Where to listen, as people write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.operations.host_port import HostPort, parse


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:9464", "127.0.0.1", 9464),
        ("[::1]:9464", "::1", 9464),
        ("0.0.0.0:80", "0.0.0.0", 80),  # everybody, because he says so
        ("my-host.local:1", "my-host.local", 1),
        (":9464", "127.0.0.1", 9464),  # without a host: this machine alone
        ("9464", "127.0.0.1", 9464),
        ("127.0.0.1:0", "127.0.0.1", 0),
    ],
)
def test_an_address_is_host_and_port(text: str, host: str, port: int) -> None:
    assert parse(text) == (host, port)


@pytest.mark.parametrize("text", ["", "host", "host:", "host:x", "1.2.3.4:65536", "::1:9464", "http://h:1", "a b:1", "h:1 ٣"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"for instance 127\.0\.0\.1:9464"):
        parse(text)


@given(st.ip_addresses(), st.integers(0, 65535))
def test_it_is_read_as_it_is_written(host: object, port: int) -> None:
    address = HostPort(str(host), port)
    assert parse(str(address)) == address


@given(st.text(max_size=30))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        host, port = parse(text)
    except ValueError:
        return
    assert host
    assert 0 <= port <= 65535
