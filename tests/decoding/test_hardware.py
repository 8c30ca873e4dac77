"""Decoding on a card first. The card is played by software here: the same decoder, its frames as NVDEC's would look."""

from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import av.error
import numpy as np
import pytest
import torch
from av.codec.context import CodecContext
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from stream_processor.decode import DecodeCounts, EpochDecoder
from stream_processor.decoding.device_memory import memories
from stream_processor.decoding.hardware import MAX_SILENT_PACKETS, HardwareFirst, copy_parameters, open_hardware, surfaces_mb
from stream_processor.records import Pane, replace
from tests.channel import Channel, read
from tests.media_maker import number_of
from tests.test_decode import EVERY_FIFTH, SAMPLING

LOST = av.error.ExternalError(1, "the card is gone")
TORN = av.error.InvalidDataError(1, "torn")

# ---- a script --------------------------------------------------------------------------------------------------------


class Script:
    """A decoder that gives one frame per packet, or what the script says of that packet."""

    def __init__(self, name: str, says: dict[int, Any] | None = None, format: str = "cuda", below: str = "nv12") -> None:
        self.name, self.says = name, says or {}
        self.format, self.below = format, below
        self.asked: list[int | None] = []

    def decode(self, packet: Any) -> list[Any]:
        number = None if packet is None else packet.number
        self.asked.append(number)
        said = self.says.get(-1 if number is None else number, [])
        if isinstance(said, Exception):
            raise said
        if number is None or said is None:
            return []
        names = {"format": SimpleNamespace(name=self.format), "sw_format": SimpleNamespace(name=self.below)}
        return [SimpleNamespace(number=number, by=self.name, **names)]


def packet(number: int, *, gop: int = 5) -> Any:
    return SimpleNamespace(number=number, is_keyframe=number % gop == 0, size=1000)


def shown(decoder: HardwareFirst, packets: Iterable[Any]) -> list[str]:
    """``h0``: frame 0 by hardware. ``!``: the packet was refused."""
    found: list[str] = []
    for one in packets:
        try:
            found += [f"{frame.by}{frame.number}" for frame in decoder.decode(one)]
        except av.error.InvalidDataError:
            found.append("!")
    return found


def watched(card: Script, count: int = 12, software: Script | None = None) -> tuple[list[str], list[str], int]:
    """What was shown, the reasons in the log, and how often the card was given up."""
    given_up: list[bool] = []
    decoder = HardwareFirst(card, software or Script("s", format="yuv420p"), lambda: given_up.append(True))
    with capture_logs() as logs:
        found = shown(decoder, [packet(number) for number in range(count)])
    assert all(line["event"] == "the picture is decoded in software, not on the card" for line in logs)
    return found, [line["reason"] for line in logs], len(given_up)


def by(name: str, numbers: Iterable[int]) -> list[str]:
    return [f"{name}{number}" for number in numbers]


def test_where_the_card_decodes_software_is_never_asked() -> None:
    software = Script("s")
    assert watched(Script("h"), software=software) == (by("h", range(12)), [], 0)
    assert software.asked == []


def test_a_card_that_shows_its_first_frame_late_loses_nothing() -> None:
    found, reasons, _ = watched(Script("h", {0: None, 1: None, 2: None}))
    assert (found, reasons) == (by("h", range(3, 12)), [])


def test_where_ffmpeg_falls_back_by_itself_all_is_decoded_in_software_from_the_first_packet_on() -> None:
    card = Script("h", {0: None, 1: None}, format="yuv420p")
    assert watched(card) == (by("s", range(12)), ["FFmpeg fell back to software by itself"], 1)
    assert card.asked == [0, 1, 2]


def test_frames_that_cannot_be_taken_over_are_decoded_in_software() -> None:
    found, reasons, _ = watched(Script("h", below="yuv444p"))
    assert (found, reasons) == (by("s", range(12)), ["yuv444p frames cannot be taken over from the card"])


