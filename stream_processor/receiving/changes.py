"""Finds where a stream changes its parameters without a word, and marks the packet with which that begins. No clock.

The picture changes at a keyframe; the sound at any packet, but no epoch begins there: it waits for the next keyframe, and the
old sound has ended. Where both change together, one mark is made of it: the picture waits until the sound has come as far::

    picture  P  P  K' P' P'  …        sound  a  a  a  b  b      K': the mark, with the new picture and the new sound

A sound that looks different has to do so three times in a row, lest a flipped bit end an epoch; of a picture's new parameters a
decoder must be to be made. Where codec, size and pixel format stay what they were and the new parameters are in band, decoder
and clip go on with them, and so does the epoch: encoders are restarted more often than streams become others.

At most ``MOST_CHANGES`` are marked within ``CHANGES_SECONDS`` of stream: one that changes with each keyframe would be all
beginnings. What comes above that is left out until it may change again or is again what it was, and that is said once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from stream_processor.receiving.parameters import (
    IN_BAND_SOUND,
    NOTHING,
    Parameters,
    differ,
    is_of_other_codec,
    picture_header,
    picture_parameters,
    sound_header,
    sound_parameters,
)
from stream_processor.receiving.reprobe import probe_picture, probe_sound
from stream_processor.records import AudioFormat, Changed, Media, RawPacket, VideoFormat, replace

MOST_CHANGES = 6
CHANGES_SECONDS = 60.0
PROOFS = 3
"""So many packets of sound in a row must agree that it is another."""
MOST_HELD = 500
HOLD_SECONDS = 2.0
"""How long, in stream time and in packets, a picture that changed waits for its sound."""

log = structlog.get_logger()

ProbePicture = Callable[[str, bytes, bytes | None], tuple[VideoFormat, Any] | None]
ProbeSound = Callable[[str, Sequence[bytes], bytes | None], tuple[AudioFormat, Any] | None]


@dataclass
class Announced:
    """One kind as the container announces it: ``codec`` and ``pixels`` as FFmpeg calls them; ``header``: beside the packets."""

    codec: str
    header: bytes | None = None
    pixels: str | None = None


class ChangeWatch:
    """One part's packets in, the same out, marked where their parameters change. Not thread-safe.

    ``media`` is what the part begins with; ``picture`` and ``sound`` may also be announced and not be there yet.
    """

    def __init__(
        self,
        media: Media,
        picture: Announced | None,
        sound: Announced | None,
        *,
        name: str = "",
        probe_picture: ProbePicture = probe_picture,
        probe_sound: ProbeSound = probe_sound,
    ) -> None:
        self._media = media
        self._announced = {"video": picture, "audio": sound}
        self._name = name
        self._probe_picture, self._probe_sound = probe_picture, probe_sound
        self._known: dict[str, Parameters] = {
            "video": picture_header(picture.codec, picture.header) if picture and media.video else NOTHING,
            "audio": sound_header(sound.codec, sound.header) if sound and media.audio else NOTHING,
        }
        self._new_headers: dict[str, bytes] = {}
        self._waiting: list[RawPacket] = []  # the packet that may begin something new, and what came after it
        self._strange: list[RawPacket] = []  # sound with other parameters, without its keyframe so far
        self._changed_at: list[float] = []
        self._leaves_out = False
        self._said_too_often = False

    def push(self, raw: RawPacket, header: bytes | None = None) -> Sequence[RawPacket]:
        """The packets that can be passed on. ``header``: what the container sends beside this packet, where it does."""
        if header is not None:
            self._new_headers[raw.kind] = header
        if self._waiting:
            self._waiting.append(raw)
            return self._settle() if self._waited_enough(raw) else ()
        return self._push_picture(raw) if raw.kind == "video" else self._push_sound(raw)

    def finish(self) -> Sequence[RawPacket]:
        """No more packets come: what still waits."""
        return self._settle() if self._waiting else ()

    def _push_picture(self, raw: RawPacket) -> Sequence[RawPacket]:
        if self._is_foreign(raw):
            if not self._read(raw):
                return ()  # no decoder of ours takes it, and no clip
            raw = replace(raw, is_key=True)  # FFmpeg, which still looks at it as what was announced, does not see that it is
        if not raw.is_key or raw.is_corrupt:
            return () if self._media.video is None or self._leaves_out else (raw,)
        if self._is_other(raw):
            self._waiting = [raw]
            waits_for_sound = self._media.audio is not None and len(self._strange) < PROOFS
            return () if waits_for_sound else self._settle()
        self._leaves_out = False
        self._learn(raw)
        if len(self._strange) < PROOFS:
            return (raw,)
        self._waiting = [raw]
        return self._settle()

    def _push_sound(self, raw: RawPacket) -> Sequence[RawPacket]:
        if not self._is_other(raw):
            self._strange = []  # damaged, that is what they were
            self._learn(raw)
            return () if self._media.audio is None else (raw,)
        if self._strange and differ(self._read(self._strange[-1]), self._read(raw)):
            self._strange = []
        self._strange.append(raw)
        if len(self._strange) < (PROOFS if self._media.video is None else MOST_HELD):
            return ()
        self._waiting, self._strange = self._strange, []
        return self._settle()

    def _waited_enough(self, raw: RawPacket) -> bool:
        first, here = self._waiting[0].seconds, raw.seconds
        if first is None or here is None or len(self._waiting) > MOST_HELD:
            return True
        return here - first >= (0 if raw.kind == "audio" else HOLD_SECONDS) or first - here > HOLD_SECONDS

    # ---- what the packets say ----------------------------------------------------------------------------------------

    def _read(self, raw: RawPacket) -> Parameters:
        announced = self._announced[raw.kind]
        assert announced is not None
        new = self._new_headers.get(raw.kind)
        if raw.kind == "video":
            found = picture_parameters(announced.codec, raw.data, new or announced.header)
            return found or picture_header(announced.codec, new)
        if announced.codec in IN_BAND_SOUND and not announced.header and new is None:
            return sound_parameters(raw.data)
        return sound_header(announced.codec, new)

    def _is_foreign(self, raw: RawPacket) -> bool:
        announced = self._announced["video"]
        return announced is not None and is_of_other_codec(announced.codec, raw.data, self._header("video"))

    def _is_other(self, raw: RawPacket) -> bool:
        found = self._read(raw)
        is_there = self._media.video if raw.kind == "video" else self._media.audio
        return bool(found) if is_there is None else differ(self._known[raw.kind], found)

    def _learn(self, raw: RawPacket) -> None:
        found = self._read(raw)
        if found and any(key not in self._known[raw.kind] for key in found):
            self._known[raw.kind] = {**self._known[raw.kind], **found}

    # ---- the change --------------------------------------------------------------------------------------------------

    def _settle(self) -> Sequence[RawPacket]:
        """Make up the mind about what waits: its first packet begins something new, or nothing does."""
        (first, *after), strange = self._waiting, self._strange
        self._waiting, self._strange = [], []
        others = [raw for raw in [*strange, first, *after] if raw.kind == "audio" and self._is_other(raw)]
        changed, harmless = self._probe(first, others)
        before: list[RawPacket] = []
        if harmless:
            self._known["video"] = self._read(first)
        if changed is None:
            passed, rest = [] if self._is_other(first) and first.kind == "audio" else [first], after
        elif not self._may_change(first):
            passed, rest = [], after
            self._leaves_out = self._leaves_out or first.kind == "video"
        else:
            before = [raw for raw in after if raw.kind == "audio" and raw not in others and _is_sooner(raw, first)]
            passed, rest = [replace(first, changed=changed)], [raw for raw in [*strange, *after] if raw not in before]
            self._take_over(changed, first, others)
        out = [*before, *passed]
        for raw in rest:
            out += self.push(raw)
        return out

    def _probe(self, first: RawPacket, others: list[RawPacket]) -> tuple[Changed | None, bool]:
        """What begins with ``first``, or None; and whether its picture has new parameters with which any decoder goes on."""
        media, codecs, harmless = self._probe_picture_of(first)
        sound = self._probe_sound_of(others) if others and (codecs is not None or len(others) >= PROOFS) else None
        if sound is not None:
            codecs = sound[1] if codecs is None else codecs.changed_to(sound[1])
        if codecs is None:
            return None, harmless
        return Changed(Media(self._media.container, media, sound[0] if sound else None), codecs), harmless

    def _probe_picture_of(self, first: RawPacket) -> tuple[VideoFormat | None, Any, bool]:
        if first.kind == "audio" or not self._is_other(first):
            return None, None, False
        found = self._probe_picture(str(self._read(first)["codec"]), first.data, self._header("video"))
        if found is None:
            return None, None, False  # damaged, no more
        media, codecs = found
        old, announced = self._media.video, self._announced["video"]
        assert announced is not None
        is_alike = old is not None and (old.codec, old.width, old.height) == (media.codec, media.width, media.height)
        if is_alike and codecs.video.pix_fmt == announced.pixels and "video" not in self._new_headers:
            return None, None, True
        if old is not None:
            media = replace(media, fps=old.fps)  # of which one keyframe says nothing
        return media, codecs, False

    def _probe_sound_of(self, others: list[RawPacket]) -> tuple[AudioFormat, Any] | None:
        found = self._read(others[-1])
        alike = [raw.data for raw in others if not differ(found, self._read(raw))]
        return self._probe_sound(str(found["codec"]), alike[:50], self._header("audio"))

    def _header(self, kind: str) -> bytes | None:
        announced = self._announced[kind]
        return self._new_headers.get(kind, announced.header if announced else None)

    def _may_change(self, first: RawPacket) -> bool:
        here = first.seconds or 0.0
        self._changed_at = [at for at in self._changed_at if abs(here - at) < CHANGES_SECONDS]
        if len(self._changed_at) < MOST_CHANGES:
            self._changed_at.append(here)
            return True
        if not self._said_too_often:
            self._said_too_often = True
            reason = f"its parameters change more than {MOST_CHANGES} times in {CHANGES_SECONDS:.0f} s of stream"
            log.warning("not every change begins a new part", stream=self._name, reason=reason)
        return False

    def _take_over(self, changed: Changed, first: RawPacket, others: list[RawPacket]) -> None:
        if changed.media.video is not None:
            self._adopt("video", self._read(first), changed.codecs.video.pix_fmt)
            self._leaves_out = False
        if changed.media.audio is not None:
            self._adopt("audio", self._read(others[-1]), None)
        self._media = self._media.changed_to(changed.media)
        log.info("the stream goes on with other parameters", stream=self._name, **_words(changed.media))

    def _adopt(self, kind: str, found: Parameters, pixels: str | None) -> None:
        self._announced[kind] = Announced(str(found["codec"]), self._header(kind), pixels)
        self._new_headers.pop(kind, None)
        self._known[kind] = found


def _is_sooner(raw: RawPacket, first: RawPacket) -> bool:
    return raw.seconds is not None and first.seconds is not None and raw.seconds < first.seconds


def _words(media: Media) -> dict[str, str]:
    said = {}
    if media.video is not None:
        said["picture"] = f"{media.video.codec} {media.video.width}x{media.video.height}"
    if media.audio is not None:
        said["sound"] = f"{media.audio.codec} {media.audio.sample_rate} Hz, {media.audio.channels} channels"
    return said
