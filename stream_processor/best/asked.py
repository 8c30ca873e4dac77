"""What ``main best`` was asked for, and what is wrong with it, a line each: before anything slow is begun, where it can be."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stream_processor.best import reading
from stream_processor.best.comparing import AGAINST
from stream_processor.best.content_key import content_key
from stream_processor.best.settings import BestWeights
from stream_processor.best.tape import Tape
from stream_processor.errors import ClipError, ClipWriteError, ScorerError, SettingsError, SourceUnusable
from stream_processor.redact import redact
from stream_processor.settings import Settings


@dataclass(frozen=True)
class Asked:
    """What the command line asks for. ``like``: a picture or a clip to come close to. ``caches`` False: nothing is kept."""

    videos: Sequence[Path]
    output: Path
    settings: Settings
    prompts: Sequence[str] = ()
    like: Path | None = None
    caches: bool = True


def checked(asked: Asked) -> tuple[list[Path], list[str]]:
    """The videos, and what is wrong with those of several that are none: a folder's files may be among them.

    SettingsError: the same file twice. SourceUnusable: one that is not there, or the only one that there is is no video.
    """
    seen: dict[Path, Path] = {}
    for path in asked.videos:
        real = path.resolve()
        if real in seen:
            raise SettingsError(f"{redact(str(path))} is given twice")
        seen[real] = path
    videos: list[Path] = []
    failed: list[str] = []
    for path in asked.videos:
        try:
            reading.check(path, asked.settings.source)
            videos.append(path)
        except ClipError as error:
            failure = named(path, error)
            if len(asked.videos) == 1 or not path.exists():  # a slip of the pen: better said before it takes long
                raise failure from error
            failed.append(str(failure))
    if not videos:
        raise SourceUnusable(f"none of the {len(failed)} files is a video: {failed[0]}")
    return videos, failed


def weights_of(asked: Asked) -> BestWeights:
    """Without those of what is not asked for. SettingsError: what is asked for has none, or nothing but a penalty is left."""
    for option, name, there in (("--like", "likeness", asked.like), ("--prompt", "prompt", asked.prompts)):
        if there and getattr(asked.settings.best_weights, name) == 0:
            raise SettingsError(f"{option} would do nothing: best_weights.{name} is 0, raise it")
    absent = {name: 0.0 for name, there in (("likeness", asked.like), ("prompt", asked.prompts)) if not there}
    weights = asked.settings.best_weights.model_copy(update=absent)
    if not any(weight > 0 for name, weight in weights if name not in AGAINST):
        raise SettingsError("best_weights: nothing to choose by is left without --prompt and --like: raise another weight")
    return weights


def named(path: Path, error: ClipError | MemoryError) -> ClipError:
    if isinstance(error, MemoryError):
        return ScorerError(
            f"{redact(str(path))}: there is not enough memory: lower best.sample_height, best.max_sample_fps or process.threads"
        )
    if redact(str(path)) in str(error) or isinstance(error, ClipWriteError):
        return error
    return SourceUnusable(f"{redact(str(path))}: {error}")


def key_of(path: Path) -> str:
    try:
        return content_key(path)
    except OSError as error:
        raise SourceUnusable(f"{redact(str(path))}: {error.strerror or error}") from error


def check_length(tape: Tape, settings: Settings) -> None:
    length, least = tape.video.duration_seconds, settings.best.min_seconds
    if not len(tape.times):
        raise SourceUnusable(f"{redact(str(tape.video.path))}: not one frame of it could be scored", reason="damaged")
    if length < least - 1e-6:
        raise SourceUnusable(
            f"{redact(str(tape.video.path))}: {length:.2f} s long, shorter than a clip of {least:g} s: lower best.min_seconds, "
            "and best.pre_roll_seconds and best.post_roll_seconds with it"
        )
