"""A streamlink session as the configuration wants it, and streamlink's failures in our words."""

import argparse
import difflib
import os
from collections.abc import Iterable, Mapping
from typing import Any

import requests.exceptions
from pydantic import TypeAdapter, ValidationError
from streamlink import Streamlink
from streamlink.options import Argument, Options
from streamlink.session.plugins import StreamlinkPlugins

from stream_processor.errors import LossReason, SettingsError
from stream_processor.redact import redact
from stream_processor.settings import SourceSettings, StreamlinkSettings
from stream_processor.sources.streams.bodies import TooLarge
from stream_processor.sources.streams.guard import Refused
from stream_processor.sources.streams.http import GuardedSession
from stream_processor.sources.streams.log import redirect_log
from stream_processor.sources.streams.words import one_line

TOKEN_VARIABLE = "CLIP_HIGHLIGHTS_TWITCH_TOKEN"  # noqa: S105  # its name, not its value
_PAIRS = {"http-header": "http-headers", "http-cookie": "http-cookies", "http-query-param": "http-query-params"}
"""Options of KEY=VALUE pairs: their name on streamlink's command line and in its session."""
_HTTP: Mapping[str, Any] = {
    "http-proxy": str,
    "http-timeout": float,
    "http-trust-env": bool,
    "http-ssl-verify": bool,
    "http-disable-dh": bool,
    "http-ssl-cert": str | tuple[str, str],
    "http-cookies-files": list[str],
}
"""Options that the session hands to its HTTP client; it has no list of them."""
EXPIRED = (401, 403)
"""What servers answer when an address is no longer signed well enough; a new one has to be asked for."""
_NOT_OURS = {"user-input-requester"}
_SCHEMES = {"http", "https", "hls", "hlsvariant", "dash", "httpstream"}
"""Also the names of the plugins that take any address of their kind."""


def open_session(settings: StreamlinkSettings, source: SourceSettings) -> Streamlink:
    """SettingsError: an option that streamlink does not have (with the nearest one it has), or a value of another type."""
    redirect_log()
    session = Streamlink()
    session.http = GuardedSession()  # before any option, some of which go to it
    session.set_option("http-timeout", source.open_timeout_seconds)
    session.set_option("stream-timeout", source.read_timeout_seconds)
    session.set_option("stream-segment-timeout", source.read_timeout_seconds)
    session.set_option("webbrowser", False)  # a plugin may want to start one: not beside a game, unless told to
    types = {**_HTTP, **{name: _type_of(value) for name, value in session.options.defaults.items() if name not in _NOT_OURS}}
    plugin_names = {argument.argument_name(name).lstrip("-") for name, argument in _plugin_arguments(session)}
    for key, value in (settings.model_extra or {}).items():
        name = key.replace("_", "-")
        if name in types:
            session.set_option(name, _checked(key, types[name], value))
        elif name in _PAIRS or name in _PAIRS.values():
            session.set_option(_PAIRS.get(name, name), dict(_pairs(key, value)))
        elif name not in plugin_names:
            near = difflib.get_close_matches(name, [*types, *_PAIRS, *plugin_names], n=1)
            hint = f", did you mean {near[0]!r}?" if near else ""
            raise SettingsError(f"streamlink.{key}: streamlink has no such option{hint}")
    for plugin_name, argument in _plugin_arguments(session):
        _plugin_value(plugin_name, argument, settings)
    return session


def plugin_options(plugin_name: str, arguments: Iterable[Argument], settings: StreamlinkSettings) -> Options:
    """What a plugin is told: its defaults, the settings, and for Twitch the token from the environment."""
    options = Options({argument.dest: argument.default for argument in arguments})
    for argument in arguments:
        value = _plugin_value(plugin_name, argument, settings)
        if value is not None:
            options.set(argument.dest, value)
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if plugin_name == "twitch" and token:
        headers = dict(options.get("api-header") or [])
        options.set("api-header", [*({"Authorization": f"OAuth {token}"} | headers).items()])
    return options


def handles(url: str) -> bool:
    """Whether this is for streamlink: a site that it knows, with or without https://, or the address of a playlist."""
    scheme, has_scheme, _ = url.partition("://")
    if has_scheme and scheme.lower() not in _SCHEMES:
        return False
    match = StreamlinkPlugins().match_url(url if has_scheme else f"https://{url}")
    return match is not None and (bool(has_scheme) or match[0] not in _SCHEMES)  # else a playlist on disk


def http_status(error: BaseException) -> int | None:
    """The status with which a server refused, if that is what lies behind an error of streamlink's."""
    for cause in causes(error):
        if isinstance(cause, requests.exceptions.HTTPError) and cause.response is not None:
            return int(cause.response.status_code)
    return None


def is_refused(error: BaseException) -> bool:
    """Our own guard did not fetch it: the same address will not be fetched later, either."""
    return any(isinstance(cause, Refused | TooLarge) for cause in causes(error))


