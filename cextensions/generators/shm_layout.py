"""shm_layout.h: the records of shared memory as C structs whose offsets the compiler checks."""

from __future__ import annotations

from collections.abc import Iterator

from proxyd.shared import layout
from proxyd.shared.counters import COUNTERS
from proxyd.shared.layout import RECORDS, Record

_C_TYPES = {"u8": "uint8_t", "u32": "uint32_t", "u64": "uint64_t"}

# Numbers of proxyd/shared/layout/ that C uses under the same name.
_CONSTANTS = (
    *("LEDGER_MAGIC", "PEERS_MAGIC", "LIMIT_MAGIC", "LIMIT_REQ", "LIMIT_CONN", "LIMIT_WAYS", "LIMIT_REACH"),
    *("LIMIT_SEATS", "LIMIT_HOLDS", "LOG_REGIONS", "PEERS_MAX", "LOCK_WORDS"),
)
_STATES = ("REGION_FREE", "REGION_OPEN", "REGION_WRITING", "LOCK_RAW", "LOCK_READY")


def shm_layout_h() -> Iterator[str]:
    """The constants, the records, and how things are named."""
    yield from ("#include <stddef.h>", "#include <stdint.h>", "", '#include "generated/counters.h"', "")
    yield "/* The Ledgers of a crew, one behind the other, the master's at the end. Each:"
    yield " * header | counters | log regions | active u32[] | held u32[]"
    yield " * | cells u64[][PX_SLOT_CELLS] | slab."
    yield " * The peers Zone: header | records."
    yield " * A limit Zone: header | seats | buckets, each a header and its records | chunks. */"
    yield from ("", *_constants(), "")
    yield f'_Static_assert(PX_COUNTERS == {len(COUNTERS)}, "counters.h is of another build");'
    yield ""
    for record in RECORDS:
        yield from _record(record)
    yield _DIGEST


def _constants() -> Iterator[str]:
    values = {
        "SHM_LAYOUT": layout.LAYOUT,
        **{name: getattr(layout, name) for name in _CONSTANTS},
        "SHM_DIGEST_BYTES": layout.DIGEST_BYTES,
        **{name: getattr(layout, name) for name in _STATES},
    }
    yield from (f"#define PX_{name} {value:#x}u" for name, value in values.items())


def _record(record: Record) -> Iterator[str]:
    struct = f"struct px_shm_{record.name}"
    meaning = record.meaning.replace("\n", "\n * ")
    yield from (f"/* {meaning} */", f"{struct} {{")
    for member in record.fields:
        c_type = f"_Atomic {_C_TYPES[member.type]}" if member.atomic else _C_TYPES[member.type]
        array = f"[{member.count}]" if member.count > 1 else ""
        yield f"    {c_type} {member.name}{array}; /* {member.meaning} */"
    yield "};"
    yield f'_Static_assert(sizeof({struct}) == {record.size}, "{record.name}: size");'
    for name, offset in record.offsets.items():
        yield f'_Static_assert(offsetof({struct}, {name}) == {offset}, "{record.name}.{name}");'
    yield ""


_DIGEST = """\
/* Names things in shared memory: FNV-1a of 64 bits, twice; digest() in layout/record.py. */
static inline void px_shm_digest(const void *bytes, size_t length, uint8_t out[PX_SHM_DIGEST_BYTES])
{
    const unsigned char *at = (const unsigned char *)bytes;
    uint64_t one = UINT64_C(0xcbf29ce484222325), two = UINT64_C(0x9ae16a3b2f90404f);

    for (size_t i = 0; i < length; i++) {
        one = (one ^ at[i]) * UINT64_C(0x100000001b3);
        two = (two ^ at[i]) * UINT64_C(0x100000001b3);
    }
    for (int i = 0; i < 8; i++) {
        out[i] = (uint8_t)(one >> (8 * i));
        out[8 + i] = (uint8_t)(two >> (8 * i));
    }
}"""
