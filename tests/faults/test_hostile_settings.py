"""Configuration and tables that nobody would write: always settings or one line that says what is wrong, never a traceback.

Fuzzed by hypothesis. (A coverage-guided fuzzer finds its way through hand-written parsers; here these are the standard library's
TOML and CSV, and what is ours walks over their results, of which hypothesis makes all shapes there are.)
"""

import os
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processor.commands.replay import replay, show
from stream_processor.configuring.channel_list import load_channels
from stream_processor.configuring.setting_errors import fields
from stream_processor.errors import ClipError, SettingsError
from stream_processor.settings import Settings
from tests.program import run

OFTEN = 5_000
"""Examples in the long forms."""


def one_line_or_fine(work: Callable[[], Any], error: type[ClipError] = SettingsError) -> None:
    try:
        work()
    except error as raised:
        said = str(raised)
        assert len(said.splitlines()) == 1
        assert said.isprintable()
        assert len(said) <= 2_000


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "hostile"


# ---- TOML -----------------------------------------------------------------------------------------------------------

KEYS = [".".join(path) for path, _ in fields(Settings)]
SECTIONS = sorted({key.partition(".")[0] for key in KEYS} | {"sinks", "scorers", "channel", "peeks", "channels"})
NAMES = st.sampled_from([key.partition(".")[2] for key in KEYS] + ["kind", "options", "stream", "name", "x"]) | st.text(
    max_size=9
)
SCALARS = st.one_of(
    st.sampled_from(["nan", "inf", "-inf", "true", "1979-05-27T07:32:00Z", "07:32:00", "1e400", "0x" + "f" * 99, "-0.0", "''"]),
    st.integers().map(str),
    st.integers(-(1 << 70), 1 << 70).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.text(max_size=20).map(lambda text: '"' + "".join(f"\\U{ord(each):08x}" for each in text) + '"'),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(st.sampled_from("abc"), inner, max_size=3).map(
            lambda table: "{" + ", ".join(f"{key} = {value}" for key, value in table.items()) + "}"
        )
    ),
    max_leaves=6,
)


def quoted(name: str) -> str:
    return (
        name if name and set(name) <= set(string.ascii_letters + "_") else '"' + "".join(f"\\U{ord(e):08x}" for e in name) + '"'
    )


LINES = st.one_of(
    st.builds(lambda name, value: f"{quoted(name)} = {value}", NAMES, VALUES),
    st.sampled_from(SECTIONS).map(lambda section: f"[{section}]"),
    st.builds(lambda one, other: f"[{one}.{quoted(other)}]", st.sampled_from(SECTIONS), NAMES),
    st.just('[[channel]]\nstream = "x"'),
    st.text(max_size=10),
)
DOCUMENTS = st.one_of(
    st.lists(LINES, max_size=8).map(lambda lines: "\n".join(lines).encode("utf-8", "surrogatepass")),
    st.binary(max_size=200),
)


