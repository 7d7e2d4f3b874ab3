"""Install the package in a fresh Debian and live with it, as root: `python -m tests.package OLD.deb NEW.deb`.

Each step prints what it did and found. The exit status is 0 when all of it was right.
"""

from __future__ import annotations

import argparse
import ctypes
import gzip
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.package.booted import Booted, CannotBoot, Service
from tests.package.certbot import Certbot
from tests.package.fresh import Debian, Failed, enter
from tests.package.service import Life
from tests.package.traffic import Traffic
from tests.package.unit import Unit

_HERE = Path(__file__).parent
_UNIT = "/lib/systemd/system/proxyd.service"
_DEBS = "var/cache/debs"
# What systemd would do with the unit, for one command; where it cannot run.
_SYSTEMCTL = """#!/bin/sh
for word; do
    case $word in
        start) exec /usr/sbin/proxyd -g "daemon off;" ;;
        is-enabled) echo enabled ;;
    esac
done
exit 0
"""
_CLIENTS = 16
_ROTATIONS = 20
_CLONE_NEWNET = 0x40000000


def main() -> int:
    """Parse the command line; all else happens in namespaces of its own, which end with it."""
    parser = argparse.ArgumentParser(prog="python -m tests.package", description=__doc__)
    parser.add_argument("old", type=Path, help="the package to install")
    parser.add_argument("new", type=Path, help="the same as a higher version")
    parser.add_argument("--suite", default="bookworm")
    parser.add_argument("--mirror", default="http://deb.debian.org/debian")
    parser.add_argument("--work", type=Path, default=Path("build/deb-test"))
    parser.add_argument("--by-hand", action="store_true", help="do as where systemd does not boot")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if not given.inside:
        return enter("tests.package", sys.argv[1:])
    try:
        work = given.work.resolve()
        test = Test(given.old.resolve(), given.new.resolve(), given.suite, given.mirror, work)
        test.by_hand = given.by_hand
        test.run()
    except Failed as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    return 0


