"""Make seeds of the targets that need Plans, from the configurations in tests/config/good.

Usage: python seeds.py plan_reader|plan|template DIRECTORY
       python seeds.py conf CONFIGURATION FILE

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

from proxyd.config import variables  # noqa: E402
from proxyd.config.compile import compile_file  # noqa: E402
from proxyd.config.plan import DIGEST_BYTES, EnginePlan, PlanObject  # noqa: E402

LOCALHOST = (4, b"\x7f\0\0\1")


def kinds() -> dict[str, int]:
    """The number of each kind's name, as C has it."""
    text = (TOP / "cextensions/generated/plan_kinds.h").read_text()
    constants = re.findall(r"^    PX_PLAN_([A-Z_]+),?$", text, re.MULTILINE)
    names = [name.replace("_", "").lower() for name in constants if name != "KINDS"]
    return {name: number for number, name in enumerate(names)}


def compiled(path: Path, prefix: str = "/") -> list[PlanObject]:
    """The objects of a configuration; none when it is wrong."""
    found = compile_file(str(path), prefix=prefix, resolve=lambda _host, _port: [LOCALHOST], cpus=2)
    return msgspec.msgpack.decode(found.plan.engine, type=EnginePlan).objects if found.plan else []


def plans() -> list[list[PlanObject]]:
    """The objects of each good configuration that makes a Plan."""
    found = [compiled(path) for path in sorted((TOP / "tests/config/good").glob("*.conf"))]
    return [objects for objects in found if objects]


def of_plan_reader(objects: list[PlanObject], numbers: dict[str, int]) -> list[bytes]:
    """One seed for each object."""
    return [bytes([numbers[item.kind.lower()]]) + item.body for item in objects]


def of_plan(objects: list[PlanObject], numbers: dict[str, int]) -> bytes:
    """One seed for the whole Plan."""
    seed = b""
    for number, item in enumerate(objects, 1):
        body = item.body
        for earlier, other in enumerate(objects[: number - 1], 1):
            body = body.replace(other.digest, bytes([earlier % 256]) + bytes(DIGEST_BYTES - 1))
        seed += bytes([numbers[item.kind.lower()], number % 256]) + len(body).to_bytes(2, "big") + body
    return seed


def of_template() -> list[bytes]:
    """For each golden request: every variable, and pieces of the other kinds."""
    pieces = b"\x00\x05hello" + b"\x02\x00\x02\x01" + b"\x03\x01\x03\x02"
    numbers = range(len(variables.NUMBER))
    everything = [bytes([4 * (number % 64) + 1, 4 + number // 64 * 64]) + b"kind" for number in numbers]
    few = [b"".join(everything[at : at + 20]) for at in range(0, len(everything), 20)]
    heads = [path.read_bytes() for path in sorted((TOP / "tests/http1/valid").glob("parse-request-*.http"))]
    heads += [head.replace(b" / ", b" /abc/d?kind=a-1 ") for head in heads]
    return [head + piece for head in heads for piece in [pieces, *few]]


def seeds(target: str, numbers: dict[str, int]) -> list[bytes]:
    """All seeds of a target."""
    if target == "template":
        return of_template()
    if target == "plan":
        return [of_plan(objects, numbers) for objects in plans()]
    return [seed for objects in plans() for seed in of_plan_reader(objects, numbers)]


def write_plan(configuration: str, where: Path) -> None:
    """Write the Plan of a configuration beside this file, where its paths begin, as of_plan does."""
    here = Path(__file__).resolve().parent
    where.parent.mkdir(parents=True, exist_ok=True)
    where.write_bytes(of_plan(compiled(here / configuration, f"{here}/"), kinds()))


def main(target: str, where: Path) -> None:
    """Write each seed under the digest of its bytes."""
    where.mkdir(parents=True, exist_ok=True)
    for seed in seeds(target, kinds()):
        (where / hashlib.sha1(seed).hexdigest()[:16]).write_bytes(seed)


if __name__ == "__main__":
    if sys.argv[1] == "conf":
        write_plan(sys.argv[2], Path(sys.argv[3]))
    else:
        main(sys.argv[1], Path(sys.argv[2]))
