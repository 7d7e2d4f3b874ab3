"""certbot's nginx plugin, as far as it goes without TLS: it finds proxyd, tests and reads its configuration.

The plugin prepares itself by `-t` and `-V` of the command that it is told, and parses all files
from nginx.conf on. It stops at a `-V` without an SSL module, which is right while proxyd has none;
behind a stand-in that claims one the preparation succeeds. What stays until there are certificates:
the lines that it writes, and the `-s reload` after them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable

from tests.package.fresh import Debian, Failed

_PACKAGE = "python3-certbot-nginx"
_CLAIMS_SSL = """#!/bin/sh
case " $* " in
    *" -V "*)
        echo "TLS SNI support enabled" >&2
        /usr/sbin/proxyd -V 2>&1 | sed 's/^configure arguments:/& --with-http_ssl_module/' >&2
        ;;
    *) exec /usr/sbin/proxyd "$@" ;;
esac
"""


class Certbot:
    """Installs both, and lets the plugin prepare itself."""

    def __init__(self, debian: Debian, package: str, say: Callable[[str], None]) -> None:
        self._debian, self._package, self._say = debian, package, say

    @staticmethod
    def fetch(debian: Debian) -> None:
        """Its packages, while there is a network."""
        debian.run("apt-get", "-y", "--no-install-recommends", "--download-only", "install", _PACKAGE)

    def run(self) -> None:
        """In a Debian that has neither."""
        self._debian.run(
            "sh", "-c", "printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d"
        )  # no nginx at port 80
        self._debian.run(
            "apt-get",
            "-y",
            "--no-install-recommends",
            "install",
            _PACKAGE,
            f"/var/cache/debs/{self._package}",
        )
        self._debian.run("ln", "-s", "proxyd.conf", "/etc/proxyd/nginx.conf")
        claims = self._debian.folder / "usr/local/sbin/claims-ssl"
        claims.write_text(_CLAIMS_SSL)
        claims.chmod(0o755)
        said = self._prepare("/usr/local/sbin/claims-ssl")
        if "Prep: True" not in said:
            raise Failed(said)
        told = self._reason("/usr/sbin/proxyd")
        if "missing SSL module" not in told:
            raise Failed(told)
        self._say("certbot's nginx plugin: prepares itself, but for the SSL module, which it misses")

    def _prepare(self, command: str) -> str:
        """What it says of the plugin nginx; nothing where that cannot be used."""
        arguments = ["--nginx-server-root", "/etc/proxyd", "--nginx-ctl", command]
        said = self._debian.run("certbot", "--non-interactive", "plugins", "--nginx", "--prepare", *arguments)
        _, _, part = said.partition("* nginx")
        return part.partition("\n* ")[0]

    def _reason(self, command: str) -> str:
        log = self._debian.folder / "var/log/letsencrypt/letsencrypt.log"
        shutil.rmtree(log.parent, ignore_errors=True)
        self._prepare(command)
        return log.read_text()
