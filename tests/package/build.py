"""Build the package for a release of Debian, in a fresh one, as root: `python -m tests.package.build SUITE`.

It lands in build/deb/SUITE. The rules are the same everywhere; what differs is the Python and the libraries
that the package is built for. --arch arm64 builds it for another machine, in emulation.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.package.fresh import Debian, Failed, enter

_SOURCE = "root/proxyd"
_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")


def main() -> int:
    """Parse the command line and build."""
    parser = argparse.ArgumentParser(prog="python -m tests.package.build", description=__doc__)
    parser.add_argument("suite", help="bookworm, trixie")
    parser.add_argument("versions", nargs="*", help="as these, too, for tests of upgrades")
    parser.add_argument("--arch", default="", help="arm64: of another machine, by qemu-user-static")
    parser.add_argument("--mirror", default="http://deb.debian.org/debian")
    parser.add_argument("--work", type=Path, default=Path("build/deb-test"))
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if not given.inside:
        return enter("tests.package.build", sys.argv[1:])
    try:
        build(given, given.work.resolve())
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def build(given: argparse.Namespace, work: Path) -> None:
    """What is checked out, with the compilers of that release."""
    folder = work / "-".join(filter(None, (given.suite, given.arch, "build")))
    shutil.rmtree(folder, ignore_errors=True)
    debian = Debian.unpack(folder, given.suite, given.mirror, given.arch)
    debian.mount()
    debian.run("apt-get", "-qq", "update")
    debian.run("apt-get", "-qq", "-y", "--no-install-recommends", "install", "ca-certificates")
    if _AUTHORITIES.exists():  # those whom this machine trusts, a proxy's among them
        shutil.copy(_AUTHORITIES, folder / _AUTHORITIES.relative_to("/"))
    _copy_source(folder / _SOURCE)
    for version in ["", *given.versions]:
        said = debian.run("sh", "-c", f"cd /{_SOURCE} && .ci/deb {version}", env=_for_pip())
        print(said.replace(f"/{_SOURCE}/", f"{folder / _SOURCE}/"), end="", flush=True)
    out = Path("build/deb") / given.suite
    out.mkdir(parents=True, exist_ok=True)
    for file in (folder / _SOURCE / "build/deb").glob("proxyd*"):
        print(shutil.copy(file, out))


def _copy_source(place: Path) -> None:
    place.mkdir()
    files = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True).stdout
    tar = ["tar", "--create", "--null", "--files-from=-", "--ignore-failed-read"]
    content = subprocess.run(tar, input=files, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    subprocess.run(["tar", "--extract", "--directory", place], input=content.stdout, check=True)


def _for_pip() -> dict[str, str]:
    """How pip gets out of this machine."""
    kept = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    return {"PIP_CERT": str(_AUTHORITIES), **kept}


if __name__ == "__main__":
    sys.exit(main())
