"""``main report``: a run's page from its journal, its clips and its sidecars; and that of ``main best``."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from stream_processor.clipping.sidecar import highlight_id
from stream_processor.commands.replay import decide
from stream_processor.commands.report import show, write
from stream_processor.deciding.decisions import build_detection, build_normaliser, deciding_settings
from stream_processor.errors import ClipWriteError, JournalError, SettingsError
from stream_processor.journal import Journal
from stream_processor.records import Clip, Sum, replace
from stream_processor.settings import Settings
from stream_processor.windows import Windows
from tests.commands.test_replay import STARTED_AT, stream
from tests.reporting.test_html import HOSTILE, Reader

CLIP = Clip("first.mp4", 87.0, 20.5, "h264", 640, 360, 30.0, "aac", "copy", "first.jpg")


async def a_run(folder: Path, *, channel: str = "x", source: str = "demo", bursts: tuple[int, ...] = (90, 150)) -> str:
    """Bursts at 90 s and 150 s: the first has a clip with picture and sidecar, the second was not kept."""
    settings, panes = Settings(), stream(200, bursts)
    async with Journal.open(folder / "journal.sqlite3") as journal:
        run_id = await journal.begin_run(
            channel, source, STARTED_AT, deciding_settings(settings), signals={"motion": "farneback"}, baseline=()
        )
        detection = build_detection(
            build_normaliser(settings.saliency, {name: section.weight for name, section in settings.signals.items()}),
            peaks=settings.peaks,
            window=settings.window,
            identify=lambda epoch, window: highlight_id(run_id, epoch, window),
            nuisance=settings.nuisance,
        )
        for pane in panes:
            await journal.add_pane(run_id, pane)
        for place, highlight in enumerate(decide(panes, Windows(settings.window), detection, is_over=True).highlights):
            clip, reason = (CLIP, None) if place == 0 else (None, "ranked 2nd of the last hour, 1 is kept")
            await journal.save_highlight(run_id, channel, highlight, "done", clip, reason)
        await journal.end_run(run_id)
    clips = folder / channel
    clips.mkdir(exist_ok=True)
    (clips / "first.mp4").write_bytes(b"film")
    cv2.imwrite(str(clips / "first.jpg"), np.full((720, 1280, 3), 90, np.uint8))
    (clips / "first.json").write_text(json.dumps({"finishing": [{"step": "scene", "reason": "start moved to a cut"}]}))
    return run_id


def page_of(folder: Path, **options: object) -> Reader:
    return Reader(write(folder, **options).read_text(encoding="utf-8"))  # type: ignore[arg-type]


async def test_a_run_is_shown_with_its_clips_and_what_became_of_the_others(tmp_path: Path) -> None:
    await a_run(tmp_path)
    read = page_of(tmp_path)
    (video,) = read.all("video")
    assert video["src"] == "x/first.mp4"
    assert str(video["poster"]).startswith("data:image/jpeg;base64,")
    for said in (
        "clip of 20.5 s, 640 × 360",
        "start moved to a cut",
        "no clip: ranked 2nd of the last hour, 1 is kept",
        "motion",
    ):
        assert said in read.text, said
    assert len(read.all("path")) == 2  # score and threshold


async def test_the_curve_is_the_run_s_own(tmp_path: Path) -> None:
    """Both bursts stand above the threshold that they were held against."""
    await a_run(tmp_path)
    read = page_of(tmp_path)
    (label,) = [str(one["aria-label"]) for one in read.all("svg")]
    assert label.startswith("Score from 0:00 to 3:20: 2 taken")


async def test_a_clip_that_was_removed_is_said_and_not_linked(tmp_path: Path) -> None:
    await a_run(tmp_path)
    for path in (tmp_path / "x").iterdir():
        path.unlink()
    read = page_of(tmp_path)
    assert not read.all("video")
    assert "first.mp4 is not there any more" in read.text


async def test_a_torn_sidecar_costs_its_notes_alone(tmp_path: Path) -> None:
    await a_run(tmp_path)
    (tmp_path / "x" / "first.json").write_text('{"finishing": [{"st')
    (tmp_path / "x" / "first.jpg").write_bytes(b"no picture")
    read = page_of(tmp_path)
    assert len(read.all("video")) == 1
    assert "start moved" not in read.text


async def test_the_newest_run_is_shown_or_the_one_that_is_asked_for(tmp_path: Path) -> None:
    older = await a_run(tmp_path, channel="one")
    await a_run(tmp_path, channel="two", bursts=(90,))
    newest = page_of(tmp_path)
    assert newest.all("video")[0]["src"] == "two/first.mp4"
    assert f"--run {older}" in newest.text
    assert page_of(tmp_path, run_id=older).all("video")[0]["src"] == "one/first.mp4"
    assert page_of(tmp_path, channel="one").all("video")[0]["src"] == "one/first.mp4"


async def test_a_stream_s_name_is_a_stranger_s(tmp_path: Path) -> None:
    await a_run(tmp_path, source=HOSTILE)
    read = page_of(tmp_path)
    assert not read.all("script")
    assert "<script>" in read.text  # as text


async def test_near_misses_say_which_setting_would_take_them(tmp_path: Path) -> None:
    """From 120 s to 130 s it is a little louder, which stands out, though not enough."""
    settings = Settings()
    louder = {"loudness": Sum(90 * 0.08, 90)}
    near = [replace(pane, signals={**pane.signals, **louder}) if 120 <= pane.number < 130 else pane for pane in stream(200, [])]
    async with Journal.open(tmp_path / "journal.sqlite3") as journal:
        run_id = await journal.begin_run("x", "demo", STARTED_AT, deciding_settings(settings), signals={}, baseline=())
        for pane in near:
            await journal.add_pane(run_id, pane)
        await journal.end_run(run_id)
    read = page_of(tmp_path)
    assert "Nothing was taken: what came nearest stands below" in read.text
    assert "below the threshold: peaks.min_rise=0." in read.text


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        ({"run_id": "nobody"}, JournalError, "no run nobody"),
        ({"channel": "nobody"}, JournalError, "no channel nobody in it (there are x)"),
        ({"to": Path()}, SettingsError, "a folder: name the file"),
        ({"to": Path("no/such/folder/r.html")}, ClipWriteError, "No such file"),
    ],
)
async def test_what_cannot_be_done_is_one_line(
    ask: dict[str, object], error: type[Exception], words: str, tmp_path: Path
) -> None:
    await a_run(tmp_path)
    with pytest.raises(error) as raised:
        write(tmp_path, **ask)  # type: ignore[arg-type]
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_folder_of_something_else_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"neither journal\.sqlite3 nor metadata\.json in it"):
        write(tmp_path)
    with pytest.raises(SettingsError, match="no such folder"):
        write(tmp_path / "nowhere")
    (tmp_path / "metadata.json").write_text('{"of": "something else"}')
    for output in (tmp_path, tmp_path / "metadata.json"):
        with pytest.raises(SettingsError, match="not what main best writes"):
            write(output)
    with pytest.raises(SettingsError, match="neither runs nor channels"):
        write(tmp_path, run_id="some")


async def test_a_run_of_another_channel_is_not_shown_instead(tmp_path: Path) -> None:
    one = await a_run(tmp_path, channel="one")
    await a_run(tmp_path, channel="two")
    with pytest.raises(JournalError, match=f"run {one} is one of one, not of two"):
        write(tmp_path, run_id=one, channel="two")


async def test_the_command_says_where_the_page_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_run(tmp_path)
    monkeypatch.chdir(tmp_path.parent)
    assert show(Path(tmp_path.name), run_id=None, channel=None, to=None) == 0
    assert capsys.readouterr().out == f"report: {Path(tmp_path.name) / 'report.html'}\n"


async def test_a_page_that_is_written_elsewhere_finds_the_clips(tmp_path: Path) -> None:
    clips, desk = tmp_path / "the clips", tmp_path / "desk"
    clips.mkdir()
    desk.mkdir()
    await a_run(clips)
    (video,) = page_of(clips, to=desk / "page.html").all("video")
    assert video["src"] == "../the%20clips/x/first.mp4"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "no scores of this run"), (20, "nothing has been decided yet"), (100, "still running, or cut off")]
)
async def test_a_run_is_read_while_it_still_runs(seconds: int, words: str, tmp_path: Path) -> None:
    async with Journal.open(tmp_path / "journal.sqlite3") as journal:
        run_id = await journal.begin_run("x", "demo", STARTED_AT, deciding_settings(Settings()), signals={}, baseline=())
        for pane in stream(1000, (90,))[:seconds]:
            await journal.add_pane(run_id, pane)
        await journal.flush()
        assert words in page_of(tmp_path).text
