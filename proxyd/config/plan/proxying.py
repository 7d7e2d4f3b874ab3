"""What proxy_* say of one exchange with a peer: what is sent, kept, tried again and rewritten."""

from __future__ import annotations

from proxyd.config.plan.base import Piece, Regex, S, Words

# proxy_next_upstream: on what a Request may go to the next Peer. 0: never.
NEXT_ERROR, NEXT_TIMEOUT, NEXT_INVALID_HEADER, NEXT_NON_IDEMPOTENT = 1, 2, 4, 8
NEXT_403, NEXT_404, NEXT_429, NEXT_500, NEXT_502, NEXT_503, NEXT_504 = 16, 32, 64, 128, 256, 512, 1024

# proxy_ignore_headers: fields of an answer that are not obeyed.
IGNORE_X_ACCEL_REDIRECT, IGNORE_X_ACCEL_EXPIRES, IGNORE_X_ACCEL_LIMIT_RATE = 1, 2, 4
IGNORE_X_ACCEL_BUFFERING, IGNORE_X_ACCEL_CHARSET, IGNORE_EXPIRES = 8, 16, 32
IGNORE_CACHE_CONTROL, IGNORE_SET_COOKIE, IGNORE_VARY = 64, 128, 256

# client_body_in_file_only.
IN_FILE_OFF, IN_FILE_ON, IN_FILE_CLEAN = 0, 1, 2


class TempPath(S):
    """A directory for temporary files; levels: how many digits of a file's name each directory below has."""

    path: bytes
    levels: bytes


class SetHeader(S):
    """``proxy_set_header``: a value that comes out empty means: do not send this header."""

    name: bytes
    value: list[Piece]


class RewriteRule(S):
    """``proxy_redirect``, ``proxy_cookie_*``: what a text begins with, or is, and what comes in its place."""

    by_default: bool  # as proxy_pass has it
    pattern: list[Piece]
    regex: Regex | None  # in the place of pattern
    replacement: list[Piece]


class CookieRule(S):
    """``proxy_cookie_flags``."""

    name: list[Piece]
    regex: Regex | None  # in the place of name
    flags: list[Words]  # "secure", "nosamesite", ...


class ProxyBind(S):
    """``proxy_bind``: the text of an address; one without variables is right."""

    address: list[Piece]
    transparent: bool  # it need not be this machine's