@pytest.mark.parametrize("error", [LOST, TORN], ids=["another error", "bad data"])
def test_a_card_that_refuses_the_first_keyframe_is_given_up_and_no_frame_is_lost(error: Exception) -> None:
    assert watched(Script("h", {0: error}))[0] == by("s", range(12))


def test_bad_data_before_the_first_keyframe_speaks_not_against_the_card() -> None:
    card = Script("h", {3: TORN, 4: TORN})
    decoder = HardwareFirst(card, Script("s"), lambda: None)
    assert shown(decoder, [packet(number) for number in range(3, 8)]) == ["!", "!", "h5", "h6", "h7"]


def test_a_card_that_shows_nothing_is_given_up_after_so_many_packets() -> None:
    """What was sent to it is bounded, and decoded again as a whole."""
    found, reasons, _ = watched(Script("h", dict.fromkeys(range(1000))), count=MAX_SILENT_PACKETS + 5)
    assert found == by("s", range(MAX_SILENT_PACKETS + 5))
    assert reasons == [f"no picture in {MAX_SILENT_PACKETS} packets"]


def test_a_stream_that_ends_before_the_card_has_shown_anything_is_decoded_in_software() -> None:
    decoder = HardwareFirst(Script("h", dict.fromkeys(range(9))), Script("s"), lambda: None)
    assert shown(decoder, [packet(0), packet(1), None]) == ["s0", "s1"]


def test_a_card_that_fails_is_left_at_the_next_keyframe() -> None:
    """
    ::

        packet   0k  1   2   3   4   5k  6   7
        card     h0  h1  h2  ✗
        software                     s5  s6  s7
    """
    assert watched(Script("h", {3: LOST}), count=8) == (["h0", "h1", "h2", "s5", "s6", "s7"], ["the card is gone"], 1)


def test_a_card_that_fails_at_a_keyframe_loses_nothing() -> None:
    assert watched(Script("h", {5: LOST}), count=8)[0] == ["h0", "h1", "h2", "h3", "h4", "s5", "s6", "s7"]


def test_bad_data_is_bad_data_on_a_card_too() -> None:
    assert watched(Script("h", {3: TORN}), count=6) == (["h0", "h1", "h2", "!", "h4", "h5"], [], 0)


def test_a_card_that_falls_silent_later_is_left_too() -> None:
    found, reasons, _ = watched(Script("h", dict.fromkeys(range(2, 1000))), count=320)
    assert found == ["h0", "h1", *by("s", range(305, 320))]
    assert reasons == [f"no picture in {MAX_SILENT_PACKETS} packets"]


def test_frames_that_turn_out_to_be_of_no_use_end_it_as_well() -> None:
    decoder = HardwareFirst(Script("h"), Script("s"), lambda: None)
    assert shown(decoder, [packet(0), packet(1)]) == ["h0", "h1"]
    decoder.fail("no memory")
    decoder.fail("no memory, again")
    assert decoder.state == "waiting"
    assert shown(decoder, [packet(number) for number in range(2, 7)] + [None]) == ["s5", "s6"]


@settings(deadline=None)
@given(st.dictionaries(st.integers(0, 40), st.sampled_from([None, LOST, TORN])), st.sampled_from(["cuda", "yuv420p"]))
def test_whatever_a_card_does_frames_rise_and_the_stream_goes_on(says: dict[int, Any], format: str) -> None:
    card = Script("h", says, format=format)
    decoder = HardwareFirst(card, Script("s", format="yuv420p"), lambda: None)
    found = [name for name in shown(decoder, [packet(number) for number in range(50)]) if name != "!"]
    numbers = [int(name[1:]) for name in found]
    assert numbers == sorted(set(numbers))
    assert numbers[-5:] == [45, 46, 47, 48, 49]
    assert "".join(name[0] for name in found) == "h" * sum(n[0] == "h" for n in found) + "s" * sum(n[0] == "s" for n in found)


# ---- opening ---------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card")
def test_without_a_card_the_reason_is_said(made: Callable[..., Path]) -> None:
    video = read(made("h264 in mp4")).codecs.video
    assert video is not None
    with capture_logs() as logs:
        assert open_hardware(video, "cuda:0") is None
    assert [line["reason"] for line in logs] == ["h264: PyTorch sees 0 CUDA devices"]


