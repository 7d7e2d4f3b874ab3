"""The same files, asked of nginx: what it takes proxyd takes; where it refuses proxyd says the same words.

The first line of a file may say where that is not so, and why: "# nginx: accepts (reason)" or "# nginx: says
otherwise (reason)" in bad/, "# nginx 1.22: refuses (reason)" in good/.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.config.test_golden import BAD, GOOD, HERE

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


def first_line(path: Path) -> str:
    return path.read_bytes().split(b"\n", 1)[0].decode(errors="replace")


def nginx_says(folder: str, name: str, tmp_path: Path) -> tuple[bool, str]:
    """Whether nginx -t accepts, and its error."""
    shutil.copytree(HERE / folder, tmp_path / folder)
    for needed in ("logs", f"{folder}/logs", "run"):
        (tmp_path / needed).mkdir(exist_ok=True)
    config = tmp_path / folder / f"{name}.conf"
    config.write_text(
        config.read_text(errors="surrogateescape").replace("two.example", "localhost"),
        errors="surrogateescape",
    )
    own_pid = re.search(r"\bpid\b", config.read_text(errors="replace")) is not None
    assert NGINX is not None
    command = [NGINX, "-t", "-q", "-e", "stderr", "-p", str(tmp_path), "-c", str(config)]
    if not own_pid:
        command += ["-g", "pid nginx.pid;"]
    run = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=60)
    error = re.search(r"\[emerg\] (?:\d+#\d+: )?(.*)", run.stderr)
    return run.returncode == 0, error[1] if error else ""


@pytest.mark.parametrize("name", GOOD)
def test_nginx_accepts_what_proxyd_accepts(name: str, tmp_path: Path) -> None:
    accepted, error = nginx_says("good", name, tmp_path)
    assert accepted is not first_line(HERE / "good" / f"{name}.conf").startswith("# nginx 1.22: refuses"), (
        error
    )


@pytest.mark.parametrize("name", BAD)
def test_proxyd_says_what_nginx_says(name: str, tmp_path: Path) -> None:
    accepted, error = nginx_says("bad", name, tmp_path)
    note = first_line(HERE / "bad" / f"{name}.conf")
    ours = (HERE / "bad" / f"{name}.errors").read_text()
    words = re.sub(r" in \S+:\d+$", "", error)
    if note.startswith("# nginx: accepts"):
        assert accepted, error
    elif note.startswith("# nginx: says otherwise"):
        assert not accepted
        assert words not in ours
    else:
        assert not accepted
        words = words.replace(f"{tmp_path}/bad", "bad").replace("\ufeff", "\\ufeff")
        assert words in ours
