import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pathvalidate import is_valid_filename

from stream_processor.errors import ClipWriteError
from stream_processor.journal import FILENAME
from stream_processor.naming import MAX_BYTES, MAX_LENGTH, channel_name, distinct, identity, inside, safe_name


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("twitch.tv/summit1g", "summit1g"),
        ("https://www.twitch.tv/summit1g?token=secret", "summit1g"),
        ("recordings/evening.game.mp4", "evening.game"),
        (r"C:\videos\evening.mp4", "evening"),
        ("evening.mp4", "evening"),
        ("rtmp://user:password@ingest.example:1935/live/STREAMKEY?x=1", "ingest.example-live"),
        ("listen:rtmp://0.0.0.0:1935/obs/STREAMKEY", "listen-obs"),
        ("-", "pipe"),
        ("demo", "demo"),
        ("http://cdn.example/studio/index.m3u8", "cdn.example-studio-index"),
        ("http://cdn.example/0123456789abcdef0123456789abcdef/index.m3u8", "cdn.example-index"),
        ("youtube.com/watch?v=abc", "youtube.com-watch"),
        ("../../x", "x"),
        ("http://[::1", "stream"),
        ("..", "stream"),
        ("con.mp4", "con_"),
    ],
)
def test_a_channel_is_named_after_what_people_call_it(url: str, name: str) -> None:
    assert channel_name(url) == name


FROM_OUTSIDE = st.one_of(
    st.text(max_size=300),
    st.text(alphabet="./\\~$#+:%\0 -", max_size=40),
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["rtmp://", "listen:rtmp://h/", "https://", "twitch.tv/", "file://"]),
        st.text(),
        st.text(),
    ),
    st.text(alphabet=st.characters(categories=["Cs", "Cf", "Cc", "Co", "Cn", "Mn", "So", "Zs", "Lo"]), max_size=100),
    st.sampled_from(
        [
            "con",
            "NUL.mp4",
            "x" * 5000,
            "👾" * 100,
            "\u202egpj.exe",
            "\udcff.mp4",
            "e\u0301" * 200,
            "../" * 100,
            "http://h/" + "é" * 5000,
            "a/" + "." * 500,
        ]
    ),
)


@given(FROM_OUTSIDE)
def test_whatever_comes_from_outside_is_one_short_valid_file_name_under_the_folder(url: str) -> None:
    name = channel_name(url)
    assert 0 < len(name) <= MAX_LENGTH + 1
    assert is_valid_filename(name, platform="universal")
    assert not set(name) & set("/\\#+$\0\n")
    assert len(name.encode()) <= MAX_BYTES
    assert name.isprintable()
    assert name == name.strip(". ")
    assert unicodedata.is_normalized("NFC", name)
    assert inside(Path("/clips"), name).parent == Path("/clips")


@pytest.mark.parametrize("name", [FILENAME, "JOURNAL.SQLite3", f"{FILENAME}-wal", f"{FILENAME}-shm", f"{FILENAME}.lock"])
def test_no_channel_is_called_like_the_journal_s_files(name: str) -> None:
    for made in (channel_name(f"{name}.mp4"), channel_name(f"x/{name}.mp4"), safe_name(name), safe_name(name + "x" * 99)):
        assert made.startswith("stream-")
        assert len(made) <= MAX_LENGTH
        assert safe_name(made) == made


@given(
    st.text(alphabet="abcdefghijk", min_size=6), st.sampled_from(["rtmp://h/app/", "listen:rtmp://h/app/", "rtmps://h:1/app/x"])
)
def test_a_stream_key_is_never_part_of_the_name(key: str, before: str) -> None:
    assert key not in channel_name(before + key)


@pytest.mark.parametrize(
    ("name", "taken", "found"),
    [
        ("x", [], "x"),
        ("x", ["y"], "x"),
        ("x", ["x"], "x-2"),
        ("x", ["x", "x-2"], "x-3"),
        ("Évening", ["e\u0301vening"], "Évening-2"),  # one folder on macOS
        ("GAME", ["game"], "GAME-2"),  # and on Windows
    ],
)
def test_of_two_names_for_one_folder_the_later_steps_aside(name: str, taken: list[str], found: str) -> None:
    assert distinct(name, {identity(one) for one in taken}) == found


@given(st.lists(FROM_OUTSIDE, max_size=8))
def test_distinct_names_stay_distinct_short_and_valid(urls: list[str]) -> None:
    taken: set[str] = set()
    for url in urls:
        name = distinct(channel_name(url), taken)
        assert identity(name) not in taken
        assert len(name) <= MAX_LENGTH + 1
        assert len(name.encode()) <= MAX_BYTES
        assert is_valid_filename(name, platform="universal")
        taken.add(identity(name))


@pytest.mark.parametrize("name", ["..", "../x", "/etc/passwd", "a/../../x", ".", "", "a\0b"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ClipWriteError):
        inside(tmp_path, name)


def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "out").symlink_to(tmp_path)
    with pytest.raises(ClipWriteError, match="does not lie under"):
        inside(tmp_path / "clips", "out/x.mp4")


def test_a_name_below_the_folder_is_given_back_whole(tmp_path: Path) -> None:
    assert inside(tmp_path, "x/clip.mp4") == tmp_path.resolve() / "x" / "clip.mp4"


@given(FROM_OUTSIDE)
def test_a_safe_name_stays_as_it_is(name: str) -> None:
    once = safe_name(name)
    assert safe_name(once) == once


def test_every_name_there_is_can_be_a_folder(tmp_path: Path) -> None:
    for name in ("👾" * 100, "\ud800", "\u202e\u200f", "a\x1b[31m", "e\u0301" * 200, " .. ", "nul", "aux.json"):
        folder = inside(tmp_path, safe_name(name))
        folder.mkdir(exist_ok=True)
        assert folder.is_dir()
