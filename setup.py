"""Build proxyd's one C extension, `proxyd._engine`, from everything below cextensions/.

The rest of the package is described in pyproject.toml. What this file adds to setuptools:

- a source is compiled again only when it, a header it includes, or the command line changed;
- sources are compiled in parallel;
- PROXYD_SANITIZE=1 builds with AddressSanitizer and UndefinedBehaviorSanitizer (see `make asan`);
- PROXYD_WERROR=1 turns warnings into errors (CI sets it).
"""

from __future__ import annotations

import os
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# System libraries, as pkg-config names them. A new one is added here and in debian-packages.txt.
LIBRARIES = ["libpcre2-8", "zlib"]

# -fno-strict-aliasing: socket addresses and shared-memory records are read through several types.
COMPILE = [
    "-std=c11",
    "-D_GNU_SOURCE",
    "-O2",
    "-g",
    "-Wall",
    "-Wextra",
    "-Wshadow",
    "-fno-strict-aliasing",
    "-fvisibility=hidden",
    "-fno-semantic-interposition",
    "-pthread",
]
LINK = ["-pthread"]

SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
# Python's own flags come first: -DNDEBUG would hide assertions, -fwrapv signed overflow.
SANITIZE_COMPILE = [*SANITIZE, "-O1", "-fno-omit-frame-pointer", "-fno-wrapv", "-UNDEBUG", "-DPX_DEBUG=1"]


def sources() -> list[str]:
    """Every C file of the engine; a file with its own main() is named main_*.c and is no part of it."""
    found = Path("cextensions").rglob("*.c")
    return sorted(
        str(path) for path in found if not path.name.startswith("main_") and "tests" not in path.parts
    )


def pkg_config(option: str) -> list[str]:
    """The flags that pkg-config gives for all LIBRARIES."""
    command = [os.environ.get("PKG_CONFIG", "pkg-config"), option, *LIBRARIES]
    try:
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except FileNotFoundError:
        raise SystemExit("pkg-config is missing; `make deps` installs what the build needs") from None
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{error.stderr}`make deps` installs what the build needs") from None
    return shlex.split(output)


def flag_set(name: str) -> bool:
    """Whether the environment variable `name` is set to something other than 0."""
    return os.environ.get(name, "0") not in ("", "0")


def engine() -> Extension:
    """The extension, with the flags that the environment asks for."""
    compile_flags, link_flags = [*COMPILE], [*LINK]
    if flag_set("PROXYD_WERROR"):
        compile_flags.append("-Werror")
    if flag_set("PROXYD_SANITIZE"):
        compile_flags += SANITIZE_COMPILE
        link_flags += SANITIZE
    return Extension(
        "proxyd._engine",
        sources(),
        include_dirs=["cextensions"],
        extra_compile_args=compile_flags + pkg_config("--cflags"),
        extra_link_args=link_flags + pkg_config("--libs"),
    )


def is_current(target: Path, dependencies: Path) -> bool:
    """Whether `target` is newer than all that the compiler wrote to its `dependencies` file (-MMD)."""
    if not target.exists() or not dependencies.exists():
        return False
    _, _, listed = dependencies.read_text().replace("\\\n", " ").partition(":")
    made = target.stat().st_mtime_ns
    try:
        return all(Path(name).stat().st_mtime_ns < made for name in listed.split("\n", 1)[0].split())
    except FileNotFoundError:
        return False


class BuildEngine(build_ext):
    """build_ext that compiles only what changed, several files at a time."""

    def build_extension(self, ext: Extension) -> None:
        self.force = True  # the check below is finer than "any source is newer than the result"
        self.compiler.compile = self.compile_changed
        super().build_extension(ext)

    def compile_changed(
        self,
        sources: list[str],
        output_dir: str | None = None,
        macros: Any = None,
        include_dirs: list[str] | None = None,
        debug: bool = False,
        extra_preargs: list[str] | None = None,
        extra_postargs: list[str] | None = None,
        depends: list[str] | None = None,
    ) -> list[str]:
        """Stand in for the compiler's own compile(): same arguments, same result (the object files)."""
        compiler = self.compiler
        macros, objects, extra, flags, build = compiler._setup_compile(
            output_dir, macros, include_dirs, sources, depends, extra_postargs
        )
        common = compiler._get_cc_args(flags, debug, extra_preargs)
        command_changed = self.remember_command(objects, [*compiler.compiler_so, *common, *extra])

        def compile_one(target: str) -> None:
            source, extension = build[target]
            dependencies = Path(target).with_suffix(".d")
            if command_changed or not is_current(Path(target), dependencies):
                compiler._compile(
                    target, source, extension, [*common, "-MMD", "-MF", str(dependencies)], extra, flags
                )

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(compile_one, objects))
        return list(objects)

    def remember_command(self, objects: list[str], command: list[str]) -> bool:
        """Write `command` beside the objects and tell whether it differs from the last build's."""
        if not objects:
            return False
        record = Path(os.path.commonpath([str(Path(name).parent) for name in objects])) / "command.txt"
        text = shlex.join(command)
        changed = not record.exists() or record.read_text() != text
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(text)
        return changed


setup(ext_modules=[engine()], cmdclass={"build_ext": BuildEngine})
