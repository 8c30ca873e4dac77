import asyncio
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from stream_processor.records import Event
from stream_processor.screen import faces
from stream_processor.screen.faces import Json, Plain, Ticking, progress, settle
from stream_processor.status import ChannelStatus
from tests.program import script, start

HIGHLIGHT = {"id": "run-0-7", "start_time": 21.0, "score": 3.5, "threshold": 1.6, "reason": "motion +4.1", "filename": None}


def channel() -> ChannelStatus:
    return ChannelStatus("x", "twitch.tv/x", started_at=100.0, state="live", stream_seconds=30.0, windows=9)


def test_auto_is_a_dashboard_only_on_a_terminal() -> None:
    assert settle("auto", is_terminal=True) == "rich"
    assert settle("auto", is_terminal=False) == "plain"
    assert settle("json", is_terminal=True) == "json"


def test_progress_says_speed_since_the_start_and_only_what_there_is() -> None:
    line = progress(channel(), now=120.0)
    assert line["speed"] == 1.5
    assert not {"total_seconds", "dropped", "outbox_waiting", "detail"} & set(line)
    waiting = channel()
    waiting.detail = "waiting for the encoder"
    waiting.frames_dropped = 3
    assert progress(waiting, now=100.0) | {"dropped": 3, "detail": "waiting for the encoder", "speed": 0.0} == progress(
        waiting, 100.0
    )


def test_plain_tells_of_alerts_and_states_in_lines() -> None:
    with structlog.testing.capture_logs() as lines:
        face = Plain([channel()])
        face.tick(120.0)
        face.tell(Event("state", "x", {"state": "reconnecting"}))
        face.tell(Event("window", "x", {"score": 1.0}))
        face.tell(Event("new", "x", HIGHLIGHT, 1))
        face.tell(Event("end", "x", HIGHLIGHT | {"filename": "a.mp4"}, 2))
        face.tell(Event("end", "x", HIGHLIGHT | {"clip_reason": "no room"}, 3))
    assert [line["event"] for line in lines] == ["progress", "state", "highlight", "clip written", "no clip"]
    assert lines[2]["reason"] == "motion +4.1"
    assert lines[3]["filename"] == "a.mp4"
    assert lines[4]["clip_reason"] == "no room"


def test_plain_tells_of_a_few_channels_one_by_one() -> None:
    few = [ChannelStatus(f"c{number}", "x", started_at=100.0, state="live") for number in range(4)]
    with structlog.testing.capture_logs() as lines:
        Plain(few).tick(120.0)
    assert [line["channel"] for line in lines] == ["c0", "c1", "c2", "c3"]


def test_plain_tells_of_many_channels_in_one_line_and_of_a_few_in_trouble_by_name() -> None:
    many = [ChannelStatus(f"c{number}", "x", started_at=100.0, state="live", outbox_waiting=2) for number in range(40)]
    many[3].state = "reconnecting"
    face = Plain(many)
    with structlog.testing.capture_logs() as lines:
        face.tick(110.0)
        many[3].state = "live"
        many[7].frames_dropped, many[8].lag_seconds = 5, 4.25
        face.tick(120.0)
        face.tick(130.0)
    first, reconnecting, second, dropping, third = lines
    assert (first["channels"], first["live"], first["reconnecting"], first["in_trouble"]) == (40, 39, 1, 1)
    assert first["outbox_waiting"] == 2
    assert reconnecting["channel"] == "c3"
    assert (second["live"], second["dropped"], second["lag_seconds"], dropping["channel"]) == (40, 5, 4.2, "c7")
    assert "in_trouble" not in third


def test_plain_does_not_drown_in_trouble() -> None:
    many = [ChannelStatus(f"c{number}", "x", started_at=100.0, state="reconnecting") for number in range(40)]
    with structlog.testing.capture_logs() as lines:
        Plain(many).tick(110.0)
    assert len(lines) == 5
    assert lines[0]["in_trouble"] == 40


def test_json_writes_one_object_a_line() -> None:
    out = io.StringIO()
    face = Json([channel()], out)
    face.tick(120.0)
    face.tell(Event("state", "x", {"state": "live"}))
    face.tell(Event("new", "x", HIGHLIGHT, 1))
    first, second, third = map(json.loads, out.getvalue().splitlines())
    assert (first["type"], first["channel"], first["windows"]) == ("progress", "x", 9)
    assert second == {"type": "state", "channel": "x", "state": "live"}
    assert third == {"type": "new", "channel": "x", "highlight": HIGHLIGHT}


def test_a_reader_of_json_lines_that_goes_away_ends_no_channel(made: Callable[..., Path], tmp_path: Path) -> None:
    """As in ``main --ui json | head -1``."""
    config = script(tmp_path, [(3.0, 5.0)])
    output = ("--output", tmp_path / "out", "--config", config, "--device", "cpu", "--ui", "json")
    with start("--stream", made("h264 in mp4"), *output) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read().decode()
        assert process.wait(60) == 0, said
    assert said == ""
    assert len(list(tmp_path.glob("out/*/*.mp4"))) == 1


class Fake:
    every_seconds = 0.0

    def __init__(self, fails: bool = False) -> None:
        self.calls: list[str] = []
        self.fails = fails
        self.ticked = asyncio.Event()

    def start(self) -> None:
        self.calls.append("start")

    def tick(self, now: float) -> None:
        self.calls.append(f"tick {now}")
        self.ticked.set()
        if self.fails:
            raise ZeroDivisionError

    def tell(self, event: Event) -> None: ...

    def stop(self) -> None:
        self.calls.append("stop")


async def test_a_face_is_started_ticked_with_the_clock_and_stopped() -> None:
    face = Fake()
    async with Ticking(face, clock=lambda: 7.0):
        await face.ticked.wait()
    assert face.calls[:2] == ["start", "tick 7.0"]
    assert face.calls[-1] == "stop"


async def test_a_fault_of_a_face_comes_out_and_the_terminal_is_given_back() -> None:
    face = Fake(fails=True)
    with pytest.raises(ZeroDivisionError):
        async with Ticking(face):
            await face.ticked.wait()
    assert face.calls[-1] == "stop"


async def test_plain_and_json_are_built_without_rich() -> None:
    from stream_processor.logs.log import LogPanel

    assert isinstance(faces.face_for("plain", [], LogPanel()), Ticking)
    assert isinstance(faces.face_for("json", [], LogPanel()), Ticking)
