"""The layout of shared memory: each record once, with its offsets, for Python's readers and for C.

These segments exist. The **Ledgers** of a crew, one per worker and behind them the master's, ``stride`` bytes
each, in this order::

    ledger header | counters u64[PX_COUNTERS] | log regions | active u32[] | held u32[]
    | cells u64[][PX_SLOT_CELLS] | slab

A worker maps all and may write to its own alone; so whoever adds up reads the same cells as the master. The
cells ``active``, ``held`` and ``cells`` (cells.py) have the index of their slot in the peers Zone; only this
worker writes them. ``active``: connections to the peer that carry a Request or tunnel. ``held``: how many
loaded Upstreams and Servers of this worker refer to the slot; a slot that nobody holds may be evicted when
the Zone is full.

The **peers Zone**, one for all workers: ``peers header | peer records [capacity]``.

A **limit Zone**, one for each ``limit_req_zone`` and ``limit_conn_zone``::

    limit header | seats | buckets, each a bucket header and LIMIT_WAYS records | chunks of holds

Seats and chunks are there for limit_conn alone: a worker sits down when it opens the Zone, and what its
requests hold is written in holds that belong to its seat. cextensions/shm/limit_conn.h says how that
survives a death at any instruction.

Numbers are little-endian and naturally aligned. Segments hold offsets, never pointers. Whoever reads what
another process writes checks each offset and length first. ``LAYOUT`` is a digest of all of this: a segment
of another layout is refused.

The files of this folder: record (what all are made of), ledger, peers, limits (a segment each), whole.
C reads ``cextensions/generated/shm_layout.h``.
"""

from __future__ import annotations

from proxyd.shared.layout.ledger import *
from proxyd.shared.layout.limits import *
from proxyd.shared.layout.peers import *
from proxyd.shared.layout.record import *
from proxyd.shared.layout.whole import *
