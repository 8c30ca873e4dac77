"""One packet into a container: what is wrong with the packet is told apart from what is wrong with the disk."""

import errno
from typing import Any

import av.error

DISK_ERRORS = frozenset(
    getattr(errno, name)
    for name in (
        *("ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "EIO", "ENOENT", "ENOTDIR", "EMFILE", "ENFILE", "EBUSY"),
        *("ENODEV", "ENXIO", "ESTALE", "ETIMEDOUT", "EHOSTDOWN", "ENOTCONN"),  # unplugged; a share whose server is away
    )
    if hasattr(errno, name)
)
"""What may be otherwise a little later."""

_DAMAGED = (av.error.InvalidDataError, av.error.PatchWelcomeError, ValueError)
"""What muxers and their filters say of a packet that they cannot make sense of (an ADTS header with a flipped bit, for one)."""


def mux(container: Any, packet: Any) -> Exception | None:
    """Returns what is wrong with a packet that was left out. Raises FFmpegError, OSError: it could not be written."""
    try:
        container.mux(packet)
    except _DAMAGED as error:
        return error
    return None
