"""What ``main best`` scores each sampled frame by: builds what counts, and says what had to be left out."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scorers.aesthetic_head import find_head, is_a_guess
from scorers.choice import Clip, choose_clip
from scorers.embedding import choose_device
from scorers.exposure import Exposure
from scorers.heads import Head, HeadScorer, Linear, Nearest
from scorers.likeness import likeness_head
from scorers.look import Look
from scorers.loudness import Rms
from scorers.motion import OpticalFlow
from scorers.observed import Observed
from scorers.prompt import Prompt, parse_prompts, prompt_head
from scorers.shared_embedding import ByClip, ByLight, Describer, Shared
from scorers.sharpness import Sharpness
from scorers.smaller import Smaller
from stream_processor.best.settings import AestheticsSettings, BestWeights, FacesSettings
from stream_processor.contracts import Scorer
from stream_processor.decoding.reference import read_reference
from stream_processor.errors import ScorerError
from stream_processor.settings import NoveltySettings

LIGHT = "light"


@dataclass(frozen=True)
class BestScoring:
    """``scorers``: name -> observer (``keeps = "samples"``), for ``Engine.register``; all of one file's epochs may use them.

    ``look`` is always among them: its vectors are what moments are compared by, its values are 0. ``look_kind`` says what made
    them, e.g. ``clip ViT-B-32-quickgelu openai`` or ``light``.
    ``heads``: those of ``scorers`` that are functions of a look alone (aesthetics, prompt, likeness): looks float32 (n, d) ->
    values float64 (n,). With looks at hand (a cache) they need no decoding.
    ``picture_size``: the shorter side of the pictures that are wanted, pixels; None: no pictures, I420 frames alone.
    ``left_out``: signal -> reason, of signals that were to count and cannot. ``notes``: that and more for people, a line each.
    ``keys``: name -> what the values of that scorer depend on besides the frames, in a word for a cache; those of ``heads`` too.
    ``smaller``: what scales frames down for them; an observer beside them that wants small frames has them from it for nothing.
    ``device``: where embeddings are computed. Frames and pictures may lie in the host's memory whatever it says.
    """

    scorers: Mapping[str, Scorer]
    look_kind: str
    heads: Mapping[str, Head]
    picture_size: int | None
    left_out: Mapping[str, str]
    notes: Sequence[str]
    keys: Mapping[str, str]
    smaller: Smaller
    device: str


def build_best_scorers(
    weights: BestWeights,
    *,
    prompts: Sequence[str],
    like: Path | None,
    novelty: NoveltySettings,
    aesthetics: AestheticsSettings,
    faces: FacesSettings,
    device: str,
    threads: int = 0,
    max_mb: float = 0.0,
) -> BestScoring:
    """Scorers for the signals whose weight is above 0, and for what is asked for. May take long: it loads weights.

    ``prompts`` as ``scorers.prompt.parse_prompts`` takes them (call it beforehand: it is quick, and says what is wrong); without
    any there is no ``prompt``, and nothing is said. ``likeness`` is there where ``like`` is given, whatever its weight.
    ``novelty`` names the CLIP weights: kind ``light`` uses none, ``clip`` insists, all else takes them where they can be had.
    ``device``, ``threads``, ``max_mb`` as ``scorers.build.build_scorers`` has them. PyTorch is imported only where there are CLIP
    weights. ``sharpness`` and ``exposure`` want frames of ``best.sample_height``; the rest scales them down by itself.
    SettingsError: a prompt. SourceUnusable: ``like``. ScorerError: what is named and cannot be had (weights, a head, a faces
    model), a device that is not there, or that nothing is left to score by.
    """
    parsed = parse_prompts(prompts)
    if device.startswith("cuda"):
        choose_device(device)  # one that is asked for and not there is said, even where nothing would be computed on it
    wanted = {name for name, weight in weights if weight > 0} - {"likeness"} | ({"likeness"} if like else set())
    if not parsed:
        wanted.discard("prompt")
    parts = _Parts()
    frames = Smaller()
    example = None if like is None else read_reference(like, height=frames.height, picture_size=None)  # a bad one is said at once
    for name, (make, key) in _PLAIN.items():
        if name in wanted:
            parts.add(name, make(frames), key)
    if "faces" in wanted:
        _add_faces(parts, faces)
    clip = choose_clip(novelty, device=device, threads=threads, max_mb=_left_mb(device, max_mb))
    if isinstance(clip, str):
        seen: Describer = Shared(ByLight(frames))
        parts.add("look", Look(seen), f"{LIGHT} {frames.height} 1")
        _say_what_needs_clip(parts, wanted, "novelty.kind is light" if novelty.kind == "light" else clip)
    else:
        seen = Shared(ByClip(clip.embedder))
        parts.add("look", Look(seen), f"clip {clip.weights.model} {_name(clip)} 1")
        if "aesthetics" in wanted:
            _add_aesthetics(parts, seen, clip, aesthetics, novelty.fetch_seconds)
        if "prompt" in wanted:
            _add_prompt(parts, seen, clip, parsed)
    picture_size = None if isinstance(clip, str) else clip.embedder.picture_size
    if like is not None and example is not None:
        if picture_size is not None:
            example = read_reference(like, height=frames.height, picture_size=picture_size)
        parts.add_head("likeness", likeness_head(seen, [example]), seen)
    if not set(parts.scorers) - {"look", "exposure"}:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in parts.left_out.items())
        raise ScorerError(f"nothing is left to choose by ({reasons}): raise another weight in [best_weights]")
    return BestScoring(
        scorers=parts.scorers,
        look_kind=LIGHT if isinstance(clip, str) else f"clip {clip.weights.model} {clip.weights.tag}",
        heads=parts.heads,
        picture_size=picture_size,
        left_out=parts.left_out,
        notes=parts.notes,
        keys=parts.keys,
        smaller=frames,
        device="cpu" if isinstance(clip, str) else clip.embedder.device,
    )


_PLAIN: Mapping[str, tuple[Callable[[Smaller], Scorer], str]] = {
    "sharpness": (lambda frames: Sharpness(), "laplacian 1"),
    "exposure": (lambda frames: Exposure(), "lost pixels 1"),
    "motion": (lambda frames: Observed(OpticalFlow(), frames), "farneback 180 1"),
    "loudness": (lambda frames: Observed(Rms()), "rms 1"),
    "clarity": (lambda frames: _clarity(), "clarity 1"),
}
"""Signals that need nothing: how each is made, and its key. Whoever changes what one measures, changes its number."""


class _Parts:
    """What has been built so far."""

    def __init__(self) -> None:
        self.scorers: dict[str, Scorer] = {}
        self.heads: dict[str, Head] = {}
        self.keys: dict[str, str] = {}
        self.left_out: dict[str, str] = {}
        self.notes: list[str] = []

    def add(self, name: str, scorer: Scorer, key: str) -> None:
        self.scorers[name], self.keys[name] = scorer, key

    def add_head(self, name: str, head: Linear | Nearest, seen: Describer) -> None:
        """After the look: the same head says something else of other looks."""
        numbers = [*head.weights, head.bias] if isinstance(head, Linear) else head.templates
        self.add(name, HeadScorer(name, seen, head), f"{_digest(np.array(numbers, np.float64).tobytes())} of {self.keys['look']}")
        self.heads[name] = head

    def leave_out(self, names: Iterable[str], reason: str, note: str) -> None:
        self.left_out |= dict.fromkeys(names, reason)
        self.notes.append(note)


def _add_faces(parts: _Parts, settings: FacesSettings) -> None:
    if settings.model is None:
        reason = "no face detector is named: set faces.model to UltraFace's file (version-RFB-320.onnx)"
        parts.leave_out(["faces"], reason, f"Faces are left out: {reason}.")
        return
    from scorers.faces import Faces
    from scorers.ultraface import UltraFace

    detector = UltraFace(settings.model)
    parts.add("faces", Faces(detector), f"ultraface {_digest(settings.model.expanduser().read_bytes())} 1")


def _say_what_needs_clip(parts: _Parts, wanted: set[str], reason: str) -> None:
    missing = [name for name in ("aesthetics", "prompt") if name in wanted]
    if missing:
        what = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} left out, the other weights take their place"
        parts.leave_out(missing, reason, f"Without CLIP ({reason}) {what}.")
    if "likeness" in wanted:
        parts.notes.append("Without CLIP, likeness to --like is that of colours and edges, not of what is shown.")


def _add_aesthetics(parts: _Parts, seen: Describer, clip: Clip, settings: AestheticsSettings, fetch_seconds: float) -> None:
    from scorers.aesthetics import load_head

    try:
        path = find_head(settings.head, clip.weights, fetch_seconds=fetch_seconds)
        try:
            head = load_head(path, dimensions=_dimensions(clip), model=clip.weights.model)
        except ScorerError:
            if settings.head is None:
                path.unlink(missing_ok=True)  # whatever came in its place: next time it is fetched anew
            raise
    except ScorerError as error:
        if settings.head is not None:
            raise
        parts.leave_out(["aesthetics"], str(error), f"Aesthetics is left out: {error}.")
        return
    parts.add_head("aesthetics", head, seen)
    if settings.head is None and is_a_guess(clip.weights):
        parts.notes.append(f"LAION's aesthetic head was made for OpenAI's weights: {clip.weights.tag} is taken to hold them.")


def _add_prompt(parts: _Parts, seen: Describer, clip: Clip, prompts: Sequence[Prompt]) -> None:
    from scorers.text_tower import embed_texts

    vectors = embed_texts(clip.weights, clip.path, [prompt.text for prompt in prompts])
    parts.add_head("prompt", prompt_head(prompts, vectors), seen)


def _clarity() -> Scorer:
    from scorers.clarity import Clarity

    return Clarity()


def _left_mb(device: str, max_mb: float) -> float:
    """Of a CUDA card's memory, for embeddings; PyTorch is told. 0: no limit."""
    if not max_mb or (chosen := choose_device(device)) == "cpu":
        return 0.0
    from scorers import on_device

    left_mb = on_device.left_for_scoring_mb(max_mb, channels=0)
    on_device.bound_memory(chosen, left_mb)
    return left_mb


def _dimensions(clip: Clip) -> int:
    """Of its embeddings: as one comes out."""
    size = clip.embedder.picture_size
    return int(clip.embedder.embed([np.zeros((1, size, size, 3), np.uint8)])[0].shape[1])


def _name(clip: Clip) -> str:
    """Which weights these are: a tag's never change, and a file is another one when it was written anew."""
    if clip.weights.checkpoint is None:
        return clip.weights.tag
    known = clip.weights.checkpoint.stat()
    return f"{clip.weights.checkpoint.name} {known.st_size} {known.st_mtime_ns}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
