"""Living under systemd: what the unit promises, asked of a systemd that runs."""

from __future__ import annotations

import re
import socket
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.package.booted import Service
from tests.package.fresh import Debian, Failed

_DROP_IN = "etc/systemd/system/proxyd.service.d/test.conf"
# What the master may do, by the bits of capabilities(7): change owners, override permissions, send signals,
# take other identities, bind low ports, let workers have what `proxy_bind ... transparent` needs, raise
# priorities and limits.
_CAPABILITIES = {0, 1, 3, 5, 6, 7, 10, 13, 23, 24}
_SILENT = """
server {
    listen 80;
    server_name silent.example.com;
    location / { proxy_pass http://127.0.0.1:3001; }
}
"""
_SECONDS = 30.0


class Life:
    """The steps, in order."""

    def __init__(self, debian: Debian, service: Service, say: Callable[[str], None]) -> None:
        self.debian, self.service, self._say = debian, service, say

    def run(self) -> None:
        """All of it; the service runs before and after."""
        self.status()
        self.reloads()
        self.hardening()
        self.goes_back()
        self.killed()
        self.upgraded()
        self.hangs()
        self.ends_in_time()
        self.comes_when_it_can()

    def status(self) -> None:
        """What an operator looks at first."""
        shown = self.debian.run("systemctl", "status", "--no-pager", "proxyd")
        for words in (
            "enabled",
            "active (running)",
            'Status: "serving, generation 1"',
            "master process",
            "worker process",
        ):
            if words not in shown:
                raise Failed(f"systemctl status lacks {words}:\n{shown}")
        self._say('systemctl status proxyd: active (running), "serving, generation 1"')

    def reloads(self) -> None:
        """`systemctl reload`: what changed, or why not, is in the journal; the service stays what it was."""
        before = self.service.main_pid
        self.debian.run("systemctl", "reload", "proxyd")
        self._expect("StatusText", "serving, generation 2")
        broken = self.debian.folder / "etc/proxyd/conf.d/broken.conf"
        broken.write_text("server { listen 80; no_such_directive on; }\n")
        self.debian.run("systemctl", "reload", "proxyd", fails=True)
        broken.unlink()
        self._expect("ActiveState", "active")
        self._expect("StatusText", "serving, generation 2")
        told = self.service.told()
        for words in (
            "reloaded in",
            'unknown directive "no_such_directive" in /etc/proxyd/conf.d/broken.conf:1',
        ):
            if words not in told:
                raise Failed(f"the journal lacks {words}:\n{told}")
        if self.service.main_pid != before:
            raise Failed("a reload changed the main process")
        self._say("systemctl reload proxyd: done; of a broken file: refused, the journal says why")

    def hardening(self) -> None:
        """What the unit takes away is away, and what proxyd needs is there."""
        pid = self.service.main_pid
        facts = self._facts(pid)
        held = {bit for bit in range(64) if int(facts["CapBnd"], 16) >> bit & 1}
        if not held <= _CAPABILITIES or facts["NoNewPrivs"] != "1" or facts["Seccomp"] != "2":
            raise Failed(f"the master: capabilities {sorted(held)}, {facts}")
        for worker in self.debian.run("cat", f"/proc/{pid}/task/{pid}/children").split():
            facts = self._facts(int(worker))
            if facts["CapEff"].strip("0") or facts["Uid"].split()[0] == "0":
                raise Failed(f"process {worker} has rights: {facts}")
        for place in ("/etc/proxyd", "/usr/lib", "/boot", "/root", "/home", "/sys/fs/cgroup"):
            self.debian.run("nsenter", f"--target={pid}", "--mount", "touch", f"{place}/probe", fails=True)
        for place in ("/var/log/proxyd", "/var/lib/proxyd", "/run/proxyd", "/tmp"):
            self.debian.run("nsenter", f"--target={pid}", "--mount", "touch", f"{place}/probe")
        if (self.debian.folder / "tmp/probe").exists():
            raise Failed("/tmp is not its own")
        self.debian.run("sh", "-c", "rm /var/log/proxyd/probe /var/lib/proxyd/probe /run/proxyd/probe")
        owner = self.debian.run("stat", "--format=%U:%G %a", "/var/log/proxyd").strip()
        if owner != "root:adm 750":
            raise Failed(f"/var/log/proxyd: {owner}")
        said = self.debian.run("systemd-analyze", "--no-pager", "security", "proxyd")
        exposure = re.search(r"exposure level for proxyd.service: ([\d.]+)", said)
        if exposure is None or float(exposure[1]) >= 4:
            raise Failed(said)
        self._say(f"hardened: {len(held)} capabilities, workers none; exposure {exposure[1]}")

    def killed(self) -> None:
        """kill -9 of the master: another one."""
        before = self.service.main_pid
        self._signal("KILL", before)
        self.service.wait_for_another(before)
        self._serves()
        self._say(f"kill -9 {before}: process {self.service.main_pid} serves")

    def goes_back(self) -> None:
        """`proxyd rollback` may write where the service itself may not."""
        site = self.debian.folder / "etc/proxyd/conf.d/default.conf"
        kept = site.read_text()
        site.write_text(kept.replace("proxyd works", "something else"))
        self.debian.run("proxyd", "reload")
        self.debian.run("proxyd", "rollback")
        if site.read_text() != kept:
            raise Failed(f"rollback did not restore {site}")
        self._serves()
        lines = self.debian.run("proxyd", "history").splitlines()
        self._say(f"proxyd rollback: {' '.join(lines[0].split())}")

    def upgraded(self) -> None:
        """A master that systemd did not start itself is watched as well."""
        before = self.service.main_pid
        self.debian.run("proxyd", "upgrade")
        self.service.wait_for_another(before)
        self._say(f"proxyd upgrade: process {before} -> {self.service.main_pid}")
        self.killed()

    def hangs(self) -> None:
        """A master that does nothing any more is ended by the watchdog, and replaced."""
        self._drop_in("WatchdogSec=2")
        self.service.start()
        before = self.service.main_pid
        self._signal("STOP", before)
        self.service.wait_for_another(before)
        self._serves()
        if "Watchdog timeout" not in self.service.told():
            raise Failed(f"no watchdog:\n{self.service.told()}")
        self._drop_in()
        self._say(f"kill -STOP {before}: the watchdog ended it, process {self.service.main_pid} serves")

    def ends_in_time(self) -> None:
        """A request that takes for ever does not make the end a failure."""
        stop = re.search(r"^ExecStop=(.*--within) \d+$", self._unit(), re.MULTILINE)
        if stop is None:
            raise Failed(self._unit())
        self._drop_in("ExecStop=", f"ExecStop={stop[1]} 0.1")
        site = self.debian.folder / "etc/proxyd/conf.d/silent.conf"
        site.write_text(_SILENT)
        self.service.start()
        with (
            socket.create_server(("127.0.0.1", 3001)) as silent,
            socket.create_connection(("127.0.0.1", 80)) as client,
        ):
            silent.settimeout(_SECONDS)
            client.sendall(b"GET / HTTP/1.1\r\nHost: silent.example.com\r\n\r\n")
            silent.accept()
            self.debian.run("systemctl", "stop", "proxyd")
        site.unlink()
        self._expect("Result", "success")
        self._expect("ActiveState", "inactive")
        self._drop_in()
        self._say("systemctl stop proxyd while a request runs for ever: success")

    def comes_when_it_can(self) -> None:
        """What keeps it from starting goes away: it starts, without anybody's help."""
        with socket.create_server(("0.0.0.0", 80)):
            said = self.debian.run("systemctl", "start", "proxyd", fails=True)
        self.service.wait_until("the start", lambda: self.service.show("ActiveState") == "active")
        self._serves()
        if "bind() to 0.0.0.0:80 failed (98: Address already in use)" not in self.service.told():
            raise Failed(f"the journal does not say why it did not start:\n{said}\n{self.service.told()}")
        self._say("systemctl start proxyd while port 80 is taken: fails and says why; serves when it is free")

    def _serves(self) -> None:
        with urllib.request.urlopen("http://127.0.0.1/", timeout=_SECONDS) as answer:
            body = answer.read()
        if not body.startswith(b"proxyd works."):
            raise Failed(f"the page of the installation: {body!r}")

    def _signal(self, name: str, pid: int) -> None:
        self.debian.run("sh", "-c", f"kill -{name} {pid}")

    def _expect(self, name: str, value: str) -> None:
        found = self.service.show(name)
        if found != value:
            raise Failed(f"{name} is {found}, not {value}:\n{self.service.told()}")

    def _unit(self) -> str:
        return self.debian.run("systemctl", "cat", "proxyd")

    def _facts(self, pid: int) -> dict[str, str]:
        lines = self.debian.run("cat", f"/proc/{pid}/status").splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def _drop_in(self, *lines: str) -> None:
        """Other settings for a while; none: as the package has it."""
        file: Path = self.debian.folder / _DROP_IN
        if lines:
            file.parent.mkdir(exist_ok=True)
            file.write_text("\n".join(["[Service]", *lines, ""]))
        else:
            file.unlink()
            file.parent.rmdir()
        self.debian.run("systemctl", "daemon-reload")
