"""What is told to Prometheus, and under which names. Only ``--metrics`` imports this module, and prometheus_client with it.

Each scrape reads plain numbers: the statuses' own, and of sinks and disk what the event loop noted down last (``Noted``).
Labels are few and known beforehand: channels and sinks as they are configured, signals, states, outcomes and reasons.
"""

import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from stream_processor.errors import LOSS_REASONS
from stream_processor.operations.counting import totals
from stream_processor.status import CLIP_OUTCOMES, STATES, ChannelStatus

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX = "clip_highlights_"


class SinkCounts(NamedTuple):
    """One sink at the last look. ``oldest_at``: when the alert was made that waits longest, UTC; None: none waits."""

    name: str
    is_connected: bool
    waiting: int
    delivered: int
    failures: int
    expired: int
    news_dropped: int
    oldest_at: float | None = None


@dataclass(frozen=True)
class Noted:
    """What cannot be read from any thread at any time: made anew by the event loop. Bytes are None where they are not known."""

    sinks: tuple[SinkCounts, ...] = ()
    clips_removed: int = 0
    free_bytes: int | None = None
    journal_bytes: int | None = None


_COUNTERS = {
    "broadcasts": "Streams that began on the channel.",
    "stream_seconds": "Seconds of stream that were scored and decided on.",
    "frames": "Pictures that came from the source, decoded or not.",
    "frames_decoded": "Pictures that were decoded.",
    "frames_skipped": "Pictures that nobody samples or refers to, and that were therefore not decoded.",
    "frames_analysed": "Pictures that were sampled for scoring.",
    "frames_late": "Pictures that came after their pane had been scored.",
    "frames_dropped": "Packets that were not analysed because analysis was behind; clips have them all the same.",
    "packets_lost": "Packets that the ring had to drop before a clip had them (ring.max_mb).",
    "decode_errors": "Packets that could not be decoded.",
    "panes_scored": "Panes that were scored.",
    "windows": "Windows that were put together from panes.",
    "highlights": "Highlights that were opened.",
    "epochs": "Unbroken parts of stream that began.",
    "decision_failures": "Times that the normaliser or the detector failed, and deciding began anew.",
    "restarts": "Times that the channel failed and began again (--forever).",
}
_LABELLED: Mapping[str, tuple[str, str, Sequence[str]]] = {
    "clips": ("outcome", "Closed highlights, by what became of their clip.", CLIP_OUTCOMES),
    "reconnects": ("reason", "Times that the stream was lost, by reason.", LOSS_REASONS),
    "scoring_seconds": ("signal", "Seconds that scorers took; of a call for several channels, this one's share.", ()),
    "scorer_errors": ("signal", "Panes that a scorer failed on.", ()),
    "step_failures": ("step", "Clips that had to do without a finishing step, as it failed or took too long.", ()),
    "scorer_restarts": ("signal", "Times that a scorer began anew by no fault of the channel.", ()),
}
_GAUGES: Mapping[str, tuple[str, Callable[[ChannelStatus], float]]] = {
    "lag_seconds": ("Newest packet to newest decided pane, in stream time.", lambda status: status.lag_seconds),
    "ring_seconds": ("Stream that the packet ring holds.", lambda status: status.ring_seconds),
    "ring_bytes": ("Memory that the packet ring holds.", lambda status: status.ring_mb * 1e6),
    "ring_max_bytes": ("Memory that the packet ring may hold.", lambda status: status.ring_max_mb * 1e6),
}