def test_a_codec_that_no_card_decodes_is_named() -> None:
    context: Any = CodecContext.create("huffyuv", "r")
    with capture_logs() as logs:
        assert open_hardware(context, "cuda:0") is None
    assert [line["reason"] for line in logs] == ["FFmpeg has no NVDEC for huffyuv"]


@pytest.mark.parametrize("recipe", ["h264 in mp4", "h264 in ts", "hevc with open gops in mp4", "vp9 and opus in webm"])
def test_a_second_decoder_with_the_same_parameters_shows_the_same_frames(made: Callable[..., Path], recipe: str) -> None:
    channel = read(made(recipe))
    assert channel.codecs.video is not None
    assert frames_by(copy_of(channel), channel) == frames_by(channel.codecs.video, channel)


def test_what_a_stream_may_take_on_the_card_is_known_beforehand() -> None:
    assert surfaces_mb(1920, 1080) == pytest.approx(74.6, abs=0.1)
    assert surfaces_mb(1920, 1080, ten_bits=True) == 2 * surfaces_mb(1920, 1080)


# ---- all of the decoding thread's work -------------------------------------------------------------------------------


class CardFrame:
    """A software frame as if it lay on a card: its planes come by DLPack all the same."""

    def __init__(self, frame: Any) -> None:
        self.frame = frame.reformat(format="nv12")
        self.format, self.sw_format, self.pts = SimpleNamespace(name="cuda"), self.frame.format, frame.pts

    def __getattr__(self, name: str) -> Any:
        return getattr(self.frame, name)


class Card:
    """Decodes a channel as a card would; from the first packet of this time on it is gone."""

    def __init__(self, channel: Channel, lost_at_seconds: float) -> None:
        self.context, self.lost_at_seconds = copy_of(channel), lost_at_seconds

    def decode(self, packet: Any) -> list[Any]:
        if packet is not None and packet.pts * packet.time_base >= self.lost_at_seconds:
            raise LOST
        return [CardFrame(frame) for frame in self.context.decode(packet)]


def on_card(
    path: Path, monkeypatch: pytest.MonkeyPatch, *, lost_at_seconds: float = 10_000.0, pictures: bool = False
) -> tuple[list[Pane], DecodeCounts]:
    channel, counts = read(path), DecodeCounts()
    monkeypatch.setattr("stream_processor.decode.open_hardware", lambda _context, _device: Card(channel, lost_at_seconds))
    # "cpu:0" is torch's CPU device too, but not the program's word for scoring without a device
    size = 64 if pictures else None
    sampling = replace(SAMPLING, hardware="cpu:0", memory=memories("cpu:0"), picture_size=size, picture_fps=2.0)
    decoder = EpochDecoder(channel.epoch, channel.codecs, sampling, counts)
    panes = [pane for packet in channel.packets for pane in decoder.decode(packet)]
    return [*panes, *decoder.finish()], counts


def numbers(pane: Pane) -> list[int]:
    assert pane.frames is not None
    return [number_of(luma) for luma in pane.frames.host.luma]


