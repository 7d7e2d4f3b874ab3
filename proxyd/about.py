"""What proxyd says about itself: -v, -V."""

from __future__ import annotations

import platform

from proxyd import __version__

# The version of nginx whose language this is; tools read it from the output of -V.
NGINX_VERSION = "1.31.5"

# nginx modules that are there by default and that proxyd does not have (wholly) yet. One that works is
# taken out here.
WITHOUT = (
    "charset",
    "gzip",
    "ssi",
    "userid",
    "access",
    "auth_basic",
    "mirror",
    "autoindex",
    "geo",
    "split_clients",
    "referer",
    "rewrite",
    "fastcgi",
    "uwsgi",
    "scgi",
    "grpc",
    "memcached",
    "limit_conn",
    "limit_req",
    "empty_gif",
    "browser",
    "upstream_hash",
    "upstream_ip_hash",
    "upstream_least_conn",
    "upstream_random",
    "upstream_zone",
)

# Modules that nginx has only when asked for, and that work.
WITH: tuple[str, ...] = ()


def version_line() -> str:
    """The answer to -v."""
    return f"proxyd version: proxyd/{__version__}"


def build_lines(engine: dict[str, str]) -> list[str]:
    """The answer to -V; ``engine``: what the C engine says about its build."""
    arguments = [f"--with-{name}" for name in WITH] + [f"--without-http_{name}_module" for name in WITHOUT]
    return [
        version_line(),
        f"nginx version: nginx/{NGINX_VERSION}",
        f"built by {engine['compiler']}",
        *(f"built with {name.upper()} {text}" for name, text in engine.items() if name != "compiler"),
        f"running on Python {platform.python_version()}",
        "configure arguments: " + " ".join(arguments),
    ]
