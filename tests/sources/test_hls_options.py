"""[streamlink] in the configuration: names and values as streamlink's command line has them."""

from typing import Any

import pytest
from streamlink import Streamlink

from stream_processor.errors import SettingsError
from stream_processor.settings import SourceSettings, StreamlinkSettings
from stream_processor.sources.streams.session import TOKEN_VARIABLE, open_session, plugin_options, reason


def session(**options: Any) -> Streamlink:
    return open_session(StreamlinkSettings(**options), SourceSettings(open_timeout_seconds=7, read_timeout_seconds=8))


def twitch(**options: Any) -> Any:
    arguments = dict(Streamlink().plugins.iter_arguments())["twitch"]
    return plugin_options("twitch", arguments, StreamlinkSettings(**options))


@pytest.mark.parametrize(
    ("name", "value", "result"),
    [
        ("hls-live-edge", 2, 2),
        ("hls-live-edge", "2", 2),
        ("hls_live_edge", 2, 2),
        ("hls-live-restart", True, True),
        ("hls-live-restart", "true", True),
        ("hls-start-offset", 30, 30.0),
        ("hls-playlist-reload-time", "segment", "segment"),
        ("hls-audio-select", ["de", "en"], ["de", "en"]),
        ("hls-audio-select", "de, en", ["de", "en"]),
        ("http-timeout", 3, 3.0),
    ],
)
def test_an_option_reaches_the_session_in_its_type(name: str, value: Any, result: Any) -> None:
    got = session(**{name: value}).get_option(name)
    assert got == result
    assert type(got) is type(result)


@pytest.mark.parametrize("value", ["X-Key=a=b", ["X-Key=a=b"], {"X-Key": "a=b"}])
@pytest.mark.parametrize("name", ["http-header", "http-headers"])
def test_headers_as_pairs(name: str, value: Any) -> None:
    assert session(**{name: value}).http.headers["X-Key"] == "a=b"


def test_timeouts_are_ours_unless_told_otherwise() -> None:
    assert session().get_option("http-timeout") == 7
    assert session().get_option("stream-timeout") == 8
    assert session(**{"stream-timeout": 20}).get_option("stream-timeout") == 20


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("hls-live-edg", "hls-live-edge"), ("twitch-low-latancy", "twitch-low-latency"), ("http-headr", "http-header")],
)
def test_an_unknown_option_names_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(SettingsError, match=f"streamlink.{name}: streamlink has no such option, did you mean '{nearest}'"):
        session(**{name: 1})


@pytest.mark.parametrize(
    "options",
    [
        {"hls-live-edge": "SECRET"},
        {"hls-live-restart": "SECRET"},
        {"http-header": "SECRET"},
        {"twitch-low-latency": "SECRET"},
        {"twitch-api-header": "SECRET"},
    ],
)
def test_a_value_of_another_type_is_refused_without_being_told(options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=f"^streamlink.{next(iter(options))}: ") as caught:
        session(**options)
    assert "SECRET" not in str(caught.value)


def test_a_plugins_options_are_those_of_its_command_line() -> None:
    options = twitch(**{"twitch-low-latency": True, "twitch-supported-codecs": ["h264", "av1"], "twitch-api-header": {"A": "b"}})
    assert options.get("low-latency") is True
    assert set(options.get("supported-codecs")) == {"h264", "av1"}
    assert options.get("api-header") == [("A", "b")]
    assert twitch().get("supported-codecs") == ["h264"]


def test_the_token_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not twitch().get("api-header")
    monkeypatch.setenv(TOKEN_VARIABLE, " abc ")
    assert twitch().get("api-header") == [("Authorization", "OAuth abc")]
    assert dict(twitch(**{"twitch-api-header": ["A=b"]}).get("api-header")) == {"Authorization": "OAuth abc", "A": "b"}
    assert dict(twitch(**{"twitch-api-header": ["Authorization=OAuth x"]}).get("api-header")) == {"Authorization": "OAuth x"}


def test_a_reason_without_any_text_is_the_errors_name() -> None:
    assert reason(KeyError()) == "KeyError"
