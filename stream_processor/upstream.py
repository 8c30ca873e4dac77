"""All that is upstream of the decisions, as one: the threads that read and decode, and what the engine still has of them.

It ends by itself when the stream does. Whoever has no more time for it leaves it: what hangs then is named, and its threads
find every door closed should they ever come back.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from stream_processor.backlog import Backlog
from stream_processor.decode import DecodeCounts, Sampling, decode_all
from stream_processor.errors import GivenUp
from stream_processor.feed import Feed
from stream_processor.intake import Intake
from stream_processor.records import Pane


@dataclass(frozen=True)
class Analysis:
    """What the scorers want to see, and the way to them. ``alter``: what is done to each pane before it is scored."""

    sampling: Sampling
    feed: Feed
    alter: Callable[[Pane], Pane] | None = None

    def deliver(self, pane: Pane) -> None:
        self.feed.put(pane if self.alter is None else self.alter(pane))


class Upstream:
    """``analysis`` is called in the decoding thread, and may block until the scorers are loaded."""

    def __init__(self, intake: Intake, backlog: Backlog, analysis: Callable[[], Analysis]) -> None:
        self._intake = intake
        self._backlog = backlog
        self._analysis = analysis
        self._decoder = threading.Thread(target=self._decode, name="decode", daemon=True)
        self.counts = DecodeCounts()
        self.feed: Feed | None = None
        self.error: BaseException | None = None
        """What decoding or scoring died of."""

    def start(self) -> None:
        self._decoder.start()
        self._intake.start()

    def stop(self) -> None:
        """Read no more. What was read is still decoded and scored."""
        self._intake.stop()

    def join(self) -> None:
        """Until all of it has ended, and all that was scored is delivered."""
        self._intake.join()
        self._decoder.join()
        try:
            if self.error is None and self.feed is not None:
                self.feed.flush()
        except BaseException as error:  # raised by whoever looks at it
            self.error = error

    def abandon(self) -> None:
        """Whatever is still on its way has nowhere to go. From any thread."""
        self._intake.stop()
        self._backlog.abandon()
        if self.feed is not None:
            self.feed.fail(GivenUp("nobody decides on it any more"))

    def hanging(self) -> list[str]:
        """What has not ended, for people."""
        feed = self.feed
        if feed is not None and feed.measuring:
            return [f"the scorer of {feed.measuring}"]
        if not self._intake.join(0):
            return ["the source"]
        return ["decoding"] if self._decoder.is_alive() else []

    def raise_error(self) -> None:
        """What it ended by, where that was neither the stream's end nor ours."""
        for error in (self.error, self._intake.error):
            if error is not None and not isinstance(error, GivenUp):
                raise error

    def _decode(self) -> None:
        try:
            if not self._backlog.wait_for_something():
                return  # nothing came: there is no need to wait for the scorers
            analysis = self._analysis()
            self.feed = analysis.feed
            decode_all(self._backlog, analysis.sampling, analysis.deliver, self.counts)
        except BaseException as error:  # raised by whoever looks at it
            self.error = error
            self._backlog.abandon()
            self._intake.stop()
