"""Old clips go while the program watches and is killed: nobody is ever told of a clip that is gone, and nothing else is touched.

output    1000 old clips ── start ── kill −9 in the midst ── start ── …        none of them, and no rest of them
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from tests.program import LIGHT, alerts, run, script, sidecars, start

DAY = 86400.0


def shelve(folder: Path, count: int, *, days_ago: float = 40.0) -> None:
    """Old clips as an earlier run left them, each with picture and sidecar."""
    folder.mkdir(parents=True, exist_ok=True)
    written_at = time.time() - days_ago * DAY
    for number in range(count):
        stem = f"20261001T201500Z-67abc-0-{number}"
        told = {
            "schema": 1,
            "id": f"67abc-0-{number}",
            "filename": f"{stem}.mp4",
            "picture": f"{stem}.jpg",
            "score": number / count,
        }
        for ending, data in (("mp4", b"v" * 1000), ("jpg", b"p"), ("json", json.dumps(told).encode())):
            (folder / f"{stem}.{ending}").write_bytes(data)
        os.utime(folder / f"{stem}.json", (written_at, written_at))


def count(folder: Path, ending: str) -> int:
    return len([name for name in os.listdir(folder) if name.endswith(ending) and not name.startswith(".")])  # noqa: PTH208


def assert_nobody_is_told_of_what_is_gone(folder: Path) -> None:
    for sidecar in folder.glob("*.json"):
        told = json.loads(sidecar.read_text())
        assert (folder / told["filename"]).exists()
        assert (folder / told["picture"]).exists()


def test_killed_in_the_midst_it_leaves_no_half_clip_and_the_next_start_goes_on(made: Callable[..., Path], tmp_path: Path) -> None:
    film, folder = made("h264 in ts", seconds=8), tmp_path / "out" / "old"
    shelve(folder, 1000)
    (folder / "precious.mp4").write_bytes(b"somebody else's")
    arguments = ("--output", tmp_path / "out", "--set", "output.max_days=30", "--pace", "live", *LIGHT)
    kills = 0
    while (before := count(folder, ".json")) and kills < 3:
        with start("--stream", film, *arguments) as program:
            wait_until(lambda before=before: count(folder, ".json") <= before - 100)  # type: ignore[misc]
            program.kill()
            program.communicate()
        kills += 1
        assert_nobody_is_told_of_what_is_gone(folder)
    assert kills
    with start("--stream", film, *arguments) as program:
        wait_until(lambda: len(list(folder.iterdir())) == 1)
        program.kill()
        program.communicate()
    assert [path.name for path in folder.iterdir()] == ["precious.mp4"]


def test_what_a_run_writes_is_whole_while_what_is_old_makes_room_for_it(made: Callable[..., Path], tmp_path: Path) -> None:
    film, output = made("h264 in ts", seconds=8), tmp_path / "out"
    shelve(output / film.stem, 20, days_ago=2.0)
    (output / film.stem / "notes.json").write_text("{}")
    room_gb = 20 * 1000 / 1e9  # the new clip alone is larger
    done = run(
        *("--stream", film, "--output", output, "--config", script(tmp_path, [(3.0, 5.0)])),
        *("--set", f"output.max_gb={room_gb}", *LIGHT),
    )
    assert done.code == 0, done.lines_said
    (output / film.stem / "notes.json").unlink()
    (told,) = [one for one in sidecars(output / film.stem) if not one["id"].startswith("67abc")]
    assert (output / film.stem / told["filename"]).exists()
    assert [alert["type"] for alert in alerts(output / film.stem)][-1] == "end"
    assert_nobody_is_told_of_what_is_gone(output / film.stem)
    assert "removed clips for output.max_gb" in done.lines_said
    assert "Traceback" not in done.lines_said


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)
