"""One tree of errors. What a person can act on is a ``ClipError`` with one clear line; everything else is a bug.

ClipError
├── SettingsError          a setting, option or configuration file is wrong                   exit 2
├── SourceError            the stream cannot be read: try again later
│   ├── SourceUnusable     it never will be (no such file, nothing to score in it)            exit 1
│   ├── SourceOffline      the channel exists and is not live now                             exit 1, or --wait
│   └── SourceEnded        the stream is over: nothing more will come                         exit 0
├── ScorerError            a scorer cannot be built or cannot go on (weights, device)         exit 1
├── ClipWriteError         a clip, spool or picture cannot be written now
│   └── ClipImpossible     nor ever: nothing to write, or nothing that holds it
├── JournalError           the journal cannot be opened, read or written                      exit 1
├── GivenUp                the program was asked to end before it had begun                   exit 0, 130
├── ListenError            the address for metrics and health cannot be listened on           exit 1
└── SinkError              a sink did not take an event: deliver it again later
"""

from typing import Literal, get_args

LossReason = Literal["refused", "timeout", "reset", "stalled", "ended", "dns", "http", "token", "damaged", "other"]
"""Why a stream could not be opened or broke off, as losses are counted by it (the metrics' label ``reason``):

- refused: nobody listens there, or the peer sent us away
- timeout: no answer to the attempt to connect or to open
- reset: the connection was torn down in mid-stream
- stalled: it stands, but nothing came for ``source.read_timeout_seconds``
- ended: the peer said goodbye, and the stream may go on in a new connection
- dns: the host's name does not resolve
- http: a status such as 403, 404 or 503
- token: what the address was signed with has run out
- damaged: what came cannot be read as media
- other
"""
LOSS_REASONS: tuple[LossReason, ...] = get_args(LossReason)


class ClipError(Exception):
    """Base of all errors with a message meant for the user: one line, no secrets, says what and where."""


class SettingsError(ClipError):
    """A setting, a command-line option or a configuration file is wrong."""


class SourceError(ClipError):
    """The stream could not be opened or broke off; opening it again later may work. ``reason`` is set where it is raised."""

    def __init__(self, message: str, *, reason: LossReason = "other") -> None:
        super().__init__(message)
        self.reason: LossReason = reason


class SourceUnusable(SourceError):
    """Opening it again will not help: no such file, a bad URL, no stream that can be scored."""


class SourceOffline(SourceError):
    """The channel exists but does not stream now; ``--wait`` polls until it does."""


class SourceEnded(SourceError):
    """The stream came to its regular end; there is no further part to open."""


class ScorerError(ClipError):
    """A scorer cannot be built or cannot go on: unknown weights, a checkpoint of another model, a lost device."""


class ClipWriteError(ClipError):
    """A clip, spool file, picture or sidecar could not be written."""


class ClipImpossible(ClipWriteError):
    """Trying again will not help: no packets, or no container and no encoder that takes them."""


class JournalError(ClipError):
    """The journal could not be opened, read or written."""


class GivenUp(ClipError):
    """Nobody waits for it any more: the program was asked to end."""


class ListenError(ClipError):
    """The address for metrics and health is taken, or not one of this machine."""


class SinkError(ClipError):
    """A sink could not take an event now; the same event is delivered again later."""
