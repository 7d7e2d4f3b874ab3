"""A fresh Debian in a folder, and commands inside it.

The folder is made by debootstrap once per suite and kept as an archive; each run unpacks it anew. Packages
that were downloaded are kept, too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

# What changes whenever anything is installed.
_ALWAYS_CHANGES = (
    *(
        "/var/lib/dpkg",
        "/var/lib/apt",
        "/var/cache",
        "/var/log/apt",
        "/var/log/dpkg.log",
        "/var/log/alternatives.log",
    ),
    *("/proc", "/sys", "/dev", "/tmp", "/root", "/var/log/faillog", "/var/log/lastlog", "/var/lib/logrotate"),
    *("/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/.pwd.lock", "/etc/ld.so.cache"),
)
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}
_NO_MORE: Mapping[str, str] = {}


def enter(module: str, arguments: Sequence[str]) -> int:
    """Run a module of ours in mount and process namespaces of its own, which end with it."""
    namespaces = ["unshare", "--mount-proc", "--pid", "--fork", "--kill-child"]
    return subprocess.call([*namespaces, sys.executable, "-m", module, *arguments, "--inside"])


class Failed(Exception):
    """A command inside did not do what it should; the text is its output."""


class Debian:
    """One folder with a whole Debian in it."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder
        self.packages = _packages(folder, kind)
        self.enter: tuple[str, ...] = ("chroot", str(folder))  # how a command gets inside

    @classmethod
    def unpack(cls, folder: Path, suite: str, mirror: str, arch: str = "") -> Debian:
        """Unpack the archive of this suite, made first where there is none.

        For the arch of another machine (Debian's word, such as arm64) its programs must run here: Debian's
        qemu-user-static sees to that.
        """
        kind = f"{suite}-{arch}" if arch else suite
        archive = folder.parent / f"{kind}.tar"
        folder.mkdir(parents=True)
        if archive.exists():
            subprocess.run(["tar", "--extract", "--file", archive, "--directory", folder], check=True)
            return cls(folder, kind)
        log = folder.parent / "debootstrap.log"
        with log.open("w") as out:
            kept = f"--cache-dir={_packages(folder, kind)}"
            machine = [f"--arch={arch}"] if arch else []
            command = ["debootstrap", "--variant=minbase", *machine, kept, suite, str(folder), mirror]
            if subprocess.run(command, stdout=out, stderr=out).returncode:
                raise Failed(f"debootstrap failed, see {log}")
        subprocess.run(["tar", "--create", "--file", archive, "--directory", folder, "."], check=True)
        return cls(folder, kind)

    def mount(self) -> None:
        """What programs expect: /proc, /dev/shm, devices. We are in a mount namespace of our own."""
        for kind, folder in (("proc", "proc"), ("tmpfs", "dev/shm"), ("tmpfs", "run")):
            (self.folder / folder).mkdir(exist_ok=True)
            subprocess.run(["mount", "-t", kind, kind, self.folder / folder], check=True)
        for name in ("null", "zero", "urandom", "random", "full"):
            place = self.folder / "dev" / name
            place.touch()
            subprocess.run(["mount", "--bind", f"/dev/{name}", place], check=True)
        subprocess.run(["mount", "--bind", self.packages, self.folder / "var/cache/apt/archives"], check=True)
        policy = self.folder / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 0\n")
        policy.chmod(0o755)
        for name in ("resolv.conf", "hosts"):
            (self.folder / "etc" / name).write_bytes(Path("/etc", name).read_bytes())

    def run(self, *command: str, fails: bool = False, env: Mapping[str, str] = _NO_MORE) -> str:
        """Run a command inside; gives what it said. Raises Failed unless it ends as expected."""
        done = self.start(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env)
        said = done.communicate()[0].decode("utf-8", "replace")
        if bool(done.returncode) != fails:
            raise Failed(f"{' '.join(command)}: exit status {done.returncode}\n{said}")
        return said

    def start(
        self,
        command: Sequence[str],
        *,
        stdout: int | None = None,
        stderr: int | None = None,
        env: Mapping[str, str] = _NO_MORE,
    ) -> subprocess.Popen[bytes]:
        """Start a command inside."""
        return subprocess.Popen(
            [*self.enter, *command], stdout=stdout, stderr=stderr, env={**_ENVIRONMENT, **env}
        )

    def files(self) -> set[str]:
        """The paths of all that is there, but for what every installation changes."""
        found = set()
        for folder, folders, names in os.walk(self.folder):
            inside = "/" + os.path.relpath(folder, self.folder).removeprefix(".")
            folders[:] = [name for name in folders if not _changes(os.path.join(inside, name))]
            found |= {os.path.join(inside, name) for name in folders + names}
        return {path for path in found if not _changes(path)}


def _packages(folder: Path, suite: str) -> Path:
    """Where downloaded packages are kept."""
    path = folder.parent / f"{suite}-packages"
    path.mkdir(exist_ok=True)
    return path


def _changes(path: str) -> bool:
    return (
        path.startswith(_ALWAYS_CHANGES) or path.endswith((".pyc", "__pycache__")) and "/proxyd" not in path
    )
