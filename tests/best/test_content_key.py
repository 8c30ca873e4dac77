"""A recording is known by what it holds, not by its name or date."""

import os
from pathlib import Path

from stream_processor.best.content_key import content_key


def test_name_and_date_do_not_count(tmp_path: Path) -> None:
    one, other = tmp_path / "a.mp4", tmp_path / "b.mkv"
    one.write_bytes(b"the same" * 1000)
    other.write_bytes(b"the same" * 1000)
    os.utime(other, (1, 1))
    assert content_key(one) == content_key(other)


def test_any_byte_of_a_small_file_counts(tmp_path: Path) -> None:
    one, other = tmp_path / "a", tmp_path / "b"
    one.write_bytes(bytes(100_000))
    other.write_bytes(bytes(77_777) + b"\1" + bytes(22_222))
    assert content_key(one) != content_key(other)


def test_of_a_playlist_its_parts_count(tmp_path: Path) -> None:
    """Two recordings of one camera: the same playlist, word for word."""
    keys = []
    for name, part in (("monday", b"one"), ("tuesday", b"two"), ("copy", b"two"), ("wednesday", b"two and more")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "list.m3u8").write_text("#EXTM3U\n#EXTINF:2,\nlow/list.m3u8\n\x00\nlist.m3u8\nnowhere.ts\n")
        (folder / "low").mkdir()
        (folder / "low" / "list.m3u8").write_text("#EXTM3U\n#EXTINF:2,\n0.ts\n")
        (folder / "low" / "0.ts").write_bytes(part)
        keys.append(content_key(folder / "list.m3u8"))
    assert keys[1] == keys[2]
    assert len(set(keys)) == 3


def test_size_beginning_and_end_of_a_large_file_count(tmp_path: Path) -> None:
    def key(name: str, size: int, at: int) -> str:
        file = tmp_path / name
        with file.open("wb") as opened:
            opened.truncate(size)
            opened.seek(at)
            opened.write(b"\1")
        return content_key(file)

    size = 40 << 20
    keys = {key("a", size, 0), key("b", size, size - 1), key("c", size + 1, 0), key("d", size, size // 2 + 200_000)}
    assert len(keys) >= 3
