"""A live stream that goes on whatever becomes of the program, a broker, somebody who notes all alerts, and the program itself.

publisher (ffmpeg) ──▶ nginx-rtmp ──▶ program ──▶ mosquitto ──▶ mosquitto_sub
"""

import json
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from tests.faults.watched import QUICK, wait_until
from tests.peers.broker import Broker
from tests.peers.nginx_rtmp import MODULE, nginx_rtmp
from tests.program import LIGHT, script, start

LIVELY = [(seconds, seconds + 1.2) for seconds in range(2, 200, 8)]
"""Of each epoch, in its own seconds."""
STOP_SECONDS = 50.0
"""A machine with other work takes long to decide what came in at several times real time; whoever waits, waits 60."""


class LiveWorld:
    """The output folder, and how to start the program on it, with the environment beside its own that a test wants."""

    def __init__(
        self,
        folder: Path,
        publish: list[str],
        url: str,
        broker: Broker,
        sections: Mapping[str, Any],
        channels: Mapping[str, Mapping[str, Mapping[str, Any]]],
    ) -> None:
        self.output = folder / "out"
        self.channel = self.output / "x"
        self.broker = broker
        self._publish = publish
        self._publisher: subprocess.Popen[bytes] | None = None
        self._log = folder / "log.txt"
        self._heard = folder / "heard.txt"
        usual: dict[str, dict[str, Any]] = {**QUICK, "process": {"stop_seconds": STOP_SECONDS}}
        merged = {name: {**usual.get(name, {}), **sections.get(name, {})} for name in {*usual, *sections}}
        config = script(folder, LIVELY, **merged)
        with config.open("a", encoding="utf-8") as file:
            for name, own in channels.items():  # nginx leaves the query alone; to the program they are two streams
                file.write(f'\n[[channel]]\nstream = "{url}?for={name}"\nname = "{name}"\n')
                for section, settings in own.items():
                    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
                    file.write(f"[channel.{section}]\n{lines}")
        self._arguments = ["--wait", "--output", self.output, "--config", config, "--mqtt", broker.url, *LIGHT]

    def start(self, *arguments: str, **environment: str) -> "subprocess.Popen[bytes]":
        with self._log.open("ab") as said:
            return start(
                *self._arguments, *arguments, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, env=environment
            )

    def publish(self) -> None:
        """From its beginning; whoever published before is gone."""
        self.hush()
        self._publisher = subprocess.Popen(self._publish, stdin=subprocess.DEVNULL)

    def hush(self) -> None:
        if self._publisher is not None:
            self._publisher.kill()
            self._publisher.wait()

    @property
    def said(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def rows(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.output / "journal.sqlite3")) as journal:
            return journal.execute(query).fetchall()

    def heard(self) -> list[dict[str, Any]]:
        return [
            json.loads(line) for line in self._heard.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")
        ]

    def ends(self, more_than: int, program: "subprocess.Popen[bytes]") -> None:
        """Wait until so many highlights have come to their end."""
        wait_until(
            lambda: program.poll() is not None or self.done() > more_than,
            lambda: f"more than {more_than} ended: {self.said[-3000:]}",
        )
        assert program.poll() is None, self.said[-3000:]

    def done(self) -> int:
        try:
            return len(self.rows("SELECT id FROM highlights WHERE state = 'done'"))
        except sqlite3.OperationalError:  # there is no journal yet, or only the beginning of one
            return 0

    def all_heard(self) -> None:
        """Wait until the broker has passed on as many alerts as there are."""
        (told,) = self.rows("SELECT count(*) FROM events")[0]
        wait_until(lambda: len(self.heard()) >= told, lambda: f"{told} alerts at the broker, not {len(self.heard())}")


@contextmanager
def live_world(
    folder: Path,
    film: Path,
    need_program: Callable[..., Path],
    channels: Mapping[str, Mapping[str, Mapping[str, Any]]] = {"x": {}},  # nobody changes it
    rate: int = 4,
    **sections: dict[str, Any],
) -> Iterator[LiveWorld]:
    """Everything but the program runs within. Broker and publisher may be stopped and started again.

    ``channels``: name -> what its table has besides; all of them watch the same stream, which runs ``rate`` times
    faster than real time.
    """
    ffmpeg, nginx, listener = need_program("ffmpeg"), need_program("nginx", MODULE), need_program("mosquitto_sub")
    broker = Broker(need_program("mosquitto"), folder)
    served = folder / "nginx"
    served.mkdir()
    with ExitStack() as stack:
        broker.start()
        stack.callback(broker.stop)
        server = stack.enter_context(nginx_rtmp(nginx, served))
        url = server.url("x")
        send = ["-v", "error", "-readrate", str(rate), "-stream_loop", "-1", "-i", str(film), "-c", "copy", "-f", "flv", url]
        heard = stack.enter_context((folder / "heard.txt").open("wb"))
        subscribe = [str(listener), "-i", "notes", "-c", "-p", str(broker.port), "-q", "1", "-t", "clip_highlights/+/alerts"]
        listening = subprocess.Popen(subscribe, stdout=heard, stderr=subprocess.DEVNULL)
        stack.callback(listening.wait)
        stack.callback(listening.kill)
        world = LiveWorld(folder, [str(ffmpeg), *send], url, broker, sections, channels)
        stack.callback(world.hush)
        world.publish()
        yield world
