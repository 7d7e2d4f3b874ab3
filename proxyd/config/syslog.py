"""``syslog:`` of access_log and error_log: server=, facility=, severity=, tag=, nohostname."""

from __future__ import annotations

import re

from proxyd.config.address import UNIX, BadAddress, literal_ip, parse_address
from proxyd.config.levels import NAMES as SEVERITIES
from proxyd.config.plan import Syslog
from proxyd.config.shapes import Invalid, Scope, encode

PREFIX = "syslog:"
DEFAULT_PORT = 514
DEFAULT_TAG = "nginx"  # what the filters of those who come from nginx look for
_LONGEST_TAG = 32
_TAG = re.compile(r"[A-Za-z0-9_]*\Z")

# In the order of their numbers, RFC 3164 4.1.1.
FACILITIES = (
    "kern user mail daemon auth intern lpr news uucp clock authpriv ftp ntp audit alert cron "
    "local0 local1 local2 local3 local4 local5 local6 local7"
).split()


def parse_syslog(text: str, scope: Scope) -> Syslog:
    """What stands behind "syslog:". Raises Invalid."""
    given: dict[str, str] = {}
    hostname = True
    for part in text.split(","):
        key, sign, value = part.partition("=")
        if part == "nohostname":
            hostname = False
        elif not sign or key not in ("server", "facility", "severity", "tag"):
            raise Invalid(
                f'unknown syslog parameter "{part}"', "server=, facility=, severity=, tag= or nohostname"
            )
        elif key in given:
            raise Invalid(f'duplicate syslog "{key}"', "once is enough")
        else:
            _check(key, value)
            given[key] = value
    if "server" not in given:
        raise Invalid("no syslog server specified", "server=ADDRESS[:PORT] or server=unix:/path")
    family, address, port = _resolve(given["server"], scope)
    return Syslog(
        address=address,
        family=family,
        port=port,
        facility=FACILITIES.index(given.get("facility", "local7")),
        severity=SEVERITIES.index(given.get("severity", "info")),
        tag=encode(given.get("tag", DEFAULT_TAG)),
        hostname=hostname,
    )


def _check(key: str, value: str) -> None:
    if key == "facility" and value not in FACILITIES:
        raise Invalid(f'unknown syslog facility "{value}"', "one of " + ", ".join(FACILITIES))
    if key == "severity" and value not in SEVERITIES:
        raise Invalid(f'unknown syslog severity "{value}"', "one of " + ", ".join(SEVERITIES))
    if key == "tag" and len(value) > _LONGEST_TAG:
        raise Invalid(f"syslog tag length exceeds {_LONGEST_TAG}", "a shorter one")
    if key == "tag" and not _TAG.match(value):
        raise Invalid('syslog "tag" only allows alphanumeric characters and underscore', "such as nginx_a")


def _resolve(server: str, scope: Scope) -> tuple[int, bytes, int]:
    """Family, address and port; of a name its first address, as nginx has it."""
    try:
        address = parse_address(server, DEFAULT_PORT)
        if address.unix:
            return UNIX, encode(address.unix), 0
        ip = literal_ip(address.host)
    except BadAddress as error:
        raise Invalid(
            f'{error} in syslog server "{server}"', "an address, address:port or unix:/path"
        ) from None
    found = [ip] if ip else scope.resolve(address.host, address.port)
    if not found:
        raise Invalid(f'host not found in syslog server "{server}"', "the name has no address")
    return (*found[0], address.port)
