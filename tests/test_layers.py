"""Who may import whom (.importlinter), who may use FFmpeg and PyTorch, and that heavy things are imported only when used."""

import configparser
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

REPOSITORY = Path(__file__).parent.parent
PACKAGES = ("stream_processor", "scorers", "sinks")

FFMPEG = {
    *("demux", "receiving.reprobe", "receiving.templates", "decode", "decoding.hardware", "decoding.mono", "decoding.scaling"),
    *("clips", "commands.doctor", "decoding.reference", "finishing.placing", "finishing.placing_in_file"),
    *(f"clipping.{name}" for name in ("cut", "encode", "muxing", "picture", "spool")),
    *(f"best.{name}" for name in ("cutting", "excerpts", "filters", "peak_picture", "sound", "exports.start_timecode")),
}
"""Besides the sources. doctor asks what the libraries can."""
PYTORCH = {
    "scorers.aesthetics",
    "scorers.embedding",
    "scorers.novelty_clip",
    "scorers.arithmetic",
    "scorers.farneback",
    "scorers.int8",
    "scorers.openvino_tower",
    "scorers.on_device",
    "scorers.text_tower",
    "scorers.tower",
    "scorers.motion_torch",
    "stream_processor.decoding.device_frames",
    "stream_processor.decoding.device_memory",
    "stream_processor.decoding.hardware",
    "stream_processor.commands.doctor",
}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None)


def test_each_row_imports_only_rows_below_it() -> None:
    lint = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([lint, "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_module_has_its_row(graph: grimp.ImportGraph) -> None:
    contracts = configparser.ConfigParser()
    contracts.read(REPOSITORY / ".importlinter")
    rows = contracts["importlinter:contract:rows"]["layers"].replace("|", " ").split()
    parts = graph.find_children("stream_processor") - set(rows)
    assert {module for part in parts for module in graph.find_children(part) or {part}} - set(rows) == set()


def test_only_what_reads_and_writes_media_uses_ffmpeg(graph: grimp.ImportGraph) -> None:
    users = {module.removeprefix("stream_processor.") for module in graph.find_modules_that_directly_import("av")}
    assert {user for user in users if not user.startswith("sources.")} <= FFMPEG


def test_only_clip_and_what_runs_on_a_gpu_uses_pytorch(graph: grimp.ImportGraph) -> None:
    assert graph.find_modules_that_directly_import("torch") <= PYTORCH


def test_a_light_run_never_imports_pytorch() -> None:
    code = """
import sys
import scorers.loudness, scorers.motion, scorers.novelty_light
import stream_processor.app, stream_processor.dashboard
print([name for name in ("torch", "open_clip", "librosa", "scipy") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout == "[]\n"