def test_frames_stay_on_the_card_and_are_those_that_software_gives(
    made: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    panes, counts = on_card(made("h264 in mp4"), monkeypatch, pictures=True)
    assert (counts.errors, counts.late, counts.sampled) == (0, 0, 40)
    assert [numbers(pane) for pane in panes[:8]] == EVERY_FIFTH
    channel = read(made("h264 in mp4"))
    decoder = EpochDecoder(channel.epoch, channel.codecs, replace(SAMPLING, picture_size=64, picture_fps=2.0), DecodeCounts())
    expected = [*(pane for packet in channel.packets for pane in decoder.decode(packet)), *decoder.finish()]
    for pane, same in zip(panes, expected, strict=True):
        assert pane.frames is not None
        assert pane.pictures is not None
        assert same.frames is not None
        assert same.pictures is not None
        assert isinstance(pane.frames.planes, torch.Tensor)
        assert isinstance(pane.pictures.rgb, torch.Tensor)
        np.testing.assert_array_equal(pane.frames.times, same.frames.times)
        np.testing.assert_array_equal(pane.pictures.times, same.pictures.times)
        assert np.abs(pane.frames.host.planes.astype(int) - same.frames.planes).max() <= 1
        assert np.abs(pane.pictures.host.rgb.astype(int) - same.pictures.rgb).mean() <= 4


def test_when_the_card_is_lost_the_stream_goes_on_from_the_next_keyframe(
    made: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    panes, counts = on_card(made("h264 in mp4"), monkeypatch, lost_at_seconds=3.3)  # each second begins with a keyframe
    assert counts.errors == 0
    assert [numbers(pane) for pane in [*panes[:3], *panes[4:8]]] == [*EVERY_FIFTH[:3], *EVERY_FIFTH[4:]]
    assert len(numbers(panes[3])) < 5
    assert [pane.number for pane in panes] == list(range(len(panes)))


def test_when_scaling_on_the_card_fails_the_stream_goes_on_from_the_next_keyframe(
    made: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from stream_processor.decoding.device_frames import DeviceScaler

    scaled, i420 = [], DeviceScaler.i420

    def failing(self: DeviceScaler, frame: Any, height: int, width: int) -> torch.Tensor:
        scaled.append(frame)
        if len(scaled) > 17:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 12.00 MiB.")
        return i420(self, frame, height, width)

    monkeypatch.setattr(DeviceScaler, "i420", failing)
    with capture_logs() as logs:
        panes, counts = on_card(made("h264 in mp4"), monkeypatch)
    assert [line["reason"] for line in logs] == ["CUDA out of memory. Tried to allocate 12.00 MiB."]
    assert [numbers(pane) for pane in [*panes[:3], *panes[4:8]]] == [*EVERY_FIFTH[:3], *EVERY_FIFTH[4:]]
    assert (len(scaled), counts.errors) == (18, 0)


def test_where_the_card_never_works_nothing_is_lost(made: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    panes, counts = on_card(made("h264 in mp4"), monkeypatch, lost_at_seconds=0.0)
    assert [numbers(pane) for pane in panes[:8]] == EVERY_FIFTH
    assert (counts.errors, counts.sampled) == (0, 40)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here")
def test_nvdec_shows_what_software_shows(media: Callable[[str], Path]) -> None:
    """Luma of the analysis frames, on real material; NVDEC is bit-exact, so that only the scaler's rounding differs."""
    path, results = media("walking_crowd_14s.mp4"), []
    for hardware in (None, "cuda:0"):
        channel, counts = read(path, to_seconds=6), DecodeCounts()
        sampling = replace(SAMPLING, hardware=hardware, memory=memories("cuda:0"))
        decoder = EpochDecoder(channel.epoch, channel.codecs, sampling, counts)
        assert (hardware is None) == (not isinstance(decoder._video, HardwareFirst)), "this card or FFmpeg has no NVDEC"
        panes = [*(pane for packet in channel.packets for pane in decoder.decode(packet)), *decoder.finish()]
        results.append(np.concatenate([pane.frames.host.luma for pane in panes if pane.frames is not None]))
        if isinstance(decoder._video, HardwareFirst):
            assert decoder._video.state == "hardware"
    assert np.abs(results[0].astype(int) - results[1]).max() <= 1


def copy_of(channel: Channel) -> Any:
    assert channel.codecs.video is not None
    context: Any = CodecContext.create(channel.codecs.video.codec.name, "r")
    copy_parameters(channel.codecs.video, context)
    return context


def frames_by(context: Any, channel: Channel) -> list[bytes]:
    frames: list[bytes] = []
    for one in [*(packet for packet in channel.packets if packet.kind == "video"), None]:
        encoded = None if one is None else av.Packet(one.data)
        frames += [frame.to_ndarray().tobytes() for frame in context.decode(encoded)]
    return frames
