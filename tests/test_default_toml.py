"""``configs/default.toml`` is the settings classes, said for people."""

import re
import tomllib
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest
from pydantic.fields import FieldInfo

from stream_processor.configuring.configuration import load
from stream_processor.configuring.setting_errors import allowed, fields
from stream_processor.settings import Settings

FILE = Path(__file__).parent.parent / "configs" / "default.toml"
TEXT = FILE.read_text(encoding="utf-8")
TREE = tomllib.loads(TEXT)
FIELDS = {".".join(path): (path, field) for path, field in fields(Settings)}


def comment_of(section: str, key: str) -> str:
    body = TEXT.split(f"\n[{section}]\n", 1)[1].split("\n[", 1)[0]
    line = re.search(rf"^(?:# )?{key} = .*?# (.*)$", body, re.MULTILINE)
    assert line is not None, f"{section}.{key} has no comment"
    return line[1]


@pytest.mark.parametrize("key", FIELDS)
def test_every_setting_is_named(key: str) -> None:
    (section, name), field = FIELDS[key]
    if field.default is None:  # TOML has no word for nothing
        assert re.search(rf"^# {name} = ", TEXT, re.MULTILINE)
    else:
        assert name in TREE[section]


@pytest.mark.parametrize("key", FIELDS)
def test_every_comment_says_the_range(key: str) -> None:
    (section, name), field = FIELDS[key]
    comment = comment_of(section, name)
    assert all(bound in comment for bound in bounds(field)), f"{comment!r} lacks one of {bounds(field)}"


def bounds(field: FieldInfo) -> list[str]:
    if get_origin(field.annotation) is Literal:
        return list(get_args(field.annotation))
    return re.findall(r"[<>]=? [\d.]+|a multiple of \d+", allowed(field)) or [field.description or ""]


def test_the_file_names_nothing_else() -> None:
    named = {f"{section}.{key}" for section, keys in TREE.items() for key in keys}
    assert named == {key for key, (_, field) in FIELDS.items() if field.default is not None}


def test_every_default_is_the_class_s_own() -> None:
    assert load(FILE) == Settings()


def test_sections_come_in_the_order_of_the_classes() -> None:
    assert list(TREE) == [name for name in Settings.model_fields if name not in ("scorers", "sinks")]
