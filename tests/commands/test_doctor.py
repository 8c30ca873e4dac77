from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from stream_processor.commands import doctor
from stream_processor.commands.doctor import examine
from stream_processor.commands.finding import Finding
from stream_processor.configuring.options import ChannelOptions
from stream_processor.settings import Settings


def settings(**sections: dict[str, object]) -> Settings:
    return Settings.model_validate(sections)


def levels(findings: Iterator[Finding]) -> list[str]:
    return [finding.level for finding in findings]


@pytest.fixture
def no_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without weights and without a network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("scorers.fetch.can_reach_hub", lambda: False)


def test_a_machine_that_can_do_the_job_gets_exit_0(no_weights: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert examine(settings(output={"folder": tmp_path, "min_free_mb": 0})) == 0
    said = capsys.readouterr().out
    for what in (
        "Python 3",
        "FFmpeg ",
        "PyAV ",
        "streamlink ",
        f"output folder {tmp_path} is writable",
        "no MQTT broker",
        "torch ",
        "CLIP",
    ):
        assert what in said
    assert "fail" not in said


def test_what_stops_the_job_is_exit_1_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    chosen = settings(output={"folder": tmp_path / "file" / "below"}, novelty={"kind": "light"})
    assert examine(chosen) == 1
    assert "is not a folder\n      -> choose another folder: --output DIR" in capsys.readouterr().out


def test_ffmpeg_in_pyav_has_what_is_needed() -> None:
    assert levels(doctor.ffmpeg(Settings())) == ["ok"]


def test_a_missing_encoder_matters_only_for_exact_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_has_codec", lambda name, _: name != "libx264")
    assert levels(doctor.ffmpeg(settings(clip={"cut": "copy"}))) == ["ok", "warn"]
    assert levels(doctor.ffmpeg(settings(clip={"cut": "exact"}))) == ["ok", "fail"]


def test_a_missing_decoder_of_most_streams_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_has_codec", lambda name, _: name not in ("h264", "opus"))
    assert levels(doctor.ffmpeg(Settings())) == ["ok", "fail", "warn"]


def test_the_rings_of_all_channels_are_held_against_the_memory() -> None:
    channels = [ChannelOptions(f"twitch.tv/{number}", str(number), settings(ring={"max_mb": 500})) for number in range(10)]
    (finding,) = doctor.rings(channels, memory_mb=32_000)
    assert finding.level == "ok"
    assert finding.text.startswith("10 channels (0, 1, 2, 3, 4, 5, 6, 7 and 2 more): their rings may hold 5,000 MB together")
    assert levels(doctor.rings(channels, memory_mb=8_000)) == ["warn"]
    assert levels(doctor.rings(channels, memory_mb=None)) == ["ok"]
    assert levels(doctor.rings([], memory_mb=1.0)) == []


def test_each_channel_s_own_settings_are_looked_at_once(
    monkeypatch: pytest.MonkeyPatch, no_weights: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "_has_codec", lambda name, _: name != "libx264")
    common = settings(output={"folder": tmp_path, "min_free_mb": 0}, novelty={"kind": "light"})
    exact = settings(clip={"cut": "exact"}, novelty={"kind": "light"})
    one, other = ChannelOptions("twitch.tv/a", "a", common), ChannelOptions("twitch.tv/b", "b", exact)
    assert examine(common, [one]) == 0
    assert examine(common, [one, other]) == 1
    assert capsys.readouterr().out.count("novelty: light") == 2  # once for each examination


def test_a_channel_s_file_that_is_not_there_is_a_failure_and_what_is_there_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "there.mp4").write_bytes(b"x")
    streams = [tmp_path / "gone.mp4", tmp_path / "there.mp4", "gopher://h/x", "twitch.tv/x", "rtmp://h/a/b", "demo", "-"]
    channels = [ChannelOptions(str(stream), f"c{number}", Settings()) for number, stream in enumerate(streams)]
    gone, unreadable = doctor.sources(channels)
    assert (gone.level, unreadable.level) == ("fail", "fail")
    assert gone.text.startswith("channel c0: ")
    assert "gone.mp4: No such file" in gone.text
    assert unreadable.text.startswith("channel c2: gopher://")
    assert levels(doctor.sources(channels[3:])) == ["ok"]
    assert levels(doctor.sources([])) == []


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"clip": {"kind": "nope"}}, "clip.kind: unknown kind 'nope'"),
        ({"clip": {"options": {"sharp": True}}}, "clip.options: "),
        ({"novelty": {"kind": "nope"}}, "novelty.kind: unknown kind 'nope'"),
        ({"loudness": {"kind": "tests.nowhere:Rms"}}, "loudness.kind: cannot load"),
        ({"scorers": {"cheers": {"kind": "tests.outside_parts:Nobody", "weight": 1.0}}}, "scorers.cheers.kind: cannot load"),
        ({"saliency": {"kind": "nope"}}, "saliency.kind: unknown kind"),
        ({"peaks": {"kind": "nope"}}, "peaks.kind: unknown kind"),
        ({"sinks": {"mine": {"kind": "nope"}}}, "sinks.mine.kind: unknown kind"),
    ],
)
def test_a_part_that_does_not_exist_is_one_failure_however_many_channels_ask_for_it(
    section: dict[str, dict[str, object]], says: str
) -> None:
    (finding,) = doctor.parts([settings(**section), Settings(), settings(**section)])
    assert finding.level == "fail"
    assert finding.text.startswith(says)


def test_parts_from_outside_that_are_there_are_fine() -> None:
    brightness = {"kind": "tests.outside_parts:Brightness", "weight": 1.0}
    outside = settings(scorers={"brightness": brightness}, novelty={"kind": "clip"})
    assert levels(doctor.parts([Settings(), outside])) == ["ok"]


def test_a_kind_of_novelty_that_does_not_exist_is_not_called_fine() -> None:
    assert levels(doctor.novelty(settings(novelty={"kind": "nope"}))) == []


def test_cuda_that_is_asked_for_and_not_there_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_has_nvidia_driver", lambda: False)
    assert levels(doctor.device(settings(device={"kind": "cuda"}))) == ["fail"]
    assert levels(doctor.device(settings(device={"kind": "auto"}))) == ["ok"]


def test_missing_weights_matter_only_where_clip_is_asked_for(no_weights: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scorers.weights.find_weights", lambda *_: SimpleNamespace(path=lambda: None))
    assert levels(doctor.novelty(settings(novelty={"kind": "light"}))) == ["ok"]
    assert levels(doctor.novelty(settings(novelty={"kind": "auto"}))) == ["warn"]
    assert levels(doctor.novelty(settings(novelty={"kind": "clip"}))) == ["fail"]


def test_weights_that_are_there_are_fine(no_weights: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scorers.weights.find_weights", lambda *_: SimpleNamespace(path=lambda: Path("weights.safetensors")))
    assert levels(doctor.novelty(settings(novelty={"kind": "clip"}))) == ["ok"]
