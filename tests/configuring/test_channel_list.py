"""Which channels there are, what they are called, and whose word holds for each."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.configuring.channel_list import MAX_CHANNELS, load_channels
from stream_processor.configuring.configuration import load
from stream_processor.errors import SettingsError
from stream_processor.naming import identity
from stream_processor.settings import CHANNEL_SECTIONS, Settings


def toml(folder: Path, text: str) -> Path:
    file = folder / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return file


TWO = """
[peaks]
percentile = 60
min_rise = 0.6

[[channel]]
stream = "twitch.tv/x"

[[channel]]
stream = "twitch.tv/y"
name = "why"
[channel.peaks]
percentile = 70
[channel.scorers.sharp]
kind = "a:B"
weight = 0.3
"""


def test_each_table_is_a_channel_with_its_own_sections_over_the_common_ones(tmp_path: Path) -> None:
    common, (x, y) = load_channels(file=toml(tmp_path, TWO))
    assert common == load(toml(tmp_path, TWO))
    assert (x.stream, x.name, x.settings) == ("twitch.tv/x", "x", common)
    assert (y.stream, y.name) == ("twitch.tv/y", "why")
    assert (y.settings.peaks.percentile, y.settings.peaks.min_rise) == (70, 0.6)
    assert (list(common.scorers), list(y.settings.scorers)) == ([], ["sharp"])


def test_what_is_said_now_stands_above_a_channel_s_table(tmp_path: Path) -> None:
    #             file's common   channel's table   environment   --set   option of its own
    # percentile       60               70              80          90
    # min_rise         0.6                              0.8
    # kind                                                         cpu          cuda
    environ = {"CLIP_HIGHLIGHTS_PEAKS__PERCENTILE": "80", "CLIP_HIGHLIGHTS_PEAKS__MIN_RISE": "0.8"}
    flags = {"device.kind": ("--device", "cuda")}
    _, (_, y) = load_channels((), toml(tmp_path, TWO), ["peaks.percentile=90", "device.kind=cpu"], environ, flags)
    assert (y.settings.peaks.percentile, y.settings.peaks.min_rise, y.settings.device.kind) == (90, 0.8, "cuda")
    _, (_, y) = load_channels((), toml(tmp_path, TWO), (), environ)
    assert y.settings.peaks.percentile == 80


def test_streams_of_the_command_line_take_the_place_of_the_tables_but_a_table_lends_what_it_says(tmp_path: Path) -> None:
    common, channels = load_channels(["demo", " twitch.tv/y "], toml(tmp_path, TWO))
    assert [(channel.stream, channel.name) for channel in channels] == [("demo", "demo"), ("twitch.tv/y", "why")]
    assert channels[0].settings == common
    assert channels[1].settings.peaks.percentile == 70


def test_nothing_to_watch_is_no_channels(tmp_path: Path) -> None:
    assert load_channels() == (Settings(), ())
    assert load_channels(file=toml(tmp_path, "[peaks]\npercentile = 60\n"))[1] == ()


def names(*streams: str, file: Path | None = None) -> list[str]:
    return [channel.name for channel in load_channels(streams, file)[1]]


def test_of_channels_that_would_be_called_the_same_the_later_ones_are_numbered() -> None:
    assert names("a/game.mp4", "b/game.mp4", "c/GAME.mkv", "d/game-2.mp4") == ["game", "game-2", "GAME-3", "game-2-2"]


def test_a_name_that_was_given_is_kept_and_the_others_step_aside(tmp_path: Path) -> None:
    file = toml(tmp_path, '[[channel]]\nstream = "a/game.mp4"\n[[channel]]\nstream = "b.mp4"\nname = "Game"\n')
    assert names(file=file) == ["game-2", "Game"]


def test_a_name_leads_nowhere_else(tmp_path: Path) -> None:
    file = toml(tmp_path, '[[channel]]\nstream = "a"\nname = "../../etc/x#+"\n')
    assert names(file=file) == ["etc-x"]


@given(st.lists(st.text(alphabet="abAB-2./", min_size=1).map(str.strip).filter(bool), unique=True, min_size=1, max_size=12))
def test_names_are_unique_whatever_their_case(streams: list[str]) -> None:
    found = names(*streams)
    assert len({identity(name) for name in found}) == len(streams)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[channel]\nstream = 'x'", "channel stands in double brackets, one for each channel: [[channel]]"),
        ("channel = 'x'", "channel must be tables: [[channel]]"),
        ("channel = ['x']", "channel 1: must be a table"),
        ("[[channel]]\nname = 'x'", "channel 1: stream is missing"),
        ("[[channel]]\nstreem = 'x'", "channel 1: unknown key streem, did you mean stream?"),
        ("[[channel]]\nurl = 'x'", "channel 1: stream is missing"),
        ("[[channel]]\nstream = ''", "channel 1: stream = '': must be text, not empty"),
        ("[[channel]]\nstream = 3", "channel 1: stream = 3: must be text, not empty"),
        ("[[channel]]\nstream = 'x'\nname = ' '", "channel 1 (x): name = ' ': must be text, not empty"),
        ("[[channel]]\nstream = 'x'\n[[channel]]\nstream = 'x'", "channel 2 (x): channel 1 (x) has the same stream"),
        (
            "[[channel]]\nstream = 'x'\nname = 'A'\n[[channel]]\nstream = 'y'\nname = 'a'",
            "channel 2 (y): channel 1 (x) has the same name a",
        ),
        (
            "[[channel]]\nstream = 'x'\n[channel.output]\nfolder = 'o'",
            "channel 1 (x): output is for the whole program: it belongs into [output], not into a channel",
        ),
        ("[[channel]]\nstream = 'x'\n[channel.peeks]\na = 1", "channel 1 (x): unknown key peeks, did you mean peaks?"),
        ("[[channel]]\nstream = 'x'\npercentile = 95", "channel 1 (x): unknown key percentile, did you mean peaks.percentile?"),
        (
            "[[channel]]\nstream = 'x'\n[channel.peaks]\npercentille = 95",
            "channel 1 (x): unknown key peaks.percentille, did you mean peaks.percentile?",
        ),
        (
            "[[channel]]\nstream = 'w'\n[[channel]]\nstream = 'rtmp://h/live/KEY'\n[channel.peaks]\npercentile = 9",
            "channel 2 (rtmp://h/live/***): peaks.percentile = 9: must be a number >= 50 and < 100",
        ),
        ("[[channel]]\nstream = 'x'\npeaks = 3", "channel 1 (x): peaks = 3: must be a table"),
        (
            "[[channel]]\nstream = 'x'\n[channel.peaks]\nwarmup_seconds = 100",
            (
                "channel 1 (x): ring.seconds = 90 must be at least 129: warm-up, window, look-ahead, pre-roll, what "
                "finishing may add to it, and queue have to fit (or lower peaks.warmup_seconds)"
            ),
        ),
    ],
)
def test_a_mistake_is_one_line_that_says_in_which_channel(tmp_path: Path, text: str, line: str) -> None:
    file = toml(tmp_path, text)
    with pytest.raises(SettingsError) as raised:
        load_channels((), file)
    assert str(raised.value) == f"{file}: {line}"


def test_a_mistake_between_a_table_and_set_names_both(tmp_path: Path) -> None:
    file = toml(tmp_path, "[[channel]]\nstream = 'x'\n[channel.window]\nlength_seconds = 2\n")
    with pytest.raises(SettingsError) as raised:
        load_channels((), file, ["window.hop_seconds=2.5"])
    assert str(raised.value) == f"{file}: channel 1 (x): --set: window.hop_seconds must not exceed window.length_seconds"


def test_a_mistake_in_the_common_sections_is_not_laid_upon_a_channel(tmp_path: Path) -> None:
    file = toml(tmp_path, "[peaks]\npercentile = 9\n[[channel]]\nstream = 'x'\n")
    with pytest.raises(SettingsError) as raised:
        load_channels((), file)
    assert str(raised.value).startswith(f"{file}: peaks.percentile = 9: ")


@pytest.mark.parametrize(
    ("streams", "line"),
    [
        (["rtmp://h/live/KEY", "rtmp://h/live/KEY "], "--stream: rtmp://h/live/*** is given twice"),
        (["x", " "], "--stream: must not be empty"),
        ([str(number) for number in range(MAX_CHANNELS + 1)], "--stream: at most 256 channels, here are 257"),
    ],
)
def test_streams_that_cannot_be_are_one_line(streams: list[str], line: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_channels(streams)
    assert str(raised.value) == line


def test_there_may_be_as_many_as_the_bound_says(tmp_path: Path) -> None:
    tables = "".join(f"[[channel]]\nstream = 'twitch.tv/c{number}'\n" for number in range(MAX_CHANNELS))
    assert len(load_channels(file=toml(tmp_path, tables))[1]) == MAX_CHANNELS
    with pytest.raises(SettingsError, match="at most 256 channels, here are 257"):
        load_channels(file=toml(tmp_path, tables + "[[channel]]\nstream = 'one more'\n"))


def test_every_section_is_a_channel_s_or_the_program_s() -> None:
    assert set(CHANNEL_SECTIONS) < set(Settings.model_fields)
    assert list(Settings.model_fields)[: len(CHANNEL_SECTIONS)] == list(CHANNEL_SECTIONS)  # default.toml says so, too
