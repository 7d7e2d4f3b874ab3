"""Write what is declared in Python into C and into the reference pages.

    python cextensions/generate.py            write cextensions/generated/ and docs/reference/
    python cextensions/generate.py --check    write nothing; exit 1 and name the files that are stale

The declarations: proxyd/config/plan/ and the directive table (Structs), proxyd/config/variables.py and
levels.py, proxyd/shared/counters.py, cells.py, reasons.py and layout/. How each becomes text:
cextensions/generators/.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from cextensions.generators import pages, plan_readers, plan_structs, shm_layout, tables  # noqa: E402
from cextensions.generators.c import header  # noqa: E402
from proxyd.config import reference  # noqa: E402


def text(lines: Iterable[str]) -> str:
    """Lines to the text of a file."""
    return "\n".join(lines) + "\n"


def outputs() -> dict[str, str]:
    """Every generated file, by its path from the root."""
    return {
        **_headers(
            ("plan", "config/plan/ and the directive table", plan_structs.plan_h()),
            ("plan_kinds", "config/plan/", plan_structs.plan_kinds_h()),
            ("plan_read", "config/plan/ and the directive table", plan_readers.plan_read_h()),
            ("variables", "config/variables.py", tables.variables_h()),
            ("log_levels", "config/levels.py", tables.log_levels_h()),
            ("counters", "shared/counters.py and cells.py", tables.counters_h()),
            ("reasons", "shared/reasons.py", tables.reasons_h()),
            ("shm_layout", "shared/layout/", shm_layout.shm_layout_h()),
            ("version", "__init__.py", tables.version_h()),
        ),
        "cextensions/generated/plan_read.c": text(plan_readers.plan_read_c()),
        "docs/reference/directives.md": reference.directives_page(),
        "docs/reference/variables.md": reference.variables_page(),
        "docs/reference/nginx.md": reference.nginx_page(),
        "docs/reference/counters.md": text(pages.counters_page()),
        "docs/reference/reasons.md": text(pages.reasons_page()),
    }


def _headers(*headers: tuple[str, str, Iterable[str]]) -> dict[str, str]:
    return {
        f"cextensions/generated/{name}.h": text(header(name, declared_in, body))
        for name, declared_in, body in headers
    }


def stale(files: dict[str, str]) -> list[str]:
    """Those that differ from what is on disk."""
    return [
        name
        for name, content in files.items()
        if not (ROOT / name).exists() or (ROOT / name).read_text() != content
    ]


def main(arguments: list[str]) -> int:
    """Write, or check."""
    wrong = stale(files := outputs())
    for name in wrong:
        if "--check" in arguments:
            print(f"{name} is stale: run `make generate`", file=sys.stderr)
        else:
            (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / name).write_text(files[name])
            print(f"wrote {name}")
    return 1 if wrong and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
