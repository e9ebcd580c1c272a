"""What an HTTP answer other than success means (PS3.18 §8.5), as errors that name the next step.

Nothing that the server wrote is repeated: it may hold what we sent, or a patient's name.
"""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from adit_cli.errors import NodeError, Reason, TransientNodeError

_BUSY = frozenset((HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE))
_UNSUPPORTED = frozenset(
    (
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.NOT_ACCEPTABLE,
        HTTPStatus.NOT_IMPLEMENTED,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    )
)
_FIRST_SERVER_ERROR = 500
_ELSEWHERE = "The URL leads elsewhere (to https, or to a login page): write the one it leads to."
_HINTS: dict[int, str] = {
    **dict.fromkeys((301, 302, 303, 307, 308), _ELSEWHERE),
    HTTPStatus.BAD_REQUEST: "The server does not take the request as it is; `adit -vv` shows its path.",
    HTTPStatus.UNAUTHORIZED: "Check the node's `auth`: the password or token is missing, wrong or expired.",
    HTTPStatus.FORBIDDEN: "The user or token is known there but may not do this: ask for the permission.",
    HTTPStatus.METHOD_NOT_ALLOWED: "The server does not offer this DICOMweb service at this URL.",
    HTTPStatus.NOT_ACCEPTABLE: "The server cannot answer in the form of DICOM that we ask for.",
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "Write http_proxy as http://user:password@host:port.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "A limit of the server or a proxy before it must be raised.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The server does not take this transfer syntax or form of DICOM.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "The server's own log says why.",
    HTTPStatus.INSUFFICIENT_STORAGE: "The server has no room left.",
    HTTPStatus.NOT_IMPLEMENTED: "The server does not offer this DICOMweb service.",
    HTTPStatus.BAD_GATEWAY: "The proxy before the server cannot reach it.",
    HTTPStatus.GATEWAY_TIMEOUT: "The proxy before the server gave up waiting for it.",
}


def is_busy(status: int) -> bool:
    """Return whether the server asks to come again later."""
    return status in _BUSY


def asked_to_wait(retry_after: str, otherwise: float) -> float:
    """Return the seconds that Retry-After names, as a number or a date (RFC 9110 §10.2.3)."""
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (TypeError, ValueError):
        return otherwise


def status_error(name: str, service: str, status: int) -> NodeError:
    """Return the error that stands for a status; transient where asking again may help."""
    try:
        phrase = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = str(status)
    message = f"{name} answered {phrase} to {service}."
    hint = _HINTS.get(status, "")
    if is_busy(status):
        return TransientNodeError(message, hint="The server is busy; try later, or with fewer workers.")
    if status == HTTPStatus.NOT_FOUND:
        return NodeError(
            message, hint="Check the URL's path, and whether it is there.", reason=Reason.NOT_FOUND
        )
    if status in _UNSUPPORTED:
        return NodeError(message, hint=hint, reason=Reason.NO_CONTEXT)
    if status in {HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT, HTTPStatus.REQUEST_TIMEOUT}:
        return TransientNodeError(message, hint=hint)
    if status >= _FIRST_SERVER_ERROR:
        return TransientNodeError(message, hint=hint, reason=Reason.REFUSED)
    return NodeError(message, hint=hint)


def not_dicomweb(name: str, service: str, content_type: str) -> NodeError:
    """Return the error of a service that answered something else, such as a web page."""
    what = (
        "a web page" if content_type in {"text/html", "application/xhtml+xml"} else content_type or "nothing"
    )
    return NodeError(
        f"{name} answered {service} with {what} in place of DICOM.",
        hint="A login page or a proxy may be in between: check `auth` and the URL of the service.",
    )


def malformed(name: str, service: str, what: str) -> TransientNodeError:
    """Return the error of an answer that is not built as the standard says; it may have been cut."""
    return TransientNodeError(
        f"{name} answered {service} with {what}.",
        hint="If it happens again, the server or a proxy in between is at fault.",
        reason=Reason.INCOMPLETE,
    )
