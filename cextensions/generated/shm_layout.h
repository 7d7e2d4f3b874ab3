/* Made by cextensions/generate.py from proxyd/shared/layout/. Do not edit. */
#ifndef PX_GENERATED_SHM_LAYOUT_H
#define PX_GENERATED_SHM_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "generated/counters.h"

/* The Ledgers of a crew, one behind the other, the master's at the end. Each:
 * header | counters | log regions | active u32[] | held u32[]
 * | cells u64[][PX_SLOT_CELLS] | slab.
 * The peers Zone: header | records.
 * A limit Zone: header | seats | buckets, each a header and its records | chunks. */

#define PX_SHM_LAYOUT 0x3cbfb3afu
#define PX_LEDGER_MAGIC 0x4c585050u
#define PX_PEERS_MAGIC 0x50585050u
#define PX_LIMIT_MAGIC 0x54585050u
#define PX_LIMIT_REQ 0x1u
#define PX_LIMIT_CONN 0x2u
#define PX_LIMIT_WAYS 0x8u
#define PX_LIMIT_REACH 0x40u
#define PX_LIMIT_SEATS 0x100u
#define PX_LIMIT_HOLDS 0x1fu
#define PX_LOG_REGIONS 0x40u
#define PX_PEERS_MAX 0x10000u
#define PX_LOCK_WORDS 0x6u
#define PX_SHM_DIGEST_BYTES 0x10u
#define PX_REGION_FREE 0x0u
#define PX_REGION_OPEN 0x1u
#define PX_REGION_WRITING 0x2u
#define PX_LOCK_RAW 0x0u
#define PX_LOCK_READY 0xffffffffu

_Static_assert(PX_COUNTERS == 102, "counters.h is of another build");

/* Start of a Ledger. The master writes it before the worker starts, except where said. */
struct px_shm_ledger_header {
    uint32_t magic; /* LEDGER_MAGIC */
    uint32_t layout; /* SHM_LAYOUT of the build that made it */
    uint64_t instance; /* random; names this segment in messages */
    uint32_t worker; /* the worker's index */
    uint32_t counter_count; /* PX_COUNTERS */
    uint32_t peer_capacity; /* number of peer cells; the same as the peers Zone's capacity */
    uint32_t region_count; /* LOG_REGIONS */
    uint32_t counters_offset; /* where the counters start */
    uint32_t regions_offset; /* where the log regions start */
    uint32_t active_offset; /* where the active cells start: u32[peer_capacity] */
    uint32_t held_offset; /* where the held cells start: u32[peer_capacity] */
    uint32_t slab_offset; /* where the slab starts, at a page */
    uint32_t slab_bytes; /* its size */
    _Atomic uint32_t pid; /* the worker writes it when it maps the Ledger */
    uint32_t ledger_count; /* Ledgers in the segment: one per worker, and the master's at the end */
    _Atomic uint64_t turns; /* loop turns; the worker adds one per turn */
    uint64_t stride; /* bytes from one Ledger to the next, whole pages */
    uint32_t cells_offset; /* where the cells start: u64[peer_capacity][PX_SLOT_CELLS] */
    uint32_t slot_cells; /* PX_SLOT_CELLS */
    _Atomic uint32_t changes; /* the master's: odd while it moves what the dead counted */
    uint32_t pad; /* zero */
    uint64_t spare[4]; /* zero */
};
_Static_assert(sizeof(struct px_shm_ledger_header) == 128, "ledger_header: size");
_Static_assert(offsetof(struct px_shm_ledger_header, magic) == 0, "ledger_header.magic");
_Static_assert(offsetof(struct px_shm_ledger_header, layout) == 4, "ledger_header.layout");
_Static_assert(offsetof(struct px_shm_ledger_header, instance) == 8, "ledger_header.instance");
_Static_assert(offsetof(struct px_shm_ledger_header, worker) == 16, "ledger_header.worker");
_Static_assert(offsetof(struct px_shm_ledger_header, counter_count) == 20, "ledger_header.counter_count");
_Static_assert(offsetof(struct px_shm_ledger_header, peer_capacity) == 24, "ledger_header.peer_capacity");
_Static_assert(offsetof(struct px_shm_ledger_header, region_count) == 28, "ledger_header.region_count");
_Static_assert(offsetof(struct px_shm_ledger_header, counters_offset) == 32, "ledger_header.counters_offset");
_Static_assert(offsetof(struct px_shm_ledger_header, regions_offset) == 36, "ledger_header.regions_offset");
_Static_assert(offsetof(struct px_shm_ledger_header, active_offset) == 40, "ledger_header.active_offset");
_Static_assert(offsetof(struct px_shm_ledger_header, held_offset) == 44, "ledger_header.held_offset");
_Static_assert(offsetof(struct px_shm_ledger_header, slab_offset) == 48, "ledger_header.slab_offset");
_Static_assert(offsetof(struct px_shm_ledger_header, slab_bytes) == 52, "ledger_header.slab_bytes");
_Static_assert(offsetof(struct px_shm_ledger_header, pid) == 56, "ledger_header.pid");
_Static_assert(offsetof(struct px_shm_ledger_header, ledger_count) == 60, "ledger_header.ledger_count");
_Static_assert(offsetof(struct px_shm_ledger_header, turns) == 64, "ledger_header.turns");
_Static_assert(offsetof(struct px_shm_ledger_header, stride) == 72, "ledger_header.stride");
_Static_assert(offsetof(struct px_shm_ledger_header, cells_offset) == 80, "ledger_header.cells_offset");
_Static_assert(offsetof(struct px_shm_ledger_header, slot_cells) == 84, "ledger_header.slot_cells");
_Static_assert(offsetof(struct px_shm_ledger_header, changes) == 88, "ledger_header.changes");
_Static_assert(offsetof(struct px_shm_ledger_header, pad) == 92, "ledger_header.pad");
_Static_assert(offsetof(struct px_shm_ledger_header, spare) == 96, "ledger_header.spare");

