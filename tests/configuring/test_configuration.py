from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.configuring.configuration import load
from stream_processor.errors import SettingsError
from stream_processor.settings import Settings


def toml(folder: Path, text: str) -> Path:
    file = folder / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_nothing_said_means_the_defaults() -> None:
    assert load() == Settings()


def test_the_nearer_to_the_person_the_stronger(tmp_path: Path) -> None:
    file = toml(
        tmp_path,
        "[device]\nkind = 'cpu'\n[peaks]\npercentile = 60\nmin_rise = 0.6\nmax_seconds = 6\n[output]\nfolder = 'from-file'\n",
    )
    environ = {
        "CLIP_HIGHLIGHTS_PEAKS__PERCENTILE": "70",
        "CLIP_HIGHLIGHTS_PEAKS__MIN_RISE": "0.7",
        "CLIP_HIGHLIGHTS_DEVICE__KIND": "cuda",
    }
    settings = load(file, ["peaks.percentile=80", "device.kind=cuda:1"], environ, {"device.kind": ("--device", "auto")})
    assert (settings.output.folder, settings.peaks.max_seconds) == (Path("from-file"), 6)  # the file, as nobody else says
    assert settings.peaks.min_rise == 0.7  # the environment over the file
    assert settings.peaks.percentile == 80  # --set over the environment
    assert settings.device.kind == "auto"  # an option of its own over --set


def test_the_last_set_of_the_same_key_wins() -> None:
    assert load(overrides=["peaks.percentile=60", "peaks.percentile=70"]).peaks.percentile == 70


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("3", 3),
        ("2.5", 2.5),
        ("[1, 'a']", [1, "a"]),
        ('"a b"', "a b"),
        ("a b", "a b"),
        ("", ""),
        ("1\nx = 2", "1\nx = 2"),
        ("{a = 1}", {"a": 1}),
    ],
)
def test_values_on_the_command_line_are_typed_as_toml_or_else_text(text: str, value: Any) -> None:
    settings = load(overrides=[f"streamlink.some-option={text}"])
    assert settings.streamlink.model_extra == {"some-option": value}


def test_a_number_will_do_where_text_is_asked_for() -> None:
    assert load(overrides=["streamlink.quality=720"]).streamlink.quality == "720"


def test_own_signals_and_sinks_have_sections_of_their_own() -> None:
    settings = load(
        overrides=["scorers.sharp.kind=a:B", "scorers.sharp.weight=.5", "sinks.hook.kind=c:D", "sinks.hook.options.url=http://h"]
    )
    assert settings.scorers["sharp"].weight == 0.5
    assert settings.sinks["hook"].options == {"url": "http://h"}


