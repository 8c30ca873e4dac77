"""A sidecar is there whole, or not at all."""

from pathlib import Path

import pytest

from stream_processor.clipping.sidecar_file import write_sidecar
from tests.program import files, strict


def test_a_sidecar_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "clip.json"
    write_sidecar(path, {"name": "Ünicode ✓"})
    assert strict(path.read_text(encoding="utf-8")) == {"name": "Ünicode ✓"}
    with pytest.raises(ValueError, match="JSON"):
        write_sidecar(path, {"score": float("nan")})
    assert strict(path.read_text(encoding="utf-8")) == {"name": "Ünicode ✓"}
    assert files(tmp_path) == ["clip.json"]


def test_a_sidecar_that_the_disk_refuses_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "clip.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_sidecar(tmp_path / "clip.json", {})
    assert files(tmp_path) == []
