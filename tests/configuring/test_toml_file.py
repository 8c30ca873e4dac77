"""A configuration is read within bounds, whoever wrote it."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from stream_processor.configuring import toml_file
from stream_processor.errors import SettingsError


def written(folder: Path, content: bytes) -> Path:
    file = folder / "mine.toml"
    file.write_bytes(content)
    return file


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a = " + b"[" * 100_000, "nested too deeply"),
        (b"a = " + b"{b = " * 100_000, "nested too deeply"),
        (b"a = " + b"[" * 40 + b"]" * 40, "nested too deeply"),
        (b".".join([b"a"] * 100_000) + b" = 1", "a key of more than 32 parts"),
        (b"[" + b" . ".join([b'"a"', b"'b'"] * 50_000) + b"]", "a key of more than 32 parts"),
        (b"a = " + b"9" * 5_000, "digits"),
        (b"a = 0x" + b"f" * 50_000, "more than 64 bits"),
        (b"a = [{b = 9223372036854775808}]", "more than 64 bits"),
        (b"#" * 1_000_001, "larger than 1 MB"),
        (b"\xff\xfe", "not TOML"),
        (b'a = "\\ud800"', "not TOML"),
        (b"\0", "not TOML"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_goes_beyond_the_bounds_is_one_line(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason) as raised:
        toml_file.read(written(tmp_path, content))
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"#" * 1_000_000,
        b"a = " + b"[" * 30 + b"]" * 30,
        b".".join([b"a"] * 31) + b" = 1",
        b"a = '''" + b"one two. three, four. " * 50 + b"'''",
        b"a = [9223372036854775807, -9223372036854775808]",
    ],
    ids=["size", "depth", "parts", "sentences", "64 bits"],
)
def test_what_keeps_within_them_is_read(tmp_path: Path, content: bytes) -> None:
    toml_file.read(written(tmp_path, content))


@pytest.mark.parametrize("name", ["a\0b", "a" * 5000, "a\ud800"])
def test_what_cannot_be_a_file_name_is_one_line(name: str) -> None:
    with pytest.raises(SettingsError):
        toml_file.read(Path(name))


@pytest.mark.skipif(os.name != "posix", reason="named pipes as POSIX has them")
class TestPipes:
    def test_what_comes_through_a_pipe_is_read_to_its_end(self, tmp_path: Path) -> None:
        content = b"a = '" + b"x" * 300_000 + b"'"
        os.mkfifo(tmp_path / "pipe")
        writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(content))
        reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)  # so that the writer is never too late
        writer.start()
        try:
            assert toml_file.read(tmp_path / "pipe") == {"a": "x" * 300_000}
        finally:
            os.close(reader)
            writer.join()

    def test_a_pipe_that_nobody_writes_to_is_not_waited_for(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(toml_file, "PATIENCE_SECONDS", 0.01)
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(SettingsError, match=r"pipe: still no end of it after 0\.01 s$"):
            toml_file.read(tmp_path / "pipe")

    def test_what_never_ends_is_too_large(self) -> None:
        with pytest.raises(SettingsError, match="larger than 1 MB"):
            toml_file.read(Path("/dev/zero"))

    def test_nothing_is_an_empty_table(self) -> None:
        assert toml_file.read(Path("/dev/null")) == {}


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_one_line(tmp_path: Path) -> None:
    file = written(tmp_path, b"")
    file.chmod(0)
    with pytest.raises(SettingsError, match="Permission denied"):
        toml_file.read(file)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "9" * 5_000, "0x" + "f" * 5_000, "x" * 2_000_000, "{" + "a." * 100_000 + "b = 1}"]
)
def test_a_value_that_goes_beyond_them_is_text_as_it_stands(text: str) -> None:
    value: Any = toml_file.value(text)
    assert value == text
