"""Configurations and what becomes of them: good/*.conf to a Plan, bad/*.conf to errors.

PROXYD_UPDATE_GOLDEN=1 writes the expected files anew; read the difference before you commit it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from proxyd.config.compile import Compiled, compile_file
from proxyd.config.dump import readable

HERE = Path(__file__).parent
GOOD = sorted(path.stem for path in (HERE / "good").glob("*.conf"))
BAD = sorted(path.stem for path in (HERE / "bad").glob("*.conf"))
HOSTS = {
    "localhost": [(4, bytes([127, 0, 0, 1]))],
    "two.example": [(4, bytes([192, 0, 2, 1])), (6, bytes.fromhex("20010db8" + "0" * 22 + "01"))],
}


def compile_golden(name: str, monkeypatch: pytest.MonkeyPatch) -> Compiled:
    """Compile with everything that a machine could decide decided."""
    monkeypatch.chdir(HERE)
    return compile_file(
        name, prefix="/srv/proxyd", resolve=lambda host, port: HOSTS.get(host, []), cpus=4, root=True
    )


def compare(path: Path, found: str) -> None:
    """Compare with a golden file, or write it."""
    if os.environ.get("PROXYD_UPDATE_GOLDEN"):
        path.write_text(found)
    assert path.exists(), f"{path.name} is missing: PROXYD_UPDATE_GOLDEN=1 writes it"
    assert found == path.read_text()


@pytest.mark.parametrize("name", GOOD)
def test_good_configuration_compiles_to_its_plan(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = compile_golden(f"good/{name}.conf", monkeypatch)
    assert compiled.plan is not None, "\n".join(map(str, compiled.diagnostics))
    shown = readable(compiled.plan)
    warnings = [str(diagnostic) for diagnostic in compiled.diagnostics]
    if warnings:
        shown = {"warnings": warnings, **shown}
    text = json.dumps(shown, indent=2, ensure_ascii=False)
    compare(HERE / "good" / f"{name}.plan.json", text + "\n")


@pytest.mark.parametrize("name", BAD)
def test_bad_configuration_gets_its_errors(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = compile_golden(f"bad/{name}.conf", monkeypatch)
    assert compiled.plan is None
    text = "".join(f"{diagnostic}\n" for diagnostic in compiled.diagnostics)
    compare(HERE / "bad" / f"{name}.errors", text)
