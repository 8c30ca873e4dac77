"""Where to listen, as people write it: ``127.0.0.1:9464``, ``[::1]:9464``, or the port alone for this machine only."""

import re
from typing import NamedTuple

_FORM = re.compile(r"(?:(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]*)):)?(?P<port>[0-9]{1,5})")
_LOOPBACK = "127.0.0.1"


class HostPort(NamedTuple):
    """``port`` 0: any that is free."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(text: str) -> HostPort:
    """Without a host: loopback alone. ValueError: it is no such address."""
    found = _FORM.fullmatch(text.strip())
    if found is None or int(found["port"]) > 65535:
        raise ValueError("must be HOST:PORT, for instance 127.0.0.1:9464 or [::1]:9464, with a port from 0 (any) to 65535")
    return HostPort(found["six"] or found["host"] or _LOOPBACK, int(found["port"]))