/* A log's buffer in the slab. Writer: the worker. After its death the master writes the lines out.
 * Claim: offset, size and path_digest first, then state OPEN (release).
 * Add a line: its bytes first, then used (release).
 * Write out: file_end and file_inode, then state WRITING (release), write(), used = 0, state OPEN. */
struct px_shm_log_region {
    uint8_t path_digest[16]; /* px_shm_digest of the log's path */
    uint32_t offset; /* from the slab's start */
    uint32_t size; /* bytes of the slab that are this region's */
    _Atomic uint32_t used; /* bytes of whole lines, from offset */
    _Atomic uint32_t state; /* REGION_* */
    uint64_t file_end; /* size of the file before this write(); all ones: not a regular file */
    uint64_t file_inode; /* of that file, which may have been rotated away meanwhile */
    uint32_t gzip; /* level at which the lines are compressed when they are written; 0: not */
    uint32_t pad; /* zero */
    uint64_t spare; /* zero */
};
_Static_assert(sizeof(struct px_shm_log_region) == 64, "log_region: size");
_Static_assert(offsetof(struct px_shm_log_region, path_digest) == 0, "log_region.path_digest");
_Static_assert(offsetof(struct px_shm_log_region, offset) == 16, "log_region.offset");
_Static_assert(offsetof(struct px_shm_log_region, size) == 20, "log_region.size");
_Static_assert(offsetof(struct px_shm_log_region, used) == 24, "log_region.used");
_Static_assert(offsetof(struct px_shm_log_region, state) == 28, "log_region.state");
_Static_assert(offsetof(struct px_shm_log_region, file_end) == 32, "log_region.file_end");
_Static_assert(offsetof(struct px_shm_log_region, file_inode) == 40, "log_region.file_inode");
_Static_assert(offsetof(struct px_shm_log_region, gzip) == 48, "log_region.gzip");
_Static_assert(offsetof(struct px_shm_log_region, pad) == 52, "log_region.pad");
_Static_assert(offsetof(struct px_shm_log_region, spare) == 56, "log_region.spare");

/* Start of the peers Zone. The master writes it, except the lock. */
struct px_shm_peers_header {
    uint32_t magic; /* PEERS_MAGIC */
    uint32_t layout; /* SHM_LAYOUT of the build that made it */
    uint64_t instance; /* random; names this segment in messages */
    uint32_t capacity; /* number of records */
    uint32_t records_offset; /* where they start */
    _Atomic uint32_t lock_state; /* LOCK_RAW, LOCK_READY, or the pid of who initialises it */
    uint32_t pad; /* zero */
    uint64_t spare[4]; /* zero */
    uint64_t lock[8]; /* a robust process-shared pthread_mutex_t */
};
_Static_assert(sizeof(struct px_shm_peers_header) == 128, "peers_header: size");
_Static_assert(offsetof(struct px_shm_peers_header, magic) == 0, "peers_header.magic");
_Static_assert(offsetof(struct px_shm_peers_header, layout) == 4, "peers_header.layout");
_Static_assert(offsetof(struct px_shm_peers_header, instance) == 8, "peers_header.instance");
_Static_assert(offsetof(struct px_shm_peers_header, capacity) == 16, "peers_header.capacity");
_Static_assert(offsetof(struct px_shm_peers_header, records_offset) == 20, "peers_header.records_offset");
_Static_assert(offsetof(struct px_shm_peers_header, lock_state) == 24, "peers_header.lock_state");
_Static_assert(offsetof(struct px_shm_peers_header, pad) == 28, "peers_header.pad");
_Static_assert(offsetof(struct px_shm_peers_header, spare) == 32, "peers_header.spare");
_Static_assert(offsetof(struct px_shm_peers_header, lock) == 64, "peers_header.lock");

