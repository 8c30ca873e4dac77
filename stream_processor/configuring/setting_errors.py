"""One clear line for a setting that is wrong: where it was said, its value, what is allowed, the nearest known name."""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from stream_processor.redact import one_line

Path = tuple[str, ...]
"""Section, key and perhaps deeper names."""

_UNSAID = ("password", "token", "secret", "cookie", "header", "options", "streamlink")
"""Values of keys with such a word in them are never repeated."""

_LONGEST = 200
"""Of a value or a name so many characters are repeated; to one that is longer no known name is near."""


@dataclass(frozen=True)
class Given:
    """What one place says. ``label`` names the place for a key, e.g. ``my.toml`` or ``--set``."""

    tree: Mapping[str, Any]
    label: Callable[[Path], str]


def explain(error: ValidationError, model: type[BaseModel], given: Sequence[Given]) -> str:
    """The first fault in ``error`` as one line. ``given`` comes in order of precedence, the strongest first."""
    fault = error.errors(include_url=False)[0]
    path = tuple(str(part) for part in fault["loc"])
    key = one_line(".".join(path), most=_LONGEST)
    place = _place(path, given)
    if fault["type"] == "extra_forbidden":
        what = "section" if len(path) == 1 else "key"
        return f"{place}: unknown {what} {key}{nearest(key, model)}"
    if fault["type"] == "missing":
        return f"{place}: {key} is missing"
    reason = fault["msg"].removeprefix("Value error, ")
    if isinstance(fault["input"], Mapping | BaseModel):  # a rule about several keys of a section, or a section that is none
        return f"{place}: {reason}" if path else reason
    field = field_of(path, model)
    if field is not None and fault["type"] != "value_error":
        reason = f"must be {allowed(field)}"
    shown = "" if any(word in key for word in _UNSAID) else f" = {one_line(repr(fault['input']), most=_LONGEST)}"
    return f"{place}: {key}{shown}: {reason}"


def nearest(key: str, model: type[BaseModel]) -> str:
    """``, did you mean peaks.percentile?`` or, where nothing is near, the names that are known at that place."""
    key = key[:_LONGEST]
    known = [".".join(path) for path, _ in fields(model)]
    sections = list(model.model_fields)
    section, dot, name = key.partition(".")
    if not dot:
        same = [other for other in known if other.partition(".")[2] == key]
        near = same or difflib.get_close_matches(key, sections, n=1)
    else:
        same = [other for other in known if other.partition(".")[2] == name]
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.75) or same or difflib.get_close_matches(key, known, n=1)
    if near:
        return f", did you mean {near[0]}?"
    here = [other for other in known if dot and other.startswith(f"{section}.")] or sections
    return f" (known: {', '.join(here)})"


def fields(model: type[BaseModel]) -> Iterator[tuple[Path, FieldInfo]]:
    """Every key of every fixed section: (section, key) and its field."""
    for section, field in model.model_fields.items():
        if _is_section(field.annotation):
            for name, inner in field.annotation.model_fields.items():
                yield (section, name), inner


def field_of(path: Path, model: type[BaseModel]) -> FieldInfo | None:
    """The field that ``path`` leads to, also through sections with free names such as [sinks.NAME]."""
    inside: Any = model
    field = None
    for part in path:
        if get_origin(inside) is not None:  # Mapping[str, Model]: any name is fine, the value is a Model
            field, inside = None, get_args(inside)[-1]
        elif _is_section(inside) and part in inside.model_fields:
            field = inside.model_fields[part]
            inside = field.annotation
        else:
            break
    return field


def allowed(field: FieldInfo) -> str:
    """What a field takes, in words: ``a number >= 50 and < 100``."""
    if field.description:
        return field.description
    if get_origin(field.annotation) is Literal:
        return "one of " + ", ".join(str(choice) for choice in get_args(field.annotation))
    if get_origin(field.annotation) is Mapping or _is_section(field.annotation):
        return "a table"
    names: dict[Any, str] = {float: "a number", int: "a whole number", bool: "true or false"}
    if field.annotation not in names:
        return "text"
    signs = {"gt": "> {:g}", "ge": ">= {:g}", "lt": "< {:g}", "le": "<= {:g}", "multiple_of": "a multiple of {:g}"}
    rules = [
        text.format(getattr(rule, name))
        for rule in field.metadata
        for name, text in signs.items()
        if getattr(rule, name, None) is not None
    ]
    return " ".join([names[field.annotation], " and ".join(rules)]).strip()


def _is_section(annotation: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _place(path: Path, given: Sequence[Given]) -> str:
    """Where the value came from: the strongest place that says this key, or else something around it."""
    for length in range(len(path), 0, -1):
        for place in given:
            if _says(place.tree, path[:length]):
                return place.label(path[:length])
    return "settings"


def _says(tree: Any, path: Path) -> bool:
    for part in path:
        if not isinstance(tree, Mapping) or part not in tree:
            return False
        tree = tree[part]
    return True
