import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processor.redact import one_line, redact

SECRET = "s3cr3tS3CR3T"


@pytest.mark.parametrize(
    "text",
    [
        f"rtmp://host:1935/live/{SECRET}",
        f"listen:rtmp://0.0.0.0:1935/live/{SECRET}",
        f"LISTEN:RTMPS://host/live/x/{SECRET}?a=b",
        f"rtmp://host/live?key={SECRET}",
        f"mqtt://user:{SECRET}@broker:1883",
        f"mqtt://user:a/{SECRET}@broker",
        f"mqtt://user:a?{SECRET}@broker",
        f"mqtt://user:a#{SECRET}@broker",
        f"mqtt://user:a@{SECRET}@broker",
        f"https://{SECRET}@host/x",
        f"https://host/x.m3u8?sig={SECRET}&token={SECRET}",
        f"https://host/x.m3u8?{SECRET}",
        f"https://host/#access_token={SECRET}",
        f"twitch-api-header=Authorization=OAuth {SECRET}",
        f"Authorization: Bearer {SECRET}",
        f"oauth:{SECRET}",
        f"password={SECRET}",
        f'{{"token": "{SECRET}"}}',
        "the key live_123456_s3cr3tS3CR3T is wrong",
        f"could not open 'rtmp://host/live/{SECRET}': refused",
    ],
)
def test_a_secret_is_taken_out_wherever_it_stands(text: str) -> None:
    assert SECRET not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "rtmp://host:1935/live",
        "https://www.twitch.tv/summit1g",
        "https://www.tiktok.com/@someone/live",
        "http://host:8080/@someone",
        "http://[::1]:8080/x.m3u8",
        "/videos/evening.mp4",
        "unexpected token: comma",
        "C:\\videos\\evening.mp4",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert redact(text) == text


def test_the_host_stays_so_that_people_see_what_is_meant() -> None:
    assert redact("rtmp://user:password@host:1935/live/key?a=b") == "rtmp://***@host:1935/live/***?a=***"


@given(st.text(max_size=80) | st.from_regex(r"(rtmp|https|mqtt)://[a-z:@/?=&#]{0,30}"))
def test_redacting_twice_is_redacting_once(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


# ---- laws -----------------------------------------------------------------------------------------------------------

MARK = "ZqJ"
"""Stands at the beginning, in the middle and at the end of every secret; nothing else has it."""


def secrets(characters: str | st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    part = st.text(characters, max_size=12)
    return st.builds(lambda one, other: f"{MARK}{one}{MARK}{other}{MARK}", part, part)


PASSWORDS = secrets(st.characters(min_codepoint=33, max_codepoint=126))
IN_URLS = secrets("abcXYZ019-._~!$'()*,;=:@/%+")
WORDS = secrets("abcXYZ019-._~+/=")
IN_PASSWORDS_PLACE = ["mqtt://u:{}@h", "mqtts://u:{}@h:8883", "https://u:{}@h/x", "rtmp://u:{}@h/live", '["mqtt://u:{}@h"]']
IN_A_URL = [
    "rtmp://h/live/{}",
    "listen:rtmp://0.0.0.0/live/{}",
    "rtmps://h:1/a/b/{}?x=y",
    "rtmp://h/live?k={}",
    "https://h/x.m3u8?sig={}",
    "<https://h/x?sig={}>",
]
NAMED = ["Authorization: Bearer {}", "oauth:{}", "OAuth {}", "token={}", "--set x.token={}", "password={}&x=y", "signature={}"]
NAMED += [
    '{{"token": "{}"}}',
    "{{'password': '{}'}}",
    '"stream_key":"{}"',
    "Cookie: auth={}; x=y",
    "x-api-key: {}",
    "api_key={}",
    "passphrase={}",
]
PLACES = st.one_of(
    st.builds(str.format, st.sampled_from(IN_PASSWORDS_PLACE), PASSWORDS),
    st.builds(str.format, st.sampled_from(IN_A_URL), IN_URLS),
    st.builds(str.format, st.sampled_from(NAMED), WORDS),
    st.builds(lambda name, secret: json.dumps({name: secret}), st.sampled_from(["token", "password", "secret"]), PASSWORDS),
    st.builds(lambda name, secret: repr({name: secret}), st.sampled_from(["token", "password", "secret"]), PASSWORDS),
)


def no_secret_is_left(before: str, place: str, after: str) -> None:
    for clean in (redact, one_line):
        once = clean(f"{before}{place}{after}")
        assert MARK not in once
        assert clean(once) == once


AROUND = (st.sampled_from(["", "x ", "('", "\n", "\u202e "]), PLACES, st.sampled_from(["", " x", "'", ".", ", y"]))


@given(*AROUND)
def test_no_secret_in_any_known_place_is_left(before: str, place: str, after: str) -> None:
    no_secret_is_left(before, place, after)


@pytest.mark.long
@pytest.mark.timeout(900)
@settings(max_examples=50_000, deadline=None)
@given(*AROUND)
def test_no_secret_in_any_known_place_is_left_in_very_many(before: str, place: str, after: str) -> None:
    no_secret_is_left(before, place, after)


@given(st.text(st.characters(), max_size=200))
def test_what_comes_out_can_be_written_everywhere_and_in_one_line(text: str) -> None:
    redact(text).encode()
    assert one_line(text).isprintable()
    assert len(one_line(text)) <= 1000


@pytest.mark.parametrize(
    "part", ["a.", "a://", "a://b:c", ":", "'", "a://'", "token='", "x-", "/aA1", "cookie:", "a://b@", "\\'"]
)
def test_a_text_that_is_made_to_take_long_takes_as_long_as_any_other(part: str) -> None:
    """At 200,000 characters what grows with the square of the length would not be back before the test's time is over."""
    assert len(redact(f"a://{part * 100_000}")) >= 0


def test_what_moves_the_cursor_or_turns_the_direction_is_spelt_out() -> None:
    assert one_line("\x1b[31m a\u202eb \udcff \n c") == r"\x1b[31m a\u202eb \udcff c"
    assert one_line("x" * 5000, most=20) == "x" * 18 + " …"


def test_a_long_part_of_a_path_that_nobody_typed_is_taken_for_a_token() -> None:
    assert redact("https://h/v1/playlist/Cq9" + "aB3x" * 20 + ".m3u8") == "https://h/v1/playlist/***.m3u8"
    assert redact("https://h/the-long-but-readable-title-of-somebodys-evening-stream") != "https://h/***"
