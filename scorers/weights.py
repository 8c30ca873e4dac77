"""Which file holds a CLIP model's weights: a name and a tag, or a name and a local checkpoint. Imports open_clip when used."""

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scorers import fetch
from stream_processor.errors import ScorerError

_OPEN_CLIP_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
"""What open_clip itself takes from a repository, in this order."""


@dataclass(frozen=True)
class Weights:
    """A model of open_clip and where its weights are: in ``checkpoint``, or one of ``files`` of the hub's ``repository``.

    ``preprocess`` is what the weights' tag says of mean, std and resizing; a checkpoint leaves that to open_clip's defaults.
    """

    model: str
    tag: str
    checkpoint: Path | None = None
    repository: str = ""
    files: tuple[str, ...] = ()
    preprocess: Mapping[str, Any] = field(default_factory=dict)

    def path(self) -> Path | None:
        """The local file, None where it is not there yet. Never asks the network."""
        if self.checkpoint is not None:
            return self.checkpoint
        from huggingface_hub import try_to_load_from_cache

        found = (try_to_load_from_cache(self.repository, file) for file in self.files)
        return next((Path(path) for path in found if isinstance(path, str)), None)

    def fetched(self, timeout_seconds: float | None) -> Path:
        """The local file, downloaded if need be. ScorerError: it cannot be had, or not in time (None: no limit)."""
        what = f"novelty.pretrained: the weights {self.tag!r} of {self.model} are not cached"
        if (path := self.path()) is not None:
            return path
        if not fetch.is_allowed() or timeout_seconds == 0:
            raise ScorerError(f"{what}, and fetching is switched off")
        if not fetch.can_reach_hub():
            raise ScorerError(f"{what}, and {fetch.hub()} cannot be reached")
        failure = fetch.download(self.repository, self.files, timeout_seconds)
        if (path := self.path()) is None:
            raise ScorerError(f"{what}, and could not be fetched: {failure}")
        return path


def find_weights(model: str, pretrained: str) -> Weights:
    """Weights for ``model`` (a name of open_clip) and ``pretrained`` (one of its tags, or a file).

    ScorerError: unknown model, unknown tag and no such file, or a tag whose weights were trained with QuickGELU while
    the model has GELU: open_clip would load them with a warning and give poor embeddings.
    """
    import open_clip

    config = open_clip.get_model_config(model) if ":" not in model else None
    if config is None:
        raise ScorerError(f"novelty.model: open_clip knows no model {model!r}{_near(model, open_clip.list_models())}")
    tag = open_clip.get_pretrained_cfg(model, pretrained)
    if not tag:
        return Weights(
            model, pretrained, checkpoint=_checkpoint(model, pretrained, open_clip.list_pretrained_tags_by_model(model))
        )
    if tag.get("quick_gelu", False) and not config.get("quick_gelu", False):
        better = f"{model}-quickgelu"
        hint = f"; set novelty.model to {better!r}" if better in open_clip.list_models() else ""
        raise ScorerError(f"novelty.model: {pretrained!r} weights were trained with QuickGELU, but {model!r} has GELU{hint}")
    repository, file = os.path.split(tag["hf_hub"])
    return Weights(model, pretrained, repository=repository, files=(file,) if file else _OPEN_CLIP_FILES, preprocess=tag)


def any_cached() -> bool:
    """Whether the hub's cache holds anything that open_clip could load: a look at file names, without importing it."""
    from huggingface_hub import constants

    snapshots = Path(constants.HF_HUB_CACHE)
    names = ("open_clip*", "pytorch_model.bin")
    return any(path for name in names for path in snapshots.glob(f"models--*/snapshots/*/{name}"))


def _checkpoint(model: str, pretrained: str, tags: list[str]) -> Path:
    path = Path(pretrained).expanduser()
    if path.is_file():
        return path
    known = ", ".join(tags) or "none"
    raise ScorerError(f"novelty.pretrained: {pretrained!r} is no file and no tag of {model} (known tags: {known})")


def _near(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f", did you mean {near[0]!r}?" if near else ""
