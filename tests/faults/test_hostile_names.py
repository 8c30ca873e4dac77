"""Names from outside in the whole program: what is in a file's name ends up as folder, journal row, alert, sidecar and log line.

The stream's name is all that the program takes from outside as a name. (Titles are never asked for.)
"""

import logging
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
import structlog

from stream_processor.logs.log import configure
from stream_processor.naming import MAX_BYTES
from stream_processor.settings import LogSettings
from tests.media_maker import RECIPES, make
from tests.program import LIGHT, alerts, files, run, script, sidecars

STEMS = {
    "RTL, an escape sequence and an ending that is none": "\u202egpj.\x1b[31m.exe",
    "bytes that are no UTF-8": "evening\udcff\udcfe",
    "emoji as long as a file name may be": "👾" * 60,
    "reserved by Windows": "NUL",
    "quotes and a line break": "a'b\"c\nd",
    "MQTT's wildcards": "a+b#$SYS",
    "dots and spaces around it": ".. x ..",
    "the journal's own": "journal.sqlite3",
}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("recording"), RECIPES["h264 in mp4"], seconds=8)


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems do not take these names at all")
@pytest.mark.parametrize("stem", STEMS.values(), ids=STEMS)
def test_a_recording_of_any_name_is_watched_and_everything_of_it_lies_in_one_safe_folder(
    recording: Path, tmp_path: Path, stem: str
) -> None:
    stream = tmp_path / "in" / f"{stem}.mp4"
    stream.parent.mkdir()
    os.link(recording, stream)
    output = tmp_path / "out"
    done = run("--stream", stream, "--output", output, "--config", script(tmp_path, [(3, 5)]), *LIGHT)
    assert done.code == 0, done.err
    (folder,) = [path for path in output.iterdir() if path.is_dir()]
    assert folder.name.isprintable()
    assert len(folder.name.encode()) <= MAX_BYTES
    assert [path.suffix for path in sorted(folder.iterdir()) if path.is_file() and path.name != "alerts.jsonl"] == [
        ".jpg",
        ".json",
        ".mp4",
    ]
    told = sidecars(folder)[0]
    assert told["channel"] == folder.name
    assert alerts(folder)[-1]["highlight"]["channel"] == folder.name
    assert not {"\x1b", "\u202e"} & set(done.lines_said)
    with closing(sqlite3.connect(output / "journal.sqlite3")) as journal:
        assert {row[0] for row in journal.execute("SELECT channel FROM runs")} == {folder.name}
    assert sorted({path.split("/")[0] for path in files(output)} - {folder.name}) == ["journal.sqlite3", "journal.sqlite3.lock"]


def test_words_of_somebody_else_stay_one_line_of_the_log_and_move_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        configure("plain", LogSettings())
        logging.getLogger("streamlink.x").warning("not found\n20:15:00 info    all is well\x1b[2K\u202e %s", "a\rb")
        structlog.get_logger("stream_processor.x").warning("x", reason="a\x1b[2Kb", title="c\nd")
    finally:
        root.handlers[:], root.level = handlers, level
        logging.captureWarnings(False)
        structlog.reset_defaults()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)


def test_two_names_that_are_one_folder_elsewhere_are_two_channels(recording: Path, tmp_path: Path) -> None:
    streams = []
    for number, name in enumerate(["Évening.mp4", "e\u0301vening.mp4", "ÉVENING.mp4"]):
        (tmp_path / str(number)).mkdir()
        streams += ["--stream", tmp_path / str(number) / name]
        os.link(recording, streams[-1])
    done = run(*streams, "--output", tmp_path / "out", "--config", script(tmp_path, [(3, 5)]), *LIGHT)
    assert done.code == 0, done.err
    folders = sorted(path.name for path in (tmp_path / "out").iterdir() if path.is_dir())
    assert folders == sorted(["Évening", "évening-2", "ÉVENING-3"])
    assert all(len(sidecars(tmp_path / "out" / name)) == 1 for name in folders)
