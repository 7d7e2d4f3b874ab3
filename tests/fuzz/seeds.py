"""Make seeds of the targets that read Plans, from the configurations in tests/config/good.

Usage: python seeds.py plan_reader|plan DIRECTORY

An input of plan_reader is one object: its kind's number, then its bytes. An input of plan is a whole Plan in
a form that survives mutation: records of kind, number, length (two bytes, big-endian) and bytes, where a
digest is the number of the object and 15 zeros. The numbers of kinds are those of generated/plan_kinds.h.
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

import msgspec

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP))

from proxyd.config.compile import compile_file  # noqa: E402
from proxyd.config.plan import DIGEST_BYTES, EnginePlan, PlanObject  # noqa: E402

LOCALHOST = (4, b"\x7f\0\0\1")


def kinds() -> dict[str, int]:
    """The number of each kind's name, as C has it."""
    text = (TOP / "cextensions/generated/plan_kinds.h").read_text()
    constants = re.findall(r"^    PX_PLAN_([A-Z_]+),?$", text, re.MULTILINE)
    names = [name.replace("_", "").lower() for name in constants if name != "KINDS"]
    return {name: number for number, name in enumerate(names)}


def plans() -> list[list[PlanObject]]:
    """The objects of each good configuration that makes a Plan."""
    found = []
    for path in sorted((TOP / "tests/config/good").glob("*.conf")):
        compiled = compile_file(
            str(path), prefix="/", resolve=lambda _host, _port: [(4, b"\x7f\0\0\1")], cpus=2
        )
        if compiled.plan:
            found.append(msgspec.msgpack.decode(compiled.plan.engine, type=EnginePlan).objects)
    return found


def of_plan_reader(objects: list[PlanObject], numbers: dict[str, int]) -> list[bytes]:
    """One seed for each object."""
    return [bytes([numbers[item.kind.lower()]]) + item.body for item in objects]


def of_plan(objects: list[PlanObject], numbers: dict[str, int]) -> list[bytes]:
    """One seed for the whole Plan."""
    seed = b""
    for number, item in enumerate(objects, 1):
        body = item.body
        for earlier, other in enumerate(objects[: number - 1], 1):
            body = body.replace(other.digest, bytes([earlier % 256]) + bytes(DIGEST_BYTES - 1))
        seed += bytes([numbers[item.kind.lower()], number % 256]) + len(body).to_bytes(2, "big") + body
    return [seed]


def main(target: str, directory: Path) -> None:
    """Write each seed under the digest of its bytes."""
    make = {"plan_reader": of_plan_reader, "plan": of_plan}[target]
    numbers = kinds()
    directory.mkdir(parents=True, exist_ok=True)
    for objects in plans():
        for seed in make(objects, numbers):
            (directory / hashlib.sha1(seed).hexdigest()[:16]).write_bytes(seed)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
