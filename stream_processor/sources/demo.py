"""``--stream demo``: a game that plays itself, encoded and published over RTMP to ourselves, as fast as we read it."""

import secrets
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

from stream_processor.contracts import Demuxer
from stream_processor.errors import SourceEnded, SourceUnusable
from stream_processor.settings import SourceSettings
from stream_processor.sources.demo_game import DEMO_BURSTS, DEMO_SECONDS
from stream_processor.sources.listen import ListenSource

__all__ = ["DEMO_BURSTS", "DEMO_SECONDS", "DemoSource"]

_PUBLISHER = "stream_processor.sources.demo_publisher"
_GOODBYE_SECONDS = 5.0


class DemoSource:
    """One part of ``seconds``, then SourceEnded. TCP holds the publisher back; nothing is dropped."""

    is_live = False
    planted = DEMO_BURSTS

    def __init__(self, settings: SourceSettings, *, seconds: float = DEMO_SECONDS) -> None:
        self.duration_seconds = seconds
        self.started_at = datetime.now(UTC) - timedelta(seconds=seconds)  # faster than real time, it would end in the future
        self._key = secrets.token_hex(8)
        self._door = ListenSource(f"listen:rtmp://127.0.0.1:0/demo/{self._key}", settings)
        self._publisher: subprocess.Popen[str] | None = None
        self._watch: threading.Thread | None = None
        self._is_closed = False
        self._failure = ""

    def open(self) -> Demuxer:
        if self._publisher is None and not self._is_closed:
            url = f"rtmp://127.0.0.1:{self._door.bind()}/demo/{self._key}"
            self._publisher = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", _PUBLISHER],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            self._watch = threading.Thread(target=self._attend, args=(self._publisher, url), name="demo publisher", daemon=True)
            self._watch.start()
            try:
                return self._door.open()
            except SourceEnded:
                pass  # somebody shut the door: we, or the one who attends the publisher
        self._door.close()
        if self._watch is not None:
            self._watch.join(_GOODBYE_SECONDS)  # it has told its story, or finds the line cut: either way it ends by itself
        self.close()
        if self._failure:
            raise SourceUnusable(f"the demo cannot publish its stream: {self._failure}")
        raise SourceEnded("the demo is over")

    def close(self) -> None:
        self._is_closed = True
        self._door.close()
        if self._publisher is not None and self._watch is not None:
            self._publisher.terminate()
            self._watch.join(_GOODBYE_SECONDS)
            if self._watch.is_alive():
                self._publisher.kill()
                self._watch.join(_GOODBYE_SECONDS)

    def _attend(self, publisher: subprocess.Popen[str], url: str) -> None:
        """Give the publisher its orders, wait for its end, and shut the door if that end was not the game's."""
        said = publisher.communicate(f"{url} {self.duration_seconds}")[1]
        if publisher.returncode != 0 and not self._is_closed:
            lines = said.strip().splitlines()
            self._failure = lines[-1] if lines else f"exit code {publisher.returncode}"
            self._door.close()