def test_variables_that_are_empty_or_no_settings_say_nothing() -> None:
    environ = {"CLIP_HIGHLIGHTS_PEAKS__PERCENTILE": "", "CLIP_HIGHLIGHTS_TWITCH_TOKEN": "x", "OTHER__KEY": "1"}
    assert load(environ=environ) == Settings()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("peaks.percentile=101", "--set: peaks.percentile = 101: must be a number >= 50 and < 100"),
        ("peaks.percentile=nan", "--set: peaks.percentile = nan: must be a number >= 50 and < 100"),
        ("analysis.height=181", "--set: analysis.height = 181: must be a whole number >= 32 and <= 720 and a multiple of 4"),
        ("analysis.threads=many", "--set: analysis.threads = 'many': must be a whole number >= 0 and <= 64"),
        ("peaks.smoothing=kalman", "--set: peaks.smoothing = 'kalman': must be one of gaussian, median, none"),
        ("device.kind=gpu", "--set: device.kind = 'gpu': must be auto, cpu, cuda or cuda:N"),
        ("mqtt.prefix=a#", "--set: mqtt.prefix = 'a#': must be at most 200 characters without #, + and $, not empty"),
        ("peaks.percentille=90", "--set: unknown key peaks.percentille, did you mean peaks.percentile?"),
        ("clip.warmup_seconds=9", "--set: unknown key clip.warmup_seconds, did you mean peaks.warmup_seconds?"),
        ("peeks.percentile=90", "--set: unknown section peeks, did you mean peaks?"),
        ("percentile=90", "--set percentile=90: percentile has no section, did you mean peaks.percentile?"),
        ("peaks.percentile", "--set peaks.percentile: expected SECTION.KEY=VALUE"),
        ("clip.options=3", "--set: clip.options: must be a table"),
        ("scorers.sharp.weight=1", "--set: scorers.sharp.kind is missing"),
        ("scorers.sharp.wait=1", "--set: scorers.sharp.kind is missing"),
        ("window.hop_seconds=9", "--set: window.hop_seconds must not exceed window.length_seconds"),
    ],
)
def test_a_mistake_is_one_line_with_place_key_value_and_what_is_allowed(override: str, message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load(overrides=[override])
    assert str(raised.value) == message


def test_the_place_is_the_one_that_said_it(tmp_path: Path) -> None:
    file = toml(tmp_path, "[peaks]\npercentile = 9\n")
    with pytest.raises(SettingsError, match=r"mine\.toml: peaks\.percentile = 9: must be"):
        load(file, ["peaks.min_rise=1"])
    with pytest.raises(SettingsError, match=r"^--set: peaks\.percentile = 8:"):
        load(file, ["peaks.percentile=8"])
    with pytest.raises(SettingsError, match=r"^CLIP_HIGHLIGHTS_PEAKS__PERCENTILE: peaks\.percentile = 7:"):
        load(file, environ={"CLIP_HIGHLIGHTS_PEAKS__PERCENTILE": "7"})
    with pytest.raises(SettingsError, match=r"^--device: device\.kind = 'gpu': must be auto"):
        load(flags={"device.kind": ("--device", "gpu")})


def test_a_misspelt_variable_is_a_mistake_too() -> None:
    with pytest.raises(SettingsError, match=r"^CLIP_HIGHLIGHTS_PEEKS__PERCENTILE: unknown section peeks, did you mean peaks\?$"):
        load(environ={"CLIP_HIGHLIGHTS_PEEKS__PERCENTILE": "90"})


def test_channels_tables_are_no_concern_of_the_common_settings(tmp_path: Path) -> None:
    file = toml(tmp_path, "[peaks]\npercentile = 70\n[[channel]]\nstream = 'x'\n[channel.peaks]\npercentile = 95\n")
    assert load(file).peaks.percentile == 70
    with pytest.raises(SettingsError, match=r"mine\.toml: unknown section channels, did you mean \[\[channel\]\]\?$"):
        load(toml(tmp_path, "[[channels]]\nstream = 'x'\n"))


def test_bad_toml_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"mine\.toml: not TOML: .*line 2"):
        load(toml(tmp_path, "[peaks]\npercentile = = 9\n"))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: No such file"):
        load(tmp_path / "none.toml")
    with pytest.raises(SettingsError, match="Is a directory"):
        load(tmp_path)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="not TOML"):
        load(tmp_path / "binary.toml")


@pytest.mark.parametrize(
    "text",
    [
        "[mqtt]\nurl = ['mqtt://u:SECRET@h']",
        "[mqtt]\nkeepalive_seconds = 'mqtt://u:SECRET@h'",
        "[streamlink]\nquality = ['SECRET']",
        "[sinks.x]\noptions = 'SECRET'\nkind='a:B'",
    ],
)
def test_a_message_never_repeats_a_secret(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load(toml(tmp_path, text))
    assert "SECRET" not in str(raised.value)


@given(st.text(alphabet="peaks.clip_=[]{}#+\n\t \"'1x", max_size=30) | st.text(max_size=30))
def test_whatever_is_said_gives_settings_or_one_line(text: str) -> None:
    try:
        load(overrides=[text])
        said = "fine"
    except SettingsError as error:
        said = str(error)
    assert len(said.splitlines()) == 1
