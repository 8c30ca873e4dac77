"""One highlight on its way from the packet ring through its spool to a clip, and what is done about a disk that refuses.

ring  ├─────[════ highlight ════]─────┤       the reader holds it until the spool has it
spool    ────────✗                            refused: back to its start, all of it is written as soon as that works
spool    ────────────────  (removed)          somebody took it away: again from what the ring still holds
clip     ══════════════ .jpg ✗                the clip is there and stays; its picture is made as soon as that works
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stream_processor.clipping.clip_outcome import Outcome
from stream_processor.clipping.cut import CutJob
from stream_processor.clipping.spool import SpoolWriter
from stream_processor.errors import ClipWriteError
from stream_processor.packets import PacketRing, RingReader
from stream_processor.receiving.templates import Template
from stream_processor.records import Clip, Epoch


@dataclass
class ClipJob:
    """Seconds are epoch time; ``end_seconds`` is None while it is not known. Used by the cutting thread alone.

    The spool begins at ``from_seconds``, the clip at ``start_seconds``, which may still change until its end is known.
    """

    id: str
    epoch: Epoch
    template: Template
    ring: PacketRing
    reader: RingReader
    spool_stem: Path
    from_seconds: float
    start_seconds: float
    spool: SpoolWriter
    longest_seconds: float = math.inf
    """So much the spool takes, whatever comes: nobody may decide any more (a scorer hangs), and the disk has an end."""
    is_full: bool = False
    end_seconds: float | None = None
    peak_seconds: float = 0.0
    ask_at_seconds: float | None = None
    """With the packets of this time, whoever still ponders over the clip's boundaries is to be told that it gets late."""
    unwanted: str | None = None
    """Why no clip is to be made of it."""
    stem: Path | None = None
    complete: bool = False
    """All of it is in the spool, or as much as there will be."""
    retry_at: float = 0.0
    warned: bool = False
    shortfall: str | None = None
    """What the clip lacks, where ring and disk did not hold all of it."""
    lost: Outcome | None = None
    """Where it is known before the highlight is closed that there will be no clip."""
    refused: str | None = None
    """What the disk said last."""
    clip: Clip | None = None
    """Written, and without its picture so far."""

    @property
    def has_begun(self) -> bool:
        """Something of it was written; ``is_removed`` says whether it is still there."""
        return any(self.spool.times.values())

    @property
    def is_removed(self) -> bool:
        """For certain: a disk that does not answer may still have it."""
        try:
            return self.has_begun and not self.spool.path.exists()
        except OSError:
            return False

    @property
    def is_partly_on_disk(self) -> bool:
        """As the last attempt left it, or one before that."""
        try:
            return self.spool.path.stat().st_size > 0
        except OSError:
            return False

    @property
    def lacks(self) -> str | None:
        """What the clip has less than the highlight, in words."""
        ends_too_soon = self.is_full and self.end_seconds is not None and self.spool.decoded_seconds < self.end_seconds
        full = f"its end is missing: no more than {self.longest_seconds:g} s are kept" if ends_too_soon else None
        return self.shortfall or full or self.spool.shortfall

    @property
    def is_overdue(self) -> bool:
        is_open = self.end_seconds is None and self.unwanted is None
        return is_open and self.ask_at_seconds is not None and self.spool.decoded_seconds >= self.ask_at_seconds

    @property
    def _has_all(self) -> bool:
        return self.end_seconds is not None and self.spool.has_all_until(self.end_seconds)

    def follow(self) -> bool | None:
        """Write what has come since. True: more may be there already; False: nothing came; None: that was all of it.

        ClipWriteError: the disk did not take it, or somebody took the spool away.
        """
        if self.is_removed:
            raise ClipWriteError(f"{self.spool.path.name}: somebody removed it")
        if self._has_all:  # decided after its last packet had come: the next one may be long in coming
            return None
        packets = self.reader.read()
        for packet in packets or ():
            self.spool.write(packet)
            if self._has_all:
                return None
            if packet.seconds - self.from_seconds > self.longest_seconds:
                self.is_full = True
                return None
        if packets is None:
            return None
        return bool(packets)

    def end(self) -> None:
        """Nothing more is written into the spool. ClipWriteError: the disk did not take the last of it."""
        self.spool.finish()
        self.reader.close()
        if self.reader.missed and self.shortfall is None:
            why = f"the disk refused them ({self.refused})" if self.refused else "the disk was too slow"
            self.shortfall = f"{self.reader.missed} packets are missing: {why}, and ring.max_mb did not hold them"
        self.complete = True

    def put_off(self, error: ClipWriteError) -> None:
        """After a refusal: back to the start, as far as the ring reaches. A spool that is there is not given up for less."""
        self.refused = str(error)
        if self.complete:
            return
        if self.reader.rewind():
            self.spool = SpoolWriter(self.spool_stem, self.template)
        elif not self.has_begun or self.is_removed:
            self.begin_again()
        else:
            self.shortfall = "its end is missing: the disk refused it, and the packet ring no longer held all of it"
            self.spool.close()
            self.reader.close()
            self.complete = True

    def begin_again(self) -> None:
        """There is no spool, or no more: from the ring, what there still is of it."""
        why = "somebody removed its spool" if self.has_begun else f"the disk refused it ({self.refused})"
        if not self.reader.rewind():
            self.shortfall = f"its beginning may be missing: {why}, and the packet ring no longer held all of it"
        self.spool.close()
        reader = self.ring.reader(self.epoch.number, self.from_seconds)
        self.reader.close()  # not before: without a reader the ring drops what is old
        self.reader = reader
        self.spool = SpoolWriter(self.spool_stem, self.template)
        self.complete = self.is_full = False

    def why_nothing(self) -> str:
        """Where the spool never came to begin."""
        gone = "the packet ring no longer held any of it"
        return f"the disk refused it ({self.refused}) until {gone}" if self.refused else gone

    def cut_job(self, cut: Literal["copy", "exact"]) -> CutJob:
        """Of a job that is complete and closed."""
        assert self.stem is not None
        assert self.end_seconds is not None
        return CutJob(
            spool=self.spool.path,
            times=self.spool.times,
            stem=self.stem,
            start_seconds=self.start_seconds,
            end_seconds=self.end_seconds,
            peak_seconds=self.peak_seconds,
            epoch_start_seconds=self.epoch.start_seconds,
            cut=cut,
        )
