"""Where an address leads in the end. Asked behind the guard, since FFmpeg would follow a redirect to wherever it leads."""

import requests.exceptions

from stream_processor.errors import SourceError, SourceUnusable
from stream_processor.redact import redact
from stream_processor.sources.streams.http import GuardedSession
from stream_processor.sources.streams.session import causes, is_refused, reason


def destination(url: str, timeout_seconds: float) -> str:
    """``url``, or what it redirects to. Of no answer more than the head is read.

    SourceUnusable: to where the stream may not lead, or round in circles. Whatever else fails, without a redirect, is not our
    question: then it is ``url``.
    """
    session = GuardedSession()
    session.guard.trust(url)
    try:
        answer = session.get(url, stream=True, timeout=timeout_seconds, headers={"Range": "bytes=0-"}, raise_for_status=False)
        answer.close()
    except Exception as error:
        if is_refused(error) or any(isinstance(cause, requests.exceptions.TooManyRedirects) for cause in causes(error)):
            raise SourceUnusable(f"{redact(url)}: {reason(error)}") from error
        return url
    finally:
        session.close()
    if not answer.history:
        return url
    if answer.status_code >= 400:
        kind = SourceUnusable if answer.status_code < 500 else SourceError
        raise kind(f"{redact(url)}: HTTP {answer.status_code} from where it redirects to", reason="http")
    return str(answer.url)
