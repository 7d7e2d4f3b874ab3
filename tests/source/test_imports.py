"""Who may import whom, in Python and in C, as ARCHITECTURE.md says: only rightwards.

A failure names each line that points the wrong way. The other way is open only through a function that the
lower layer asks for: a function pointer in C, a parameter in Python.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
C_LAYERS = ["python", "engine", "proxy", "http", "net", "shm", "base"]
PYTHON_LAYERS = ["cli", "process", "services", "shared"]
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"(?P<own>[^"]+)"|<(?P<system>[^>]+)>)')

# What is generated belongs to the layer that it describes.
GENERATED = {"log_levels.h": "base", "counters.h": "shm", "shm_layout.h": "shm"}
GENERATED_OTHERS = "proxy"


def c_layer(path: str) -> str:
    """The layer of a file below cextensions/; engine.[ch] and programs stand above all but python/."""
    parts = path.split("/")
    if parts[0] == "generated":
        return GENERATED.get(parts[-1], GENERATED_OTHERS)
    return parts[0] if len(parts) > 1 else "engine"


def c_faults(files: dict[str, str]) -> Iterator[str]:
    """One line per #include that points the wrong way. `files`: text by path below cextensions/."""
    for path, text in sorted(files.items()):
        own = c_layer(path)
        for number, line in enumerate(text.splitlines(), 1):
            found = INCLUDE.match(line)
            if found is None:
                continue
            if found["system"] == "Python.h" and own != "python":
                yield f"cextensions/{path}:{number}: only python/ includes Python.h"
            if found["own"] is None:
                continue
            # Beside the file first, as the compiler looks.
            beside = f"{path.rpartition('/')[0]}/{found['own']}".lstrip("/")
            other = c_layer(beside if beside in files else found["own"])
            if C_LAYERS.index(other) < C_LAYERS.index(own):
                yield f"cextensions/{path}:{number}: {own} includes {other} ({found['own']})"


def python_layer(module: str) -> str:
    """The layer of a module: those right in the package are the command line's, the engine is process's."""
    parts = module.split(".")
    if len(parts) == 1:
        return "package"
    if parts[1] == "_engine":
        return "process"
    return parts[1] if parts[1] in (*PYTHON_LAYERS, "config") else "cli"


def imported(tree: ast.AST, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """(line, module) of each import of our own modules, relative ones and those inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            start = ".".join(parts[: len(parts) + is_package - node.level]) if node.level else ""
            name = ".".join(part for part in (start, node.module or "") if part)
            for alias in node.names:  # `from proxyd import process` imports a module
                yield node.lineno, f"{name}.{alias.name}" if name == "proxyd" else name


def may_import(own: str, other: str) -> bool:
    """Whether a module of layer `own` may import one of layer `other`."""
    if other in ("package", own):
        return True
    if own == "config" or own == "package":
        return False
    if other == "config":
        return own != "shared"
    return PYTHON_LAYERS.index(own) < PYTHON_LAYERS.index(other)


def python_faults(files: dict[str, str]) -> Iterator[str]:
    """One line per import that points the wrong way. `files`: text by path below the project."""
    for path, text in sorted(files.items()):
        is_package = path.endswith("/__init__.py")
        module = path.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".")
        own = python_layer(module)
        for line, name in imported(ast.parse(text), module, is_package):
            if name.split(".")[0] == "proxyd" and not may_import(own, python_layer_of_name(name)):
                yield f"{path}:{line}: {own} imports {name}"


def python_layer_of_name(name: str) -> str:
    """As python_layer; `from proxyd import __version__` is the package itself."""
    return "package" if name.startswith("proxyd.__") else python_layer(name)


def read(top: Path, pattern: str, relative_to: Path) -> dict[str, str]:
    return {str(path.relative_to(relative_to)): path.read_text() for path in top.rglob(pattern)}


def test_no_include_points_the_wrong_way() -> None:
    top = TOP / "cextensions"
    files = read(top, "*.c", top) | read(top, "*.h", top)
    assert len(files) > 20
    assert not list(c_faults(files))


def test_no_import_points_the_wrong_way() -> None:
    files = read(TOP / "proxyd", "*.py", TOP)
    assert len(files) > 10
    assert not list(python_faults(files))


@pytest.mark.parametrize(
    ("path", "line", "fault"),
    [
        (
            "base/loop.c",
            '#include "net/listener.h"',
            "cextensions/base/loop.c:2: base includes net (net/listener.h)",
        ),
        ("http/a.c", '# include "engine.h"', "cextensions/http/a.c:2: http includes engine (engine.h)"),
        (
            "shm/a.c",
            '#include "generated/plan.h"',
            "cextensions/shm/a.c:2: shm includes proxy (generated/plan.h)",
        ),
        ("proxy/a.c", "#include <Python.h>", "cextensions/proxy/a.c:2: only python/ includes Python.h"),
        ("http/a.h", '#include "b.h"', None),
        ("net/a.c", '#include "base/loop.h"', None),
        ("net/a.c", '#include "generated/counters.h"', None),
        ("python/a.c", "#include <Python.h>", None),
        ("engine.c", '#include "proxy/request.h"', None),
    ],
)
def test_the_c_check_names_the_line(path: str, line: str, fault: str | None) -> None:
    files = {path: f"/* a comment */\n{line}\n", "http/b.h": ""}
    assert list(c_faults(files)) == ([fault] if fault else [])


@pytest.mark.parametrize(
    ("path", "line", "fault"),
    [
        ("proxyd/config/a.py", "import proxyd.process.master", "config imports proxyd.process.master"),
        ("proxyd/config/a.py", "from ..shared import counters", "config imports proxyd.shared"),
        ("proxyd/config/directives/a.py", "from ...shared.x import y", "config imports proxyd.shared.x"),
        ("proxyd/config/__init__.py", "from .. import cli", "config imports proxyd.cli"),
        (
            "proxyd/shared/a.py",
            "def f():\n    from proxyd.config import plan",
            "shared imports proxyd.config",
        ),
        ("proxyd/services/a.py", "from proxyd import _engine", "services imports proxyd._engine"),
        ("proxyd/process/a.py", "from proxyd import cli", "process imports proxyd.cli"),
        ("proxyd/process/a.py", "from proxyd import _engine, __version__", None),
        ("proxyd/process/a.py", "from proxyd.config.plan import Plan", None),
        ("proxyd/services/a.py", "from proxyd.shared import segments", None),
        ("proxyd/config/a.py", "from .plan import Plan", None),
        ("proxyd/cli.py", "from proxyd.process import master", None),
    ],
)
def test_the_python_check_names_the_line(path: str, line: str, fault: str | None) -> None:
    number = 1 + line.count("\n")
    assert list(python_faults({path: f"{line}\n"})) == ([f"{path}:{number}: {fault}"] if fault else [])
