import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.redact import redact

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
