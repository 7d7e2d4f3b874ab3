"""What proxyd says about itself: -v, -V."""

from __future__ import annotations

import os
import platform

from proxyd import __version__
from proxyd.config import status

# The version of nginx whose language this is; tools read it from the output of -V.
NGINX_VERSION = "1.31.5"

# nginx's modules by the words of its configure script. Those of the first kind are there unless left out.
_BY_DEFAULT = (
    *("charset_filter", "gzip_filter", "ssi_filter", "userid_filter", "access", "auth_basic", "mirror"),
    *("autoindex", "geo", "map", "split_clients", "referer", "rewrite", "fastcgi", "uwsgi", "scgi", "grpc"),
    *("memcached", "limit_conn", "limit_req", "empty_gif", "browser", "upstream_hash", "upstream_ip_hash"),
    *("upstream_least_conn", "upstream_random", "upstream_zone"),
)
_IF_ASKED_FOR = ("ssl", "v2", "v3", "realip", "addition", "sub", "gzip_static", "auth_request", "stub_status")


def _works(module: str) -> bool:
    """Whether proxyd refuses no directive of this module of nginx."""
    found = [line for line in status.nginx_directives() if line.module == f"http_{module}_module"]
    return bool(found) and all(line.status() != "refused" for line in found)


def version_line() -> str:
    """Who we are."""
    return f"proxyd version: proxyd/{__version__}"


def nginx_line() -> str:
    """Whose language it is, in the words that tools look for."""
    return f"nginx version: nginx/{NGINX_VERSION}"


def version_line_of(command: str) -> str:
    """The answer to -v. Under the name nginx it is nginx's, and says who we are behind it."""
    if os.path.basename(command) != "nginx":
        return version_line()
    return f"{nginx_line()} (proxyd/{__version__})"


def build_lines(engine: dict[str, str]) -> list[str]:
    """The answer to -V; ``engine``: what the C engine says about its build."""
    arguments = [f"--with-http_{name}_module" for name in _IF_ASKED_FOR if _works(name)]
    arguments += [
        f"--without-http_{name.removesuffix('_filter')}_module" for name in _BY_DEFAULT if not _works(name)
    ]
    return [
        version_line(),
        nginx_line(),
        f"built by {engine['compiler']}",
        *(f"built with {name.upper()} {text}" for name, text in engine.items() if name != "compiler"),
        f"running on Python {platform.python_version()}",
        "configure arguments: " + " ".join(arguments),
    ]