/* What all workers agree on about a peer. Changed under the lock; read by anyone. */
struct px_shm_peer_record {
    uint8_t key[16]; /* px_shm_digest of upstream name, NUL, peer name; zeros: free */
    _Atomic uint32_t fails; /* failures within fail_timeout, as nginx counts them */
    uint32_t pad; /* zero */
    _Atomic uint64_t accessed_s; /* CLOCK_MONOTONIC seconds of the last failure */
    _Atomic uint64_t checked_s; /* CLOCK_MONOTONIC seconds of the last failure, or try after it */
    _Atomic uint64_t claimed_s; /* CLOCK_MONOTONIC seconds when an Upstream last took it */
    uint64_t spare[2]; /* zero */
};
_Static_assert(sizeof(struct px_shm_peer_record) == 64, "peer_record: size");
_Static_assert(offsetof(struct px_shm_peer_record, key) == 0, "peer_record.key");
_Static_assert(offsetof(struct px_shm_peer_record, fails) == 16, "peer_record.fails");
_Static_assert(offsetof(struct px_shm_peer_record, pad) == 20, "peer_record.pad");
_Static_assert(offsetof(struct px_shm_peer_record, accessed_s) == 24, "peer_record.accessed_s");
_Static_assert(offsetof(struct px_shm_peer_record, checked_s) == 32, "peer_record.checked_s");
_Static_assert(offsetof(struct px_shm_peer_record, claimed_s) == 40, "peer_record.claimed_s");
_Static_assert(offsetof(struct px_shm_peer_record, spare) == 48, "peer_record.spare");

/* Start of a limit Zone. The master writes it, except the lock and what is atomic. */
struct px_shm_limit_header {
    uint32_t magic; /* LIMIT_MAGIC */
    uint32_t layout; /* SHM_LAYOUT of the build that made it */
    uint64_t instance; /* random; names this segment in messages */
    uint32_t kind; /* LIMIT_REQ or LIMIT_CONN */
    uint32_t buckets; /* number of buckets */
    uint32_t homes; /* keys are at home in the first so many; LIMIT_REQ: in all */
    uint32_t seats; /* number of seats; 0 for LIMIT_REQ */
    uint32_t chunks; /* number of chunks; 0 for LIMIT_REQ */
    uint32_t pad; /* zero */
    uint64_t seats_offset; /* where the seats start */
    uint64_t buckets_offset; /* where the buckets start */
    uint64_t chunks_offset; /* where the chunks start */
    uint64_t secret[2]; /* random: what keys are hashed with */
    _Atomic uint32_t lock_state; /* as in the peers header */
    _Atomic uint32_t seats_used; /* no seat from this one on was ever taken */
    uint64_t spare[5]; /* zero */
    uint64_t lock[8]; /* a robust process-shared pthread_mutex_t: for seats and chunks */
    _Atomic uint64_t used; /* records that have a key; changed when one gets its first */
    uint64_t spare2[7]; /* zero */
};
_Static_assert(sizeof(struct px_shm_limit_header) == 256, "limit_header: size");
_Static_assert(offsetof(struct px_shm_limit_header, magic) == 0, "limit_header.magic");
_Static_assert(offsetof(struct px_shm_limit_header, layout) == 4, "limit_header.layout");
_Static_assert(offsetof(struct px_shm_limit_header, instance) == 8, "limit_header.instance");
_Static_assert(offsetof(struct px_shm_limit_header, kind) == 16, "limit_header.kind");
_Static_assert(offsetof(struct px_shm_limit_header, buckets) == 20, "limit_header.buckets");
_Static_assert(offsetof(struct px_shm_limit_header, homes) == 24, "limit_header.homes");
_Static_assert(offsetof(struct px_shm_limit_header, seats) == 28, "limit_header.seats");
_Static_assert(offsetof(struct px_shm_limit_header, chunks) == 32, "limit_header.chunks");
_Static_assert(offsetof(struct px_shm_limit_header, pad) == 36, "limit_header.pad");
_Static_assert(offsetof(struct px_shm_limit_header, seats_offset) == 40, "limit_header.seats_offset");
_Static_assert(offsetof(struct px_shm_limit_header, buckets_offset) == 48, "limit_header.buckets_offset");
_Static_assert(offsetof(struct px_shm_limit_header, chunks_offset) == 56, "limit_header.chunks_offset");
_Static_assert(offsetof(struct px_shm_limit_header, secret) == 64, "limit_header.secret");
_Static_assert(offsetof(struct px_shm_limit_header, lock_state) == 80, "limit_header.lock_state");
_Static_assert(offsetof(struct px_shm_limit_header, seats_used) == 84, "limit_header.seats_used");
_Static_assert(offsetof(struct px_shm_limit_header, spare) == 88, "limit_header.spare");
_Static_assert(offsetof(struct px_shm_limit_header, lock) == 128, "limit_header.lock");
_Static_assert(offsetof(struct px_shm_limit_header, used) == 192, "limit_header.used");
_Static_assert(offsetof(struct px_shm_limit_header, spare2) == 200, "limit_header.spare2");

