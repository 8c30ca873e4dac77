"""What a finishing step promises, and what it may look at. Steps are pure but for what ``Evidence`` does for them."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from stream_processor.finishing.draft import Draft
from stream_processor.records import Samples, ScoredWindow


@runtime_checkable
class Evidence(Protocol):
    """What is known of the stream around a highlight. All times are stream seconds; nothing crosses the highlight's epoch."""

    @property
    def bounds(self) -> tuple[float, float]:
        """From where to where a clip may reach: what the epoch has, and the packets still held."""
        ...

    def trace(self, name: str, start_seconds: float, end_seconds: float) -> Samples:
        """The samples of ``name`` in [start, end), with times in stream seconds; empty where there is no such trace."""
        ...

    def windows(self, start_seconds: float, end_seconds: float) -> Sequence[ScoredWindow]:
        """The decided windows that overlap [start, end), in order: the score curve around the highlight."""
        ...

    def first_frame_after_cut(self, before_seconds: float, after_seconds: float) -> float | None:
        """In (before, after] the time of the first frame behind the cut, right to the frame; of several, behind the strongest.

        Decodes the packets between the two, blocking. None: they are not there any more, or show no cut.
        """
        ...


@runtime_checkable
class Step(Protocol):
    """One finishing step. It gets a draft and gives a draft, with a note for what it did; the same draft where it did nothing.

    ``before_seconds`` and ``after_seconds``: how far before the clip's planned start and after its planned end it may look or
    move. An exception costs the step, never the clip.
    """

    name: str
    before_seconds: float
    after_seconds: float

    def finish(self, draft: Draft, evidence: Evidence) -> Draft: ...
