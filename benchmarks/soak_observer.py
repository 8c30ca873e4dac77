"""Prometheus and a health check beside the soak: they ask all the time, count what is answered, and add the counters up."""

import http.client
import re
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

ASK_SECONDS = 1.0
SLOW_SECONDS = 2.0
"""An answer that takes longer is counted."""
_PATIENCE_SECONDS = 30.0
PATHS: Mapping[str, tuple[int, ...]] = {"/metrics": (200,), "/healthz": (200,), "/readyz": (200, 503)}
"""What may be asked for, and the answers that are right at any time."""
_SAMPLE = re.compile(r"clip_highlights_(?P<name>\w+)_total\{(?P<labels>[^}]*)\} (?P<value>\S+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_START = re.compile(r"^process_start_time_seconds (\S+)", re.MULTILINE)

Key = tuple[str, str]
"""A counter's name, and its reason, outcome or signal; empty where it has none."""


class Sums:
    """Counters over many lives of the program, each from zero. What came after a life's last scrape is missing."""

    def __init__(self) -> None:
        self._before: Counter[Key] = Counter()
        self._now: Counter[Key] = Counter()
        self._began: str | None = None

    def take(self, text: str) -> None:
        """A scrape of ``/metrics``."""
        found = _START.search(text)
        began = found[1] if found is not None else None
        if began != self._began:
            self._before += self._now
            self._now, self._began = Counter(), began
        for sample in _SAMPLE.finditer(text):
            labels = [value for key, value in _LABEL.findall(sample["labels"]) if key not in ("channel", "sink")]
            self._now[sample["name"], "".join(labels)] = float(sample["value"])  # type: ignore[assignment] # counts seconds, too

    def total(self, name: str) -> dict[str, float]:
        """By reason, outcome or signal; what is zero is left out."""
        return {label: value for (known, label), value in (self._before + self._now).items() if known == name}


@dataclass(frozen=True)
class Answer:
    """``begun``, ``ended``: monotonic seconds. ``status`` None: the line was cut, or nobody listened in time."""

    path: str
    begun: float
    ended: float
    status: int | None


@dataclass
class Judged:
    """``wrong``: path and status. Answers that a suspension fell into are left out."""

    answers: int = 0
    slow: list[tuple[str, float]] = field(default_factory=list)
    wrong: list[tuple[str, int]] = field(default_factory=list)


def judge(answers: Iterable[Answer], suspensions: Iterable[tuple[float, float]], settle_seconds: float) -> Judged:
    """``settle_seconds``: after a suspension the program may need so long to find out that it is well."""
    judged, asleep = Judged(), list(suspensions)
    for answer in answers:
        if answer.status is None or any(answer.begun < end + settle_seconds and answer.ended > begin for begin, end in asleep):
            continue
        judged.answers += 1
        if (seconds := answer.ended - answer.begun) > SLOW_SECONDS:
            judged.slow.append((answer.path, seconds))
        if answer.status not in PATHS[answer.path]:
            judged.wrong.append((answer.path, answer.status))
    return judged


class Observer:
    """``answers``: all so far. A program that is not there, or dies while it answers, is no answer."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._ended = threading.Event()
        self.answers: list[Answer] = []
        self.sums = Sums()
        self._thread = threading.Thread(target=self._ask, name="observer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._ended.wait(ASK_SECONDS):
            for path in PATHS:
                begun = time.monotonic()
                status, text = self._answer(path)
                self.answers.append(Answer(path, begun, time.monotonic(), status))
                if path == "/metrics" and status == 200:
                    self.sums.take(text)

    def _answer(self, path: str) -> tuple[int | None, str]:
        try:
            with urllib.request.urlopen(self._url + path, timeout=_PATIENCE_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, ""
        except (OSError, http.client.HTTPException):
            return None, ""
