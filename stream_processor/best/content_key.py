"""What a file holds, in a few letters: the same under any name and date."""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

_WHOLE = 16 << 20
"""A file up to this size is read whole."""
_BLOCK = 256 << 10
_BLOCKS = 64
_PLAYLIST = b"#EXTM3U"
_DEEPEST = 2
"""A playlist may name playlists, which name parts."""


def content_key(file: Path) -> str:
    """32 hexadecimal digits: BLAKE2 over the size and the content, of large files over 64 blocks spread evenly, ends included.

    Neither name nor date counts, so a recording that was moved or copied is known again. A large file that was changed in
    place, between the blocks and without changing its size, is not noticed: recorders and editors do no such thing. Of a
    playlist (HLS) the parts that it names count, too, each with its size and its beginning: two recordings may have the same one.
    OSError: it cannot be read.
    """
    size = file.stat().st_size
    digest = hashlib.blake2b(str(size).encode(), digest_size=16)
    with file.open("rb") as opened:
        if size <= _WHOLE:
            while block := opened.read(_BLOCK):
                digest.update(block)
            for part in _parts(file, _DEEPEST):
                digest.update(part)
        else:
            for number in range(_BLOCKS):
                opened.seek((size - _BLOCK) * number // (_BLOCKS - 1))
                digest.update(opened.read(_BLOCK))
    return digest.hexdigest()


def _parts(file: Path, deep: int) -> Iterator[bytes]:
    """Size and beginning of all that a playlist names and that is there; nothing of any other file."""
    with file.open("rb") as opened:
        if deep == 0 or opened.read(len(_PLAYLIST)) != _PLAYLIST:
            return
        lines = opened.read(_WHOLE).decode(errors="replace").splitlines()
    for name in (line.strip() for line in lines if not line.startswith("#")):
        part = file.parent / name
        with contextlib.suppress(OSError, ValueError):  # a name that can be none
            if name and part.is_file():
                yield str(part.stat().st_size).encode()
                with part.open("rb") as opened:
                    yield opened.read(_BLOCK)
                yield from _parts(part, deep - 1)
