"""What all tests share: real programs and real media, or a skip that says why."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import av
import av.codec.codec
import hypothesis
import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the program has it: several workers share the cores

hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None)  # the same examples for everybody
hypothesis.settings.load_profile("ci" if os.environ.get("CI") == "true" else "here")

REPOSITORY = Path(__file__).resolve().parent.parent
REAL_PEERS = ("tests/faults/", "tests/sources/")
"""Tests with whole programs, servers and time-outs, on a machine that may have other things to do."""
MEDIA = REPOSITORY.parent / "shared" / "media"
MODELS = REPOSITORY.parent / "shared" / "models"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those get a second chance, which the summary tells of ("rerun"): what fails twice has failed."""
    for item in items:
        if item.nodeid.startswith(REAL_PEERS):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def need_program() -> Callable[..., Path]:
    """``need_program("nginx", "/path/to/its/module.so")`` gives the program's path, or skips; under CI=true it fails instead."""

    def need(program: str, *files: str) -> Path:
        found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin:/sbin")
        missing = [program] if found is None else [file for file in files if not Path(file).exists()]
        if missing:
            reason = f"{', '.join(missing)} is not installed"
            if os.environ.get("CI") == "true":
                pytest.fail(f"{reason}, and CI=true asks for it", pytrace=False)
            pytest.skip(reason)
        return Path(str(found))

    return need


@pytest.fixture(scope="session")
def models() -> Callable[[str], Path]:
    """``models("silero_vad/silero_vad.onnx")`` gives the path of a shared model file, or skips where there is none."""

    def find(name: str) -> Path:
        path = MODELS / name
        if not path.exists():
            pytest.skip(f"no {name} in {MODELS.parent.name}/{MODELS.name} beside the repository")
        return path

    return find


@pytest.fixture(scope="session")
def media() -> Callable[[str], Path]:
    """``media("odd/audio_only.mp4")`` gives the path of a shared media file, or skips where there is none."""

    def find(name: str) -> Path:
        path = MEDIA / name
        if not path.exists():
            pytest.skip(f"no {name} in {MEDIA.parent.name}/{MEDIA.name} beside the repository")
        return path

    return find


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """``made("h264 in ts", seconds=8)`` encodes a recipe of ``tests.media_maker`` once, or skips where there is no encoder."""
    from tests.media_maker import RECIPES, make

    folder = tmp_path_factory.mktemp("made")

    def find(name: str, *, seconds: int = 8) -> Path:
        try:
            return make(folder, RECIPES[name], seconds=seconds)
        except av.codec.codec.UnknownCodecError as error:
            pytest.skip(f"this FFmpeg has no encoder {error}")

    return find


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of whoever runs the tests must not change what they test."""
    for name in [name for name in os.environ if name.upper().startswith("CLIP_HIGHLIGHTS_")]:
        monkeypatch.delenv(name)