class Test:
    """The steps, in order."""

    def __init__(self, old: Path, new: Path, suite: str, mirror: str, work: Path) -> None:
        self.old, self.new = old, new
        folder = work / "root"
        shutil.rmtree(folder, ignore_errors=True)
        self._say(f"a fresh {suite} in {os.path.relpath(folder)}")
        self.debian = Debian.unpack(folder, suite, mirror)
        self.debian.mount()
        (folder / _DEBS).mkdir()
        for deb in (old, new):
            shutil.copy(deb, folder / _DEBS)
        self.booted: Booted | None = None
        self.by_hand = False

    def run(self) -> None:
        """All of it."""
        self.dependencies()
        _own_network()
        self.boot()
        try:
            self.steps()
        finally:
            if self.booted is not None:
                self.booted.end()
        print("All of it was right.")

    def boot(self) -> None:
        """Let systemd run in there, where this machine lets us."""
        try:
            if self.by_hand:
                raise CannotBoot("so it was asked for")
            self.booted = Booted(self.debian)
            version = _last_line(self.debian.run("systemctl", "--version").splitlines()[0])
            self._say(f"booted {version}: {self.booted.state}")
        except CannotBoot as error:
            self._say(
                f"SKIPPED: systemd does not boot here ({error}); the unit's command line is started by hand"
            )

    def steps(self) -> None:
        """What happens to the package."""
        before = self.debian.files()
        self.install()
        if self.booted is not None:
            Life(self.debian, Service(self.debian), self._say).run()
        self.name_nginx()
        self.site()
        unit = Service(self.debian) if self.booted is not None else Unit(self.debian, _UNIT)
        unit.start()
        self._say(f"started by `{unit.how}`: process {unit.main_pid} is ready")
        self.command_line()
        traffic = Traffic(_CLIENTS, "app.example.com")
        traffic.start()
        self.limits()
        self.reload()
        self.rotate(traffic)
        self.upgrade(traffic, unit)
        tally = traffic.stop()
        self.check_traffic(tally.failures, tally.sent, tally.reopened)
        self.check_logs(tally.answered)
        self.remove(unit)
        unit.forget()
        if self.booted is not None:
            self.again()
        self.purge(before)
        self.address_taken()
        self.purge(before)
        Certbot(self.debian, self.old.name, self._say).run()

    def dependencies(self) -> None:
        """What the package needs comes first, so that what is compared is the package's own."""
        fields = subprocess.check_output(
            ["dpkg-deb", "--field", self.old, "Depends", "Recommends"], text=True
        )
        names = sorted({*re.findall(r"(?:: |, |\| )([a-z0-9][a-z0-9.+-]+)", fields), "systemd"})
        self.debian.run("apt-get", "-qq", "update")
        self.debian.run("apt-get", "-qq", "-y", "--no-install-recommends", "install", *names)
        Certbot.fetch(self.debian)
        self._say(f"dependencies: {', '.join(names)}")

    def install(self) -> None:
        """As the README says."""
        self.debian.run("apt-get", "-y", "install", f"/{_DEBS}/{self.old.name}")
        self._say(f"apt install ./{self.old.name}")
        self._say(f"proxyd -v: {self.debian.run('proxyd', '-v').strip()}")
        self.debian.run("proxyd", "-t")

    def name_nginx(self) -> None:
        """The name nginx, by the command of docs/install.md; it goes when the package does."""
        text = Path("docs/install.md").read_text()
        command = re.search(r"^ +\$ (update-alternatives --install .*)$", text, re.MULTILINE)
        if command is None:
            raise Failed("docs/install.md does not tell how to have the name nginx")
        self.debian.run(*command[1].split())
        said = self.debian.run("nginx", "-t") + self.debian.run("nginx", "-V")
        if self.booted is not None:
            self.debian.run("nginx", "-s", "reload")
        if "test is successful" not in said or not re.search(
            r"^nginx version: nginx/[\d.]+$", said, re.MULTILINE
        ):
            raise Failed(said)
        self._say("the name nginx: nginx -t, nginx -V, nginx -s reload")

    def site(self) -> None:
        """The guide's base configuration, and a site."""
        etc = self.debian.folder / "etc/proxyd"
        (etc / "conf.d/default.conf").unlink()
        shutil.copy(_HERE / "chapter15.conf", etc / "proxyd.conf")
        shutil.copy(_HERE / "site.conf", etc / "conf.d/app.conf")
        self.debian.run("useradd", "--system", "nginx")
        self._say(f"the guide's chapter 15: {_last_line(self.debian.run('proxyd', '-t'))}")

    def command_line(self) -> None:
        """What operators and programs ask."""
        status = self.debian.run("proxyd", "status", "--json")
        if '"serving"' not in status:
            raise Failed(f"no worker serves:\n{status}")
        self._say(f"proxyd status --json: {len(status)} bytes")
        completion = self.debian.folder / "usr/share/zsh/vendor-completions/_proxyd"
        if '_proxyd_completion "$@"' not in completion.read_text():
            raise Failed(f"loading {completion} completes nothing")

    def limits(self) -> None:
        """The limit of the site admits what it says."""
        request = b"GET /limited HTTP/1.1\r\nHost: app.example.com\r\n"
        with socket.create_connection(("127.0.0.1", 80)) as client:
            client.sendall((request + b"\r\n") * 19 + request + b"Connection: close\r\n\r\n")
            with client.makefile("rb") as answers:
                codes = re.findall(r"HTTP/1.1 (\d+)", answers.read().decode())
        if len(codes) != 20 or codes[:3] != ["200"] * 3 or set(codes) != {"200", "429"}:
            raise Failed(f"limit_req: {codes}")
        self._say(f"limit_req burst=2 nodelay: {' '.join(codes[:6])} ...")

    def reload(self) -> None:
        """A configuration that is wrong changes nothing; one that is right says what it changed."""
        broken = self.debian.folder / "etc/proxyd/conf.d/broken.conf"
        broken.write_text("server { listen 80; no_such_directive on; }\n")
        said = self.debian.run("proxyd", "reload", fails=True)
        broken.unlink()
        self._say(f"proxyd reload of a broken file: {_last_line(said)}")
        self._say(f"proxyd reload: {_last_line(self.debian.run('proxyd', 'reload')) or 'done'}")

    def rotate(self, traffic: Traffic) -> None:
        """logrotate, as its timer and as cron call it, again and again."""
        rules = self.debian.folder / "etc/logrotate.d/proxyd"
        kept = rules.read_text()
        rules.write_text(kept.replace("rotate 14", "rotate 1000").replace("daily", "size 1"))
        for turn in range(_ROTATIONS):
            traffic.wait_for_answers(50)
            if turn == 0 and self.booted is not None:  # what logrotate.timer starts
                self.debian.run("systemctl", "start", "logrotate")
            else:
                self.debian.run("logrotate", "--force", "/etc/logrotate.d/proxyd")
        rules.write_text(kept)
        self._say(f"{_ROTATIONS} rotations, {len(traffic.tally.answered)} requests so far")

    def upgrade(self, traffic: Traffic, unit: Unit | Service) -> None:
        """A higher version, under load; the main process is another one afterwards."""
        before, answered = unit.main_pid, len(traffic.tally.answered)
        said = self.debian.run("dpkg", "--force-confold", "--install", f"/{_DEBS}/{self.new.name}")
        unit.wait_for_another(before)
        if not unit.running:
            raise Failed(f"no new main process: {unit.main_pid}\n{said}")
        unit.wait_for_end(before)
        etc = self.debian.folder / "etc/proxyd"
        if (
            "The configuration of" in (etc / "proxyd.conf").read_text()
            or not (etc / "proxyd.conf.dpkg-dist").exists()
        ):
            raise Failed("the upgrade replaced a configuration that was changed")
        if any((self.debian.folder / "usr/lib/proxyd").glob("0*")):
            raise Failed("the folder of the old version is still there")
        during = len(traffic.tally.answered) - answered
        self._say(
            f"upgrade to {self.new.name}: process {before} -> {unit.main_pid}, {during} requests meanwhile"
        )
        self._say(f"proxyd -v: {self.debian.run('proxyd', '-v').strip()}")

    def check_traffic(self, failures: list[str], sent: int, reopened: int) -> None:
        """No request may have failed."""
        if failures:
            raise Failed(f"{len(failures)} of {sent} requests failed: {'; '.join(failures[:5])}")
        self._say(
            f"{sent} requests, 0 failed ({reopened} found their kept connection closed and were sent again)"
        )

    def check_logs(self, answered: list[int]) -> None:
        """Each answered request has one line in one of the logs."""
        self.debian.run("proxyd", "reopen")
        lines: Counter[int] = Counter()
        for path in (self.debian.folder / "var/log/proxyd").glob("access.log*"):
            text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            lines.update(int(number) for number in re.findall(rb'"GET /n/(\d+) HTTP/1.1" 200', text))
        lost = set(answered) - set(lines)
        doubled = [number for number, times in lines.items() if times > 1]
        if lost or doubled:
            raise Failed(f"log lines: {len(lost)} lost, {len(doubled)} doubled of {len(answered)}")
        self._say(f"{len(answered)} log lines in {_ROTATIONS + 1} files: 0 lost, 0 doubled")

    def remove(self, unit: Unit | Service) -> None:
        """Removal ends the service and leaves the configuration."""
        self.debian.run("apt-get", "-y", "remove", "proxyd")
        if unit.running:
            raise Failed("the service still runs after its removal")
        if not (self.debian.folder / "etc/proxyd/conf.d/app.conf").exists():
            raise Failed("removal took the configuration away")
        self._say("apt remove: the service has ended, the configuration is still there")

    def again(self) -> None:
        """Installed again after its removal, it serves as before."""
        self.debian.run("apt-get", "-y", "install", f"/{_DEBS}/{self.new.name}")
        if Service(self.debian).show("ActiveState") != "active":
            raise Failed("it does not run after remove and install")
        self._say("apt install after apt remove: it serves again")

    def address_taken(self) -> None:
        """Port 80 belongs to somebody else: the installation says so and succeeds."""
        with socket.create_server(("0.0.0.0", 80)):
            said = self._install_by_dpkg() if self.booted is not None else self._install_with_stand_in()
        told = [line for line in said.splitlines() if "not started" in line]
        if not told or "bind() to 0.0.0.0:80 failed" not in told[0]:
            raise Failed(f"the installation does not say that port 80 is taken:\n{said}")
        self._say(f"installed while port 80 is taken: {told[0]}")
        if self.booted is not None:
            service = Service(self.debian)
            found = service.show("ActiveState"), service.show("UnitFileState")
            if found != ("inactive", "disabled"):
                raise Failed(f"port 80 is taken, and the service is {found}")
            self.debian.run("systemctl", "enable", "--now", "proxyd")
            self._say("systemctl enable --now proxyd, once the port is free: it serves")

    def _install_by_dpkg(self) -> str:
        return self.debian.run("dpkg", "--install", f"/{_DEBS}/{self.old.name}")

    def _install_with_stand_in(self) -> str:
        manager = self.debian.folder / "usr/local/bin/systemctl"
        manager.write_text(_SYSTEMCTL)
        manager.chmod(0o755)
        runs = self.debian.folder / "run/systemd/system"
        runs.mkdir(parents=True)
        said = self._install_by_dpkg()
        manager.unlink()
        runs.rmdir()
        return said

    def purge(self, before: set[str]) -> None:
        """Nothing is left, and nothing else is gone."""
        self.debian.run("apt-get", "-y", "purge", "proxyd")
        self.debian.run("sh", "-c", "userdel nginx || true")
        after = self.debian.files()
        if after != before:
            left, gone = sorted(after - before), sorted(before - after)
            raise Failed(f"purge left {left[:20]} and took {gone[:20]}")
        for file in ("etc/passwd", "etc/group"):
            if "proxyd" in (self.debian.folder / file).read_text():
                raise Failed(f"purge left proxyd in {file}")
        self._say("apt purge: nothing is left")

    def _say(self, text: str) -> None:
        print(f"- {text}", flush=True)


def _own_network() -> None:
    """From here on the addresses are ours alone: port 80 is free whoever else runs on this machine."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET):
        raise Failed(f"unshare: {os.strerror(ctypes.get_errno())}")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
