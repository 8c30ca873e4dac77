"""Recordings that become others in the middle, as a switching encoder or an inserted programme sends them: joined byte for byte.

Both halves are those of ``tests.media_maker`` (numbered frames, a click each second), the second encoded anew and moved in time.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path

FLV_HEAD_BYTES = 13


def encode(ffmpeg: Path, source: Path, target: Path, *arguments: str, from_seconds: float) -> Path:
    """``source`` once more, with FFmpeg's ``arguments``, its first frame at ``from_seconds``."""
    command = [str(ffmpeg), "-v", "error", "-y", "-i", str(source), *arguments]
    subprocess.run([*command, "-output_ts_offset", str(from_seconds), "-muxdelay", "0", str(target)], check=True, timeout=100)
    return target


def joined(target: Path, parts: Sequence[Path]) -> Path:
    """One after the other; of an FLV only the first has a head."""
    head = FLV_HEAD_BYTES if target.suffix == ".flv" else 0
    target.write_bytes(b"".join(part.read_bytes()[head if index else 0 :] for index, part in enumerate(parts)))
    return target


# ---- pictures that are too large -------------------------------------------------------------------------------------


def sequence_parameters(width: int, height: int) -> bytes:
    """An H.264 sequence parameter set (7.3.2.1.1) of so many pixels, with its start code: baseline, nothing else in it."""
    profile, level = f"{66:08b}{0:08b}", f"{51:08b}"
    numbers = "".join(map(_golomb, (0, 0, 2, 1))), "0", _golomb(width // 16 - 1), _golomb(height // 16 - 1)
    bits = profile + level + "".join(numbers) + "1100" + "1"
    bits += "0" * (-len(bits) % 8)
    unit = bytearray()
    for byte in (int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)):
        if unit[-2:] == b"\0\0" and byte <= 3:
            unit.append(3)  # lest it look like a start code
        unit.append(byte)
    return b"\0\0\0\1\x67" + bytes(unit)


def with_size(keyframe: bytes, width: int, height: int) -> bytes:
    """The keyframe (start codes) with another sequence parameter set in front of what it had."""
    at = keyframe.index(b"\0\0\1\x67")
    end = keyframe.index(b"\0\0\1", at + 4)
    return keyframe[:at] + sequence_parameters(width, height) + keyframe[end:]


def _golomb(number: int) -> str:
    bits = f"{number + 1:b}"
    return "0" * (len(bits) - 1) + bits