class ClipCollector(Collector):
    """``channels`` is looked at anew at each scrape. ``is_ready``: as /readyz has it. ``now``: UTC in seconds since 1970."""

    def __init__(
        self,
        channels: Sequence[ChannelStatus],
        noted: Callable[[], Noted],
        is_ready: Callable[[str], bool],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._channels = channels
        self._noted = noted
        self._is_ready = is_ready
        self._now = now

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        noted, channels = self._noted(), tuple(self._channels)
        build = {"version": version("clip-highlights"), "python": platform.python_version()}
        yield InfoMetricFamily(f"{_PREFIX}build", "The program.", value=build)
        yield from _counted(channels)
        for name, (words, value) in _GAUGES.items():
            family = GaugeMetricFamily(f"{_PREFIX}{name}", words, labels=["channel"])
            for status in channels:
                family.add_metric([status.channel], value(status))
            yield family
        yield from self._states(channels)
        yield from self._sinks(noted.sinks)
        words = "Clips that were removed for output.max_gb or output.max_days."
        yield CounterMetricFamily(f"{_PREFIX}clips_removed", words, value=noted.clips_removed)
        bytes_ = {
            "output_free_bytes": ("Room that is left where clips are written.", noted.free_bytes),
            "journal_bytes": ("Size of the journal and its write-ahead log.", noted.journal_bytes),
        }
        for name, (words, number) in bytes_.items():
            if number is not None:
                yield GaugeMetricFamily(f"{_PREFIX}{name}", words, value=number)

    def _states(self, channels: Sequence[ChannelStatus]) -> Iterable[Metric]:
        states = GaugeMetricFamily(f"{_PREFIX}channel_state", "1 for the state the channel is in.", labels=["channel", "state"])
        ready = GaugeMetricFamily(f"{_PREFIX}channel_ready", "1: packets arrive and are scored.", labels=["channel"])
        for status in channels:
            now_in = status.state
            for state in STATES:
                states.add_metric([status.channel, state], state == now_in)
            ready.add_metric([status.channel], self._is_ready(status.channel))
        yield states
        yield ready

    def _sinks(self, sinks: Sequence[SinkCounts]) -> Iterable[Metric]:
        now = self._now()
        gauges: dict[str, tuple[str, Callable[[SinkCounts], float]]] = {
            "sink_connected": ("1: the sink takes what it is given.", lambda sink: sink.is_connected),
            "outbox_alerts": ("Alerts that the sink has not taken yet.", lambda sink: sink.waiting),
            "outbox_oldest_seconds": (
                "Age of the alert that waits longest for the sink; 0: none waits.",
                lambda sink: 0.0 if sink.oldest_at is None else max(0.0, now - sink.oldest_at),
            ),
        }
        counters: dict[str, tuple[str, Callable[[SinkCounts], float]]] = {
            "alerts_delivered": ("Alerts that the sink has taken.", lambda sink: sink.delivered),
            "alerts_expired": ("Alerts that outlived outbox.max_days before the sink took them.", lambda sink: sink.expired),
            "sink_failures": ("Times that the sink refused or failed; alerts are offered again.", lambda sink: sink.failures),
            "news_dropped": ("Passing news (state, window) that the sink did not get.", lambda sink: sink.news_dropped),
        }
        for kind, table in ((GaugeMetricFamily, gauges), (CounterMetricFamily, counters)):
            for name, (words, value) in table.items():
                family = kind(f"{_PREFIX}{name}", words, labels=["sink"])
                for sink in sinks:
                    family.add_metric([sink.name], value(sink))
                yield family


def _counted(channels: Sequence[ChannelStatus]) -> Iterable[Metric]:
    counts = [(status.channel, totals(status)) for status in channels]
    for name, words in _COUNTERS.items():
        family = CounterMetricFamily(f"{_PREFIX}{name}", words, labels=["channel"])
        for channel, numbers in counts:
            family.add_metric([channel], numbers[name, ""])
        yield family
    for name, (label, words, known) in _LABELLED.items():
        family = CounterMetricFamily(f"{_PREFIX}{name}", words, labels=["channel", label])
        for channel, numbers in counts:
            named = [value for counted, value in numbers if counted == name]
            for value in dict.fromkeys([*known, *named]):  # those that are known are there from the start, as 0
                family.add_metric([channel, value], numbers.get((name, value), 0))
        yield family


class Exposition:
    """``text`` is what a scrape gets: this program's numbers, and those of its process (memory, CPU, start, files)."""

    def __init__(self, collector: Collector) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(collector)
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        return generate_latest(self._registry)