def is_bad_address(error: BaseException) -> bool:
    """It will fail again: no URL, or no playlist behind it."""
    found = list(causes(error))
    if is_refused(error):
        return True
    if any(isinstance(cause, requests.exceptions.RequestException) and not isinstance(cause, ValueError) for cause in found):
        return False
    return any(isinstance(cause, ValueError) for cause in found)


def reason(error: BaseException) -> str:
    """Why it failed, in a few words. The texts of the HTTP client are not used: they hold addresses with tokens."""
    status = http_status(error)
    if status is not None:
        return f"HTTP {status}"
    for cause in causes(error):
        if isinstance(cause, Refused | TooLarge):
            return str(cause)
        if isinstance(cause, requests.exceptions.RequestException):
            return _network_reason(cause)
    return redact(one_line(str(error))) or type(error).__name__


def loss_reason(error: BaseException) -> LossReason:
    """The same as one of the names by which losses are counted."""
    status = http_status(error)
    if status is not None:
        return "token" if status in EXPIRED else "http"
    for cause in causes(error):
        if isinstance(cause, Refused | TooLarge):
            return "other"
        if isinstance(cause, requests.exceptions.Timeout):
            return "timeout"
        if isinstance(cause, _TORN):
            return next((kind for sign, kind in _KINDS.items() if sign in str(cause)), "reset")
    return "damaged" if is_bad_address(error) else "other"


def _network_reason(error: requests.exceptions.RequestException) -> str:
    if isinstance(error, requests.exceptions.Timeout):
        return "timed out"
    if isinstance(error, requests.exceptions.TooManyRedirects):
        return "redirected without end"
    text = str(error)
    for sign, words in _SIGNS.items():
        if sign in text:
            return words
    if isinstance(error, requests.exceptions.SSLError):
        return "no secure connection"
    return "connection lost" if isinstance(error, _TORN) else "bad address or answer"


_TORN = (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError)
_SIGNS = {
    "Connection refused": "connection refused",
    "NameResolutionError": "host not found",
    "Network is unreachable": "network unreachable",
    "No route to host": "host unreachable",
    "timed out": "timed out",  # in the middle of an answer requests calls it a lost connection
}
_KINDS: Mapping[str, LossReason] = {
    "Connection refused": "refused",
    "NameResolutionError": "dns",
    "Network is unreachable": "refused",
    "No route to host": "refused",
    "timed out": "timeout",
}


def causes(error: BaseException | None) -> Iterable[BaseException]:
    """The error, and what lies behind it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _plugin_arguments(session: Streamlink) -> Iterable[tuple[str, Argument]]:
    for name, arguments in session.plugins.iter_arguments():
        for argument in arguments:
            if argument.help != argparse.SUPPRESS:  # those are gone, and kept for old command lines
                yield name, argument


def _type_of(default: Any) -> Any:
    if default is None or isinstance(default, str):
        return Any
    return list[str] if isinstance(default, list) else type(default)


def _checked(key: str, type: Any, value: Any) -> Any:
    """The value in the option's type; texts are taken apart as a command line would."""
    if type == list[str] and isinstance(value, str):
        value = [item.strip() for item in value.split(",")]
    try:
        return TypeAdapter(type).validate_python(value)
    except ValidationError as error:
        raise SettingsError(f"streamlink.{key}: {error.errors()[0]['msg']}") from None  # the value may be a secret


def _pairs(key: str, value: Any) -> Iterable[tuple[str, str]]:
    if isinstance(value, Mapping):
        return [(str(name), str(text)) for name, text in value.items()]
    items = [str(item).partition("=") for item in (value if isinstance(value, list) else [value])]
    if not all(equals for _, equals, _ in items):
        raise SettingsError(f"streamlink.{key}: expected KEY=VALUE, a list of them, or a table")
    return [(name.strip(), text.strip()) for name, _, text in items]


def _plugin_value(plugin_name: str, argument: Argument, settings: StreamlinkSettings) -> Any:
    """The configured value as streamlink's own argument parser would give it; None where nothing is configured."""
    name = argument.argument_name(plugin_name).lstrip("-")
    configured = {key.replace("_", "-"): value for key, value in (settings.model_extra or {}).items()}
    value = configured.get(name)
    if value is None:
        return None
    if argument.action in ("store_true", "store_false"):
        return _checked(name, bool, value)
    if isinstance(value, Mapping):
        value = [f"{key}={text}" for key, text in value.items()]
    convert = argument.type or str
    try:
        if argument.action == "append":
            return [convert(str(item)) for item in (value if isinstance(value, list) else [value])]
        converted = convert(",".join(map(str, value)) if isinstance(value, list) else str(value))
    except (ValueError, argparse.ArgumentTypeError):
        raise SettingsError(f"streamlink.{name}: not a value that this option takes") from None
    if argument.choices and converted not in argument.choices:
        raise SettingsError(f"streamlink.{name}: expected one of {', '.join(map(str, argument.choices))}")
    return converted