def configuration_holds(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    one_line_or_fine(lambda: load_channels((), file))
    one_line_or_fine(lambda: load_channels(["demo"], file))


@settings(deadline=None)
@given(content=DOCUMENTS)
def test_any_document_is_settings_or_one_line(file: Path, content: bytes) -> None:
    configuration_holds(file, content)


@pytest.mark.long
@pytest.mark.timeout(900)
@settings(deadline=None, max_examples=OFTEN)
@given(content=DOCUMENTS)
def test_any_of_very_many_documents_is_settings_or_one_line(file: Path, content: bytes) -> None:
    configuration_holds(file, content)


ANY_TEXT = st.text(st.characters(), max_size=30)  # half surrogate pairs as well: bytes of a command line that are no UTF-8
SETS = ANY_TEXT | st.builds(lambda key, value: f"{key}={value}", st.sampled_from(KEYS), VALUES | ANY_TEXT)
VARIABLES = st.dictionaries(
    st.builds(lambda key: f"CLIP_HIGHLIGHTS_{key.replace('.', '__').upper()}", st.sampled_from(KEYS) | ANY_TEXT),
    VALUES | ANY_TEXT,
)


@settings(deadline=None)
@given(st.lists(SETS, max_size=4), VARIABLES)
def test_any_set_and_any_variable_is_settings_or_one_line(sets: list[str], variables: dict[str, str]) -> None:
    one_line_or_fine(lambda: load_channels((), None, sets, variables))


@pytest.mark.long
@pytest.mark.timeout(900)
@settings(deadline=None, max_examples=OFTEN)
@given(st.lists(SETS, max_size=4), VARIABLES)
def test_any_of_very_many_sets_and_variables_is_settings_or_one_line(sets: list[str], variables: dict[str, str]) -> None:
    one_line_or_fine(lambda: load_channels((), None, sets, variables))


@pytest.mark.parametrize("depth", [40, 5_000, 100_000])
def test_keys_without_end_are_one_line(depth: int) -> None:
    key = ".".join(["sinks", *"a" * depth])
    with pytest.raises(SettingsError, match="more than 32 parts"):
        load_channels((), None, [f"{key}=1"])
    with pytest.raises(SettingsError, match="more than 32 parts"):
        load_channels((), None, (), {f"CLIP_HIGHLIGHTS_{key.replace('.', '__')}": "1"})


def test_the_program_itself_ends_with_one_line_and_code_2(tmp_path: Path) -> None:
    (tmp_path / "bomb.toml").write_bytes(b"a = " + b"[" * 100_000)
    (tmp_path / "escape.toml").write_text('[ring]\n"\\u001b[31m\\u202e" = 1\n')
    (tmp_path / "folder.toml").write_text('[output]\nfolder = "a\\u0000b"\n')
    for name, said in (
        ("bomb.toml", "nested too deeply"),
        ("escape.toml", r"unknown key ring.\x1b[31m\u202e"),
        ("folder.toml", "has a NUL in it"),
        (".", "Is a directory"),
        ("x" * 5000, "name too long"),
    ):
        done = run("--stream", "demo", "--config", tmp_path / name)
        assert (done.code, done.out) == (2, "")
        assert said in done.err
        assert done.err.startswith("error: ")
        assert len(done.err.splitlines()) == 1


# ---- CSV ------------------------------------------------------------------------------------------------------------

NUMBERS = st.sampled_from(
    ["0", "1", "-1", "nan", "inf", "-inf", "1e308", "-1e308", "1e-320", "1_0", "٣", "", " ", "\0", "0x1", "1e9"]
)
CELLS = st.one_of(NUMBERS, st.floats().map(repr), st.integers().map(str), st.text(max_size=5))
HEADERS = st.sampled_from(
    ["time,score", "time,motion", "motion,time,novelty", "score", "time,time", "time,score,\0", "\ufefftime,score"]
)
TABLES = st.one_of(
    st.builds(
        lambda header, rows: "\n".join([header, *(",".join(row) for row in rows)]).encode("utf-8", "surrogatepass"),
        HEADERS,
        st.lists(st.lists(CELLS, min_size=2, max_size=3), max_size=6),
    ),
    st.builds(
        lambda signal, rows: "\n".join([f"time,{signal}", *(f"{time!r},{value!r}" for time, value in sorted(rows))]).encode(),
        st.sampled_from(["score", "motion"]),
        st.lists(st.tuples(st.floats(0, 1e10), st.floats(-1e101, 1e101))),
    ),
    st.binary(max_size=200),
    st.binary(max_size=200).map(lambda rest: b"SQLite format 3\0" + rest),
)


@settings(deadline=None)
@given(content=TABLES)
def test_any_table_is_replayed_or_one_line(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    one_line_or_fine(lambda: replay(file), ClipError)


@pytest.mark.long
@pytest.mark.timeout(900)
@settings(deadline=None, max_examples=OFTEN)
@given(content=TABLES)
def test_any_of_very_many_tables_is_replayed_or_one_line(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    one_line_or_fine(lambda: replay(file), ClipError)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"time,score\n0,\0\n", "row 2: score is not a number"),
        (b"time,score\nnan,1\n", "row 2: time is not a number"),
        (b"time,score\n0,1\n1e308,1\n", "row 3: time is not a number"),
        (b"time,motion\n0,1\n1e15,1\n", "row 3: time must be a number of seconds from 0 to 1000000000"),
        (b"time,motion\n0,1e308\n0.1,1e308\n", "row 2: motion is not a number"),
        (b"time,score\n1,1\n0,1\n", "row 3: time 0 does not rise above 1"),
        (b"time,score\n0," + b"x" * 10_000_000, "field larger than field limit"),
        (b"time," + b",".join(b"c%d" % number for number in range(100_000)) + b"\n", "no rows below the header"),
        (b'time,score\n0,"' + b"x\n" * 200_000, "field larger than field limit"),
        (b"\xef\xbb\xbf", "empty"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_table_that_is_none_is_one_line_with_its_row(file: Path, content: bytes, said: str) -> None:
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=said):
        replay(file)


def test_a_table_with_a_hundred_thousand_columns_is_replayed_and_says_so_shortly(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = b",".join(b"c%d" % number for number in range(100_000))
    file.write_bytes(b"time,score," + names + b"\n0,1" + b"," * 100_000 + b"\n")
    assert show(file) == 0
    assert len(capsys.readouterr().out) < 1_000


@pytest.mark.parametrize("name", ["a\0b", "a" * 5000, "a\ud800"])
def test_what_cannot_be_a_table_s_name_is_one_line(name: str) -> None:
    with pytest.raises(SettingsError):
        replay(Path(name))


@pytest.mark.skipif(os.name != "posix", reason="named pipes as POSIX has them")
def test_a_pipe_is_no_table_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SettingsError, match="not a file"):
        replay(tmp_path / "pipe")
