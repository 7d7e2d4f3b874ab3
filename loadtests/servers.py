"""The servers that are compared: how each is configured, started and asked for its version.

nginx and proxyd run on the very same file (conf/nginx.conf).
"""

from __future__ import annotations

import getpass
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loadtests.processes import LoadTestError, free_ports, running

CONF = Path(__file__).with_name("conf")

UNCOUNTED_TREE = Path(__file__).resolve().parents[1] / "build" / "uncounted"
"""proxyd built not to count (loadtests/uncounted.py)."""

FILE_BYTES = {"4k": 4 << 10, "64k": 64 << 10, "1m": 1 << 20}

KEY_BYTES = 160
"""What nginx needs of a zone for each key; proxyd needs less."""

MANY_SERVERS = 200
MANY_LOCATIONS = 40

# nginx opens these directories at start, before any is needed, and Debian's are writable for root only.
NGINX_TEMPORARY = "".join(
    f"{name}_temp_path {name}_temp;\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
)


@dataclass(frozen=True)
class Kind:
    """One server program. `{dir}` and `{conf}` in `command` stand for its directory and its configuration."""

    name: str
    title: str
    template: str
    command: tuple[str, ...]
    version: tuple[str, ...]


NGINX_ARGUMENTS = ("-p", "{dir}/", "-e", "error.log", "-c", "{conf}")

PROXYD = Kind(
    "proxyd",
    "proxyd",
    "nginx.conf",
    (sys.executable, "-m", "proxyd", *NGINX_ARGUMENTS),
    (sys.executable, "-m", "proxyd", "-v"),
)
_uncounted = ("env", f"--chdir={UNCOUNTED_TREE}", sys.executable, "-m", "proxyd")
NGINX = Kind("nginx", "nginx", "nginx.conf", ("nginx", *NGINX_ARGUMENTS), ("nginx", "-v"))
HAPROXY = Kind("haproxy", "HAProxy", "haproxy.cfg", ("haproxy", "-db", "-f", "{conf}"), ("haproxy", "-v"))
CADDY = Kind(
    "caddy",
    "Caddy",
    "Caddyfile",
    ("caddy", "run", "--adapter", "caddyfile", "--config", "{conf}"),
    ("caddy", "version"),
)

UNCOUNTED = Kind(
    "uncounted",
    "uncounted",
    "nginx.conf",
    (*_uncounted, *NGINX_ARGUMENTS),
    (*_uncounted, "-v"),
)

KINDS = {kind.name: kind for kind in (PROXYD, NGINX, HAPROXY, CADDY, UNCOUNTED)}


@dataclass(frozen=True)
class Backends:
    """Where the applications behind the proxies listen."""

    http: int
    echo: int


@dataclass(frozen=True)
class Server:
    """One running server."""

    kind: Kind
    pid: int
    port: int
    bare_port: int
    keys_port: int


@dataclass(frozen=True)
class Setup:
    """What a scenario wants of a server's configuration."""

    backends: Backends
    connections: int
    files: int
    keepalive: int = 32
    many: bool = False
    keys: int = 0


def version(kind: Kind) -> str | None:
    """The version that the server states, or None where it is not installed or does not start."""
    if shutil.which(kind.version[0]) is None:
        return None
    done = subprocess.run(kind.version, capture_output=True, text=True, timeout=30)
    if done.returncode:
        return None
    found = re.search(r"\d+\.\d+(\.\d+)?\S*", done.stdout + done.stderr)
    return found.group() if found else "unknown"


@contextmanager
def server(kind: Kind, setup: Setup, cpu: int, work: Path) -> Iterator[Server]:
    """Run one server of this kind in its own directory below `work`."""
    directory = make_directory(work / kind.name)
    files = directory / "files"
    files.mkdir()
    make_files(files)
    port, bare_port, keys_port = free_ports(3)
    conf = directory / kind.template
    conf.write_text(
        fill(
            (CONF / kind.template).read_text(),
            USER=user_directive(),
            FILES=setup.files,
            CONNECTIONS=setup.connections,
            KEEPALIVE=setup.keepalive,
            DIRECTORY=directory,
            PORT=port,
            BARE=bare_port,
            BACKEND=setup.backends.http,
            ECHO=setup.backends.echo,
            MANY=many_servers(port) if setup.many else "",
            KEYS=keyed_server(keys_port, setup.keys) if setup.keys else "",
        )
    )
    if kind is NGINX:
        (directory / "only" / "temporary.conf").write_text(NGINX_TEMPORARY)
    command = [part.format(dir=directory, conf=conf) for part in kind.command]
    ports = [port, bare_port, *([keys_port] if setup.keys else [])]
    with running(command, cpu, directory, ports) as pid:
        yield Server(kind, pid, port, bare_port, keys_port)


@contextmanager
def backend(port: int, files: int, cpu: int, work: Path) -> Iterator[None]:
    """Run the HTTP application: small answers for all paths, files of some sizes below /body/."""
    directory = make_directory(work / "backend")
    body = make_directory(directory / "body")
    make_files(body)
    (directory / "only" / "temporary.conf").write_text(NGINX_TEMPORARY)
    conf = directory / "backend.conf"
    values = {"USER": user_directive(), "FILES": files, "CONNECTIONS": files // 2}
    text = (CONF / "backend.conf").read_text()
    conf.write_text(fill(text, DIRECTORY=directory, BACKEND=port, **values))
    with running(
        [NGINX.command[0], "-p", f"{directory}/", "-e", "error.log", "-c", conf], cpu, directory, [port]
    ):
        yield


def make_files(directory: Path) -> None:
    """Files of some sizes."""
    for name, size in FILE_BYTES.items():
        (directory / name).write_bytes(b"x" * size)


def make_directory(path: Path) -> Path:
    """A new directory for one server, with an empty `only/` for what the others must not read."""
    if path.exists():
        shutil.rmtree(path)
    (path / "only").mkdir(parents=True)
    return path


def user_directive() -> str:
    """Workers keep root's rights when root starts them: they write below a private directory."""
    return "user root;" if getpass.getuser() == "root" else ""


def many_servers(port: int) -> str:
    """Server blocks by name, each with its own regular-expression locations."""
    return "\n".join(_server_block(port, number) for number in range(MANY_SERVERS))


def _server_block(port: int, number: int) -> str:
    locations = "\n".join(
        f"        location ~ ^/site{number}/section{section}/.+\\.html$ {{ proxy_pass http://backend; }}"
        for section in range(MANY_LOCATIONS)
    )
    return f"""    server {{
        listen 127.0.0.1:{port};
        server_name site{number}.example.com;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
{locations}
    }}
"""


def keyed_server(port: int, keys: int) -> str:
    """A limit by an argument, in front of the cheapest answer that comes behind limits."""
    size = max(keys * KEY_BYTES, 1 << 20)
    return f"""    limit_req_zone $arg_k zone=keyed:{size} rate=1000000r/s;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            limit_req zone=keyed burst=100000 nodelay;
            stub_status;
        }}
    }}
"""


def fill(template: str, **values: object) -> str:
    """Put `values` in place of the @NAMES@ in `template`; a name without a value is an error."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise LoadTestError(f"no value for {match[0]}")
        return str(values[match[1]])

    return re.sub(r"@([A-Z]+)@", value, template)
