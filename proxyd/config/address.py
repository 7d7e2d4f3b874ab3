"""Addresses as ``listen``, ``server`` and ``proxy_pass`` write them: host:port, [IPv6]:port, unix:path,
with a URI or not.

Names of hosts are looked up by whoever called; nothing here asks the network.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

UNIX, IPV4, IPV6 = 1, 4, 6  # families, as the Plan has them
UNIX_PATH_MAX = 107  # what sun_path holds, without its final zero


class BadAddress(ValueError):
    """What is wrong, in nginx's words: "invalid port", "no host", ..."""


@dataclass(frozen=True, slots=True)
class Address:
    """One address as written."""

    host: str  # "[::1]" has its brackets; "" for a port alone
    port: int
    last_port: int  # the end of a range "8000-8010"; else the same as port
    port_text: str  # "" when absent
    unix: str  # the path of a unix socket, or ""
    uri: str | None  # what follows, from "/" or "?" on

    @property
    def authority(self) -> str:
        """Host and port as written."""
        return f"{self.host}:{self.port_text}" if self.port_text else self.host


def parse_address(
    text: str, default_port: int, *, uri: bool = False, listen: bool = False, ranges: bool = False
) -> Address:
    """Parse an address. ``uri``: one may follow; ``listen``: a port may stand alone; ``ranges``: of ports."""
    if "\0" in text:
        raise BadAddress("invalid host")
    if text[:5].lower() == "unix:":
        return _parse_unix(text[5:], uri)
    rest: str | None = None
    cuts = [at for at in (text.find("/"), text.find("?")) if at >= 0]
    if cuts:
        if not uri:
            raise BadAddress("invalid host")
        text, rest = text[: min(cuts)], text[min(cuts) :]
    if text.startswith("["):
        host, bracket, after = text.partition("]")
        if not bracket or (after and not after.startswith(":")):
            raise BadAddress("invalid host")
        host, colon, port_text = host + "]", after[:1], after[1:]
    elif listen and text.isascii() and text.replace("-", "", 1).isdigit():
        host, colon, port_text = "", ":", text
    else:
        host, colon, port_text = text.partition(":")
        if ":" in port_text:
            raise BadAddress("invalid port")  # an IPv6 address without brackets
        if not host:
            raise BadAddress("no host")
    if not colon:
        return Address(host, default_port, default_port, "", "", rest)
    first, last = _parse_port(port_text, ranges)
    return Address(host, first, last, port_text, "", rest)


def _parse_unix(path: str, uri: bool) -> Address:
    rest: str | None = None
    if uri and ":" in path:
        path, _, after = path.partition(":")
        rest = after or None  # "unix:/run/app.sock:" has no URI
    if not path:
        raise BadAddress("no path in the unix domain socket")
    if len(path.encode("utf-8", "surrogateescape")) > UNIX_PATH_MAX:
        raise BadAddress("too long path in the unix domain socket")
    return Address("", 0, 0, "", path, rest)


def _parse_port(text: str, ranges: bool) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    if dash and not ranges:
        raise BadAddress("invalid port")
    low = _port_number(first)
    high = _port_number(last) if dash else low
    if high < low:
        raise BadAddress("invalid port range")
    return low, high


def _port_number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or not 1 <= int(text) <= 65535:
        raise BadAddress("invalid port")
    return int(text)


def literal_ip(host: str) -> tuple[int, bytes] | None:
    """Family and bytes of a host that is an IP address; None: a name. Raises BadAddress for a bad [IPv6]."""
    if host.startswith("["):
        try:
            return IPV6, ipaddress.IPv6Address(host[1:-1]).packed
        except ValueError:
            raise BadAddress("invalid IPv6 address") from None
    try:
        return IPV4, ipaddress.IPv4Address(host).packed
    except ValueError:
        return None


def show(family: int, packed: bytes, port: int) -> str:
    """As logs show it: "10.0.0.1:80", "[::1]:80", "unix:/run/app.sock"."""
    if family == UNIX:
        return "unix:" + packed.decode("utf-8", "surrogateescape")
    return f"{show_ip(family, packed)}:{port}"


def show_ip(family: int, packed: bytes) -> str:
    """ "10.0.0.1" or "[::1]"."""
    if family == IPV4:
        return str(ipaddress.IPv4Address(packed))
    return f"[{ipaddress.IPv6Address(packed)}]"