/* Start of a bucket; its records follow. Everything in a bucket changes under its lock.
 * intent, meant, more: what the holder of the lock is about to do; who finds that the holder died
 * completes it (LIMIT_REQ) or undoes it (LIMIT_CONN). intent is stored last, and cleared when done.
 * more: LIMIT_REQ: the halves of last_ms, the low one first. LIMIT_CONN: 1 + hold; and at any time the
 * reach: no key at home here is farther behind. */
struct px_shm_limit_bucket {
    uint64_t lock[6]; /* a robust process-shared pthread_mutex_t */
    _Atomic uint32_t intent; /* 1 + record; 0: nothing is meant */
    _Atomic uint32_t meant; /* its value; LIMIT_CONN: without the hold */
    _Atomic uint32_t more[2]; /* see above */
};
_Static_assert(sizeof(struct px_shm_limit_bucket) == 64, "limit_bucket: size");
_Static_assert(offsetof(struct px_shm_limit_bucket, lock) == 0, "limit_bucket.lock");
_Static_assert(offsetof(struct px_shm_limit_bucket, intent) == 48, "limit_bucket.intent");
_Static_assert(offsetof(struct px_shm_limit_bucket, meant) == 52, "limit_bucket.meant");
_Static_assert(offsetof(struct px_shm_limit_bucket, more) == 56, "limit_bucket.more");

/* A key and its state. Free while first is zero; making one stores first last. */
struct px_shm_limit_record {
    _Atomic uint64_t first; /* keyed hash of the key, first half; 0: free */
    _Atomic uint64_t second; /* second half */
    _Atomic uint64_t last_ms; /* LIMIT_REQ: CLOCK_MONOTONIC milliseconds of the last request */
    _Atomic uint32_t value; /* LIMIT_REQ: excess in thousandths; LIMIT_CONN: connections */
    _Atomic uint32_t used_ms; /* low bits of the milliseconds when it was last asked for */
};
_Static_assert(sizeof(struct px_shm_limit_record) == 32, "limit_record: size");
_Static_assert(offsetof(struct px_shm_limit_record, first) == 0, "limit_record.first");
_Static_assert(offsetof(struct px_shm_limit_record, second) == 8, "limit_record.second");
_Static_assert(offsetof(struct px_shm_limit_record, last_ms) == 16, "limit_record.last_ms");
_Static_assert(offsetof(struct px_shm_limit_record, value) == 24, "limit_record.value");
_Static_assert(offsetof(struct px_shm_limit_record, used_ms) == 28, "limit_record.used_ms");

/* A worker that has the Zone open holds the lock as long as it lives: so everybody can find out whether
 * it does. Who gets the lock of a seat in use gives back what its holds hold. */
struct px_shm_limit_seat {
    uint64_t life[6]; /* a robust process-shared pthread_mutex_t */
    _Atomic uint32_t in_use; /* whether holds may belong to it */
    _Atomic uint32_t pid; /* of the worker, for people */
    uint64_t spare; /* zero */
};
_Static_assert(sizeof(struct px_shm_limit_seat) == 64, "limit_seat: size");
_Static_assert(offsetof(struct px_shm_limit_seat, life) == 0, "limit_seat.life");
_Static_assert(offsetof(struct px_shm_limit_seat, in_use) == 48, "limit_seat.in_use");
_Static_assert(offsetof(struct px_shm_limit_seat, pid) == 52, "limit_seat.pid");
_Static_assert(offsetof(struct px_shm_limit_seat, spare) == 56, "limit_seat.spare");

/* Holds that belong to one seat. A hold changes under the lock of its record's bucket. */
struct px_shm_limit_chunk {
    _Atomic uint32_t owner; /* 1 + seat; 0: nobody's, and all its holds are 0 */
    _Atomic uint32_t holds[31]; /* 1 + record that is held once; 0: none */
};
_Static_assert(sizeof(struct px_shm_limit_chunk) == 128, "limit_chunk: size");
_Static_assert(offsetof(struct px_shm_limit_chunk, owner) == 0, "limit_chunk.owner");
_Static_assert(offsetof(struct px_shm_limit_chunk, holds) == 4, "limit_chunk.holds");

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
}

#endif
