"""CLIP's image tower under several runtimes and arithmetics: how quick, how large, and how near to PyTorch in fp32.

Each is a process of its own that is asked for one pass now and then, in turn with ``torch fp32``: only one computes at a time.
"""

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks import clip_weights
from benchmarks.agreement import spearman
from benchmarks.clip_variants import SIZE, VARIANTS
from benchmarks.paired import alternate, available_cores, python, ratio, spread, surroundings
from benchmarks.report import Cell, Report, RunSettings, Skipped, Table
from benchmarks.sampled import sampled
from benchmarks.streams import MEDIA

FILES = (
    "sintel_trailer_480p.mp4",
    "bbb_0_30_720p.webm",
    "gameplay_spaceshooter_24s.mp4",
    "walking_crowd_14s.mp4",
    "nasa_13013.mp4",
)
PICTURES = 20
"""Of each file, one a second."""
REFERENCE = "torch fp32"
SPINNING = "torch fp32, threads spin"
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
QUICK = (REFERENCE, "torch bf16", "int8 by rows (scorers/int8.py)")
Floats = npt.NDArray[np.float32]


class Ask(NamedTuple):
    threads: int
    batch: int


class Variant:
    """A running child of ``clip_variants``. ``missing``: the package that it would need."""

    def __init__(self, name: str, pictures: Path, weights: Path) -> None:
        environment = surroundings()
        environment.pop("OMP_WAIT_POLICY", None)
        if name != SPINNING:
            environment["OMP_WAIT_POLICY"] = "PASSIVE"
        self._process = subprocess.Popen(
            python("benchmarks.clip_variants", name, pictures, weights),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            text=True,
        )
        made = self._answer()
        self.missing: str | None = made.get("missing")
        self.make_seconds: float = made.get("make_seconds", 0.0)
        self.rss_mb: float | None = made.get("rss_mb")

    def pass_ms(self, ask: Ask) -> tuple[float, float]:
        """Wall and CPU, per picture."""
        took = self._ask({"threads": ask.threads, "batch": ask.batch})
        return took["wall_ms"] / ask.batch, took["cpu_ms"] / ask.batch

    def embeddings(self, *, rough: bool) -> Floats:
        """float32 (n, 512) of length one. ``rough``: with outliers in the weights; the last thing to ask for."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "embeddings.npy"
            self._ask({"embed": str(path), "rough": rough})
            vectors: Floats = np.load(path).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()

    def _ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        """Libraries print to standard output, too: what is no JSON object in one line is theirs."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                answer: dict[str, Any] = json.loads(line)
                return answer
        raise RuntimeError(f"{self._process.args}: it ended with code {self._process.wait()}")


def run(settings: RunSettings) -> Report:
    if not MEDIA.is_dir():
        raise Skipped(f"there are no films in {MEDIA}")
    import open_clip  # noqa: F401 - Skipped where it is missing, before anything is made

    films = [film for name in FILES if len(film := _pictures(MEDIA / name, 8 if settings.quick else PICTURES)) > 1]
    asks = [Ask(threads, batch) for threads in sorted({1, available_cores()}) for batch in (1, 5)]
    names = [name for name in VARIANTS if name in QUICK or not settings.quick]
    speed: list[Sequence[Cell]] = []
    nearness: list[Sequence[Cell]] = []
    raw: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        pictures, weights = Path(folder) / "pictures.npy", clip_weights.ready()
        np.save(pictures, np.concatenate(films))
        reference = Variant(REFERENCE, pictures, weights)
        exact = reference.embeddings(rough=False)
        try:
            for name in names:
                settings.say(f"clip_runtimes: {name}")
                try:
                    variant = Variant(name, pictures, weights)
                except RuntimeError:
                    speed.append((name, *["cannot run here", *[None] * (len(asks) * 2 + 2)]))
                    continue
                if variant.missing is not None:
                    speed.append((name, *[f"needs {variant.missing}", *[None] * (len(asks) * 2 + 2)]))
                    continue
                took = {
                    ask: alternate(
                        {"it": lambda v=variant, a=ask: v.pass_ms(a), "fp32": lambda a=ask: reference.pass_ms(a)},  # type: ignore[misc]
                        rounds=3 if settings.quick else 7,
                        warmups=2,
                    )
                    for ask in asks
                }
                speed.append((name, None, *_speed_cells(took), variant.make_seconds, variant.rss_mb))
                if name != SPINNING:
                    nearness.append((name, *_nearness(variant, exact, films)))
                raw[name] = {f"{ask.threads} threads, batch of {ask.batch}": samples for ask, samples in took.items()}
                variant.close()
        finally:
            reference.close()
    columns = [f"{ask.threads}t b{ask.batch}, {what}" for ask in asks for what in ("ms a picture", "× fp32")]
    return Report(
        "CLIP's image tower under several runtimes",
        [
            Table("Speed", ["variant", "note", *columns, "made in, s", "resident, MB"], speed),
            Table(
                "Nearness to fp32",
                ["variant", "cosine, least", "cosine, mean", "novelty's rank correlation", "cosine, least, with outliers"],
                nearness,
            ),
        ],
        notes=[
            f"{clip_weights.MODEL} with random weights, {sum(map(len, films))} pictures of {len(films)} films, one a second.",
            "t: threads, b: pictures in one pass. × fp32: the time of torch fp32 in the same rounds, divided by its own.",
            "Random weights give embeddings that lie close together: novelty's rank correlation says more than the cosine.",
            "Outliers: six channels of each layer norm thirty times as large, and the function the same.",
            "Threads wait asleep (OMP_WAIT_POLICY=PASSIVE), except in the row that says otherwise.",
        ],
        raw=raw,
    )


def _speed_cells(took: Mapping[Ask, Mapping[str, Sequence[tuple[float, float]]]]) -> list[Cell]:
    cells: list[Cell] = []
    for samples in took.values():
        its, exact = ([wall for wall, _ in samples[which]] for which in ("it", "fp32"))
        cells += [spread(its), ratio(exact, its)]
    return cells


def _nearness(variant: Variant, exact: Floats, films: Sequence[Floats]) -> list[Cell]:
    smooth = variant.embeddings(rough=False)
    cosines = (smooth * exact).sum(axis=1)
    ends = np.cumsum([0, *map(len, films)])
    its, wanted = (np.concatenate([_novelty(vectors[a:b]) for a, b in pairwise(ends)]) for vectors in (smooth, exact))
    rough = (variant.embeddings(rough=True) * exact).sum(axis=1)
    # With all their digits: three would make 1 of 0.9996.
    return [f"{cosines.min():.5f}", f"{cosines.mean():.5f}", f"{spearman(its, wanted):.4f}", f"{rough.min():.5f}"]


def _novelty(vectors: Floats) -> npt.NDArray[np.float64]:
    return 1 - (vectors[1:] * vectors[:-1]).sum(axis=1, dtype=np.float64)


def _pictures(path: Path, count: int) -> Floats:
    """float32 (n, 3, 224, 224), as the tower takes them."""
    found = []
    for _, frame in sampled(path, at_most_seconds=count, fps=1.0):
        scale = SIZE / min(frame.height, frame.width)
        width, height = round(frame.width * scale), round(frame.height * scale)
        rgb = frame.reformat(width=width, height=height, format="rgb24", interpolation="BICUBIC").to_ndarray()
        left, top = (width - SIZE) // 2, (height - SIZE) // 2
        found.append(((rgb[top : top + SIZE, left : left + SIZE] / 255 - MEAN) / STD).transpose(2, 0, 1))
    return np.array(found, np.float32)
