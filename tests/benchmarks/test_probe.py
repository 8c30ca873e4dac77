"""The ears at the program's seams hear what the benchmarks ask for."""

from pathlib import Path

import pytest

from benchmarks import material, watching
from benchmarks.memory import Moment
from benchmarks.paired import sizes_mb
from benchmarks.startup import delays
from benchmarks.threads import ThreadTimes

SMALL = material.Material("small", "libx264", 160, 90, 25, 200_000, {"preset": "ultrafast"})


@pytest.mark.skipif(sizes_mb("self") is None, reason="there is no /proc here")
def test_a_run_is_heard_from_its_first_packet_to_its_end(tmp_path: Path) -> None:
    threads = ThreadTimes()
    path = material.ready(SMALL, 7, cache=tmp_path)
    cost, log = watching.probed("--stream", path, *watching.LIGHT, look=threads.look)
    heard = {line["type"]: line for line in log}
    assert heard["first packet"]["at"] <= heard["first pane"]["at"] <= heard["end"]["at"]
    assert heard["frames"]["frames_mb"] > 0
    assert set(Moment._fields) <= heard["state"].keys()
    assert heard["state"]["stream_seconds"] == pytest.approx(7.0, abs=0.2)
    assert heard["end"]["scorer_cpu_seconds"].keys() >= {"motion", "novelty", "loudness"}
    assert {"decode", "engine", "demux"} <= threads.cpu_seconds.keys()
    assert '"type": "summary"' in cost.said
    start, first_pane, imports_mb = delays(log, begun=heard["first packet"]["at"] - 1.0)
    assert start == pytest.approx(1.0)
    assert first_pane >= 0
    assert imports_mb > 0
