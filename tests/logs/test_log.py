import io
import json
import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.logs import log
from stream_processor.settings import LogSettings
from stream_processor.sources.streams.log import redirect_log

SECRET = "s3cr3tS3CR3T"
URL = f"rtmp://host/live/{SECRET}"


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in (*log._OURS, "streamlink"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def ours() -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.get_logger("stream_processor.some_part")
    return logger


def test_plain_lines_say_time_level_event_and_values_and_only_trouble_goes_to_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.configure("plain", LogSettings())
    ours().info("stream live", channel="x")
    ours().warning("lost the stream", attempt=2, reason="no data", seconds=1.5)
    out, err = capsys.readouterr()
    assert out.split(" ", 1)[1] == "info    stream live  channel=x\n"
    assert err.split(" ", 1)[1] == "warning lost the stream  attempt=2  reason='no data'  seconds=1.5\n"


def test_json_lines_go_to_standard_output_and_can_be_read_back(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", LogSettings())
    ours().info("highlight", score=2.5, parts=["a", {"b": None}])
    line = json.loads(capsys.readouterr().out)
    assert line.pop("time").endswith("Z")
    assert line == {"type": "log", "level": "info", "event": "highlight", "score": 2.5, "parts": ["a", {"b": None}]}


def test_the_panel_keeps_the_last_lines_and_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    panel = log.configure("rich", LogSettings())
    for number in range(1000):
        ours().info("line", number=number)
    assert len(panel.lines) == panel.lines.maxlen
    assert panel.lines[-1].text.endswith("number=999")
    assert capsys.readouterr() == ("", "")


def test_once_the_dashboard_is_gone_the_panel_says_its_warnings_again_and_then_lets_lines_through(
    capsys: pytest.CaptureFixture[str],
) -> None:
    panel = log.configure("rich", LogSettings())
    ours().info("calm")
    ours().error("bad")
    panel.let_through()
    ours().info("after")
    said = [line.split()[2] for line in capsys.readouterr().err.splitlines()]
    assert said == ["bad", "after"]


@pytest.mark.parametrize("ui", ["plain", "json", "rich"])
def test_no_way_of_logging_lets_a_secret_out(ui: str, capsys: pytest.CaptureFixture[str]) -> None:
    panel = log.configure(ui, LogSettings(level="debug"))  # type: ignore[arg-type]
    ours().info(
        f"opening {URL}", url=URL, nested={"a": [URL, {URL: URL}]}, error=ValueError(URL), password=SECRET, pair=(URL, b"x")
    )
    logging.getLogger("streamlink.plugins.twitch").error("cannot play %s", URL)
    logging.getLogger("asyncio").error("Authorization: OAuth %s", SECRET)
    try:
        raise OSError(URL)
    except OSError:
        ours().exception("broke")
    said = "".join(capsys.readouterr()) + "\n".join(line.text for line in panel.lines)
    assert said.count("***") > 8
    assert SECRET not in said


@given(st.recursive(st.text() | st.integers() | st.just(URL), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_redaction_reaches_every_depth(value: object) -> None:
    assert SECRET not in json.dumps(log.redacted(None, "info", {"value": value}))


def test_other_libraries_are_heard_from_warnings_on_and_all_of_streamlink_when_debugging(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.configure("plain", LogSettings(level="info"))
    logging.getLogger("streamlink.session").info("chatter")
    logging.getLogger("asyncio").warning("slow callback")
    log.configure("plain", LogSettings(level="debug"))
    logging.getLogger("streamlink.session").debug("segment 5")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old call", UserWarning, stacklevel=1)
    said = "".join(capsys.readouterr())
    assert "chatter" not in said
    assert "slow callback" in said
    assert "segment 5" in said
    assert "old call" in said


@pytest.mark.parametrize("ui", ["plain", "json"])
def test_whoever_reads_along_may_go(ui: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(text)

    monkeypatch.setattr("sys.stdout", Gone())
    log.configure(ui, LogSettings())  # type: ignore[arg-type]
    ours().info("calm")  # `main --stream … | head -1`
    assert capsys.readouterr().err == ""


def test_once_the_reader_has_gone_what_is_written_goes_nowhere_and_never_fails_again() -> None:
    reader, writer = os.pipe()
    with open(writer, "w") as out:  # noqa: PTH123 # a descriptor
        os.close(reader)
        for _ in range(3):
            log.write_line("calm", out)
        print("and whatever else the program prints", file=out, flush=True)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")
def test_once_the_terminal_was_closed_what_is_written_goes_nowhere_and_never_fails_again() -> None:
    import pty

    terminal, screen = pty.openpty()
    with open(screen, "w") as out:  # noqa: PTH123 # a descriptor
        os.close(terminal)
        log.write_line("calm", out)
        print("and whatever else the program prints", file=out, flush=True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_costs_lines_and_nothing_else() -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 # a device
        log.write_line("calm", full)
        log.write_line("calm", full)
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())  # closing would say it again


def test_letters_that_the_output_does_not_have_are_written_as_numbers() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    log.write_line(json.dumps("half \ud83d", ensure_ascii=False), out)
    assert json.loads(out.buffer.getvalue()) == "half \ud83d"


def test_the_level_holds_for_our_own_loggers(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("plain", LogSettings(level="error"))
    ours().warning("quiet")
    ours().error("loud")
    err = capsys.readouterr().err
    assert "quiet" not in err
    assert "loud" in err


@pytest.mark.parametrize("ui", ["plain", "json", "rich"])
def test_the_file_has_what_the_screen_has_with_its_date_and_without_secrets(ui: str, tmp_path: Path) -> None:
    file = tmp_path / "program.log"
    log.configure(ui, LogSettings(file=file))  # type: ignore[arg-type]
    ours().warning("lost the stream", url=URL, password=SECRET)
    logging.getLogger("asyncio").error("cannot reach %s", URL)
    logging.getLogger().handlers[0].flush()
    lines = file.read_text().splitlines()
    if ui == "json":
        lines = [f"{line['time']} {line['level']} {line['event']}" for line in map(json.loads, lines)]
    assert [line.split()[1] for line in lines] == ["warning", "error"]
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ", line) for line in lines)
    assert SECRET not in file.read_text()


def test_a_file_that_cannot_be_written_is_said_on_the_screen_and_stops_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("plain", LogSettings(file=tmp_path))  # a folder
    ours().info("calm")
    logging.getLogger().handlers[0].flush()
    out, err = capsys.readouterr()
    assert "calm" in out
    assert err.count("the log file cannot be written") == 1


def test_a_flood_is_cut_short(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("plain", LogSettings())
    for attempt in range(300):
        ours().warning("the disk is full", attempt=attempt)
    logging.getLogger().handlers[0].flush()
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 4
    assert said[-1].endswith("warning the disk is full: and 297 more within a minute")


def test_a_warning_of_streamlink_is_said_once_and_does_not_hear_itself(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("plain", LogSettings())
    redirect_log()
    logging.getLogger("streamlink.stream.hls").warning("playlist stalled")
    assert capsys.readouterr().err.count("playlist stalled") == 1
