/* shm/zone, shm/ledger: what another process sees at every instruction of the worker. */
#include "check.h"
#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <zlib.h>

#include "base/gzip.h"
#include "shm/ledger.h"

enum { PEERS = 8, SLAB = 8192 };

static int fd;
static px_ledger ledger;
static struct px_shm_ledger_header *header;
static const uint8_t digest[16] = "a path's digest";

enum { WORKERS = 4, SELF = 2 };

static uint32_t stride;

/* A segment as proxyd/shared/segments.py makes it. */
static int make_segment(void)
{
    uint32_t regions = (128 + 8 * PX_COUNTERS + 63) / 64 * 64;
    uint32_t active = regions + PX_LOG_REGIONS * (uint32_t)sizeof(struct px_shm_log_region);
    uint32_t cells = active + 8 * PEERS;
    uint32_t slab = (cells + 8 * PX_SLOT_CELLS * PEERS + 4095) / 4096 * 4096;
    int made_fd = memfd_create("ledger", MFD_CLOEXEC);
    stride = slab + SLAB;
    struct px_shm_ledger_header made = {
        .magic = PX_LEDGER_MAGIC,
        .layout = PX_SHM_LAYOUT,
        .counter_count = PX_COUNTERS,
        .peer_capacity = PEERS,
        .region_count = PX_LOG_REGIONS,
        .counters_offset = 128,
        .regions_offset = regions,
        .active_offset = active,
        .held_offset = active + 4 * PEERS,
        .cells_offset = cells,
        .slot_cells = PX_SLOT_CELLS,
        .slab_offset = slab,
        .slab_bytes = SLAB,
        .ledger_count = WORKERS + 1,
        .stride = stride,
    };
    if (made_fd < 0 || ftruncate(made_fd, (WORKERS + 1) * (off_t)stride) < 0)
        abort();
    for (made.worker = 0; made.worker <= WORKERS; made.worker++)
        if (pwrite(made_fd, &made, sizeof made, made.worker * (off_t)stride) != sizeof made)
            abort();
    return made_fd;
}

static void begin(void)
{
    const char *why = NULL;
    fd = make_segment();
    if (!px_ledger_open(&ledger, fd, SELF, &why))
        abort();
    header = (struct px_shm_ledger_header *)(void *)(ledger.zone.base + SELF * stride);
}

static void end(void)
{
    px_ledger_close(&ledger);
    px_ledger_close(&ledger);
    close(fd);
}

TEST(opens, "a good segment is taken, and the worker's pid stands in it")
{
    begin();
    CHECK_INT(atomic_load(&header->pid), getpid());
    CHECK_INT(ledger.worker, SELF);
    CHECK_INT(ledger.workers, WORKERS);
    CHECK_INT(ledger.peer_capacity, PEERS);
    px_count(&ledger, PX_COUNTER_REQUESTS, 2);
    px_count(&ledger, PX_COUNTER_REQUESTS, -1);
    CHECK_INT(atomic_load(&ledger.counters[PX_COUNTER_REQUESTS]), 1);
    px_ledger_active(&ledger, PEERS - 1, 1);
    px_ledger_hold(&ledger, PEERS - 1, 2);
    px_ledger_hold(&ledger, 0, 5);
    CHECK_INT(atomic_load(&ledger.active[PEERS - 1]), 1);
    CHECK_INT(atomic_load(&ledger.held[PEERS - 1]), 2);
    CHECK_INT(atomic_load(&ledger.active[0]), 0);
    end();
}

typedef struct {
    size_t offset;
    uint32_t value;
    const char *why;
} damage;

#define FIELD(name) offsetof(struct px_shm_ledger_header, name)

TEST(refuses, "a segment that is not this build's ledger is refused, with the reason")
{
    static const char other[] = "the ledger was made by another build";
    static const char contradict[] = "the ledgers of the segment contradict each other";
    static const char outside[] = "the ledger's parts lie outside of its segment";
    static const damage cases[] = {
        {FIELD(magic), 1, "the segment is not a ledger"},
        {FIELD(layout), 1, other},
        {FIELD(counter_count), 1, other},
        {FIELD(region_count), 65, other},
        {FIELD(peer_capacity), PX_PEERS_MAX + 1, outside},
        {FIELD(peer_capacity), 100000, outside},
        {FIELD(counters_offset), 1u << 30, outside},
        {FIELD(counters_offset), 129, outside},
        {FIELD(regions_offset), UINT32_MAX - 7, outside},
        {FIELD(active_offset), 1u << 20, outside},
        {FIELD(held_offset), 1u << 20, outside},
        {FIELD(cells_offset), 1u << 20, outside},
        {FIELD(slot_cells), PX_SLOT_CELLS + 1, other},
        {FIELD(slab_offset), 1u << 20, outside},
        {FIELD(slab_bytes), 4 * SLAB + 1000000, outside},
        {FIELD(worker), SELF + 1, contradict},
        {FIELD(ledger_count), 0, contradict},
        {FIELD(stride), 4096, contradict},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int damaged = make_segment();
        CHECK_INT(pwrite(damaged, &cases[i].value, 4, SELF * (off_t)stride + (off_t)cases[i].offset), 4);
        px_ledger opened;
        const char *why = "";
        CHECK(!px_ledger_open(&opened, damaged, SELF, &why));
        CHECK_STRING(why, cases[i].why);
        CHECK(opened.zone.base == NULL);
        CHECK_INT(px_ledger_open(&opened, damaged, SELF - 1, &why), 1); /* it is not this one's */
        px_ledger_close(&opened);
        close(damaged);
    }
}

TEST(refuses_crew,
     "a first header that tells of Ledgers where none are is refused, and so is a worker too many")
{
    static const char outside[] = "the ledger's parts lie outside of its segment";
    static const damage cases[] = {
        {FIELD(magic), 1, "the segment is not a ledger"},
        {FIELD(ledger_count), 0, outside},
        {FIELD(ledger_count), 1, outside},
        {FIELD(ledger_count), WORKERS + 2, outside},
        {FIELD(stride), 0, outside},
        {FIELD(stride), 4095, outside},
        {FIELD(stride) + 4, 1, outside},
    };
    px_ledger opened;
    const char *why = "";
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int damaged = make_segment();
        CHECK_INT(pwrite(damaged, &cases[i].value, 4, (off_t)cases[i].offset), 4);
        CHECK(!px_ledger_open(&opened, damaged, SELF, &why));
        CHECK_STRING(why, cases[i].why);
        close(damaged);
    }
    int sound = make_segment();
    static const int nobody[] = {WORKERS, WORKERS + 1, -1}; /* the first is the master's */
    for (size_t i = 0; i < sizeof nobody / sizeof nobody[0]; i++) {
        CHECK(!px_ledger_open(&opened, sound, nobody[i], &why));
        CHECK_STRING(why, "the segment has no ledger for this worker");
    }
    close(sound);
}

TEST(crew, "what others hold at a peer is added up, and nobody can write to another's Ledger")
{
    begin();
    px_ledger others[WORKERS];
    const char *why;
    for (int i = 0; i < WORKERS; i++)
        REQUIRE(px_ledger_open(&others[i], fd, i, &why));
    px_ledger_active(&others[0], 5, 3);
    px_ledger_active(&others[SELF], 5, 1);
    px_ledger_active(&others[WORKERS - 1], 5, 7);
    px_ledger_active(&others[WORKERS - 1], 6, 9);
    px_count(&others[1], PX_COUNTER_REQUESTS, 12);
    CHECK_INT(px_ledger_active_total(&ledger, 5), 11);
    CHECK_INT(px_ledger_active_total(&others[0], 5), 11);
    CHECK_INT(px_ledger_active_total(&ledger, 6), 9);
    CHECK_INT(px_ledger_active_total(&ledger, 0), 0);
    CHECK_INT(px_ledger_counter(&ledger, 1, PX_COUNTER_REQUESTS), 12);
    CHECK_INT(px_ledger_counter(&ledger, SELF, PX_COUNTER_REQUESTS), 0);
    px_cell_add(px_ledger_cells(&others[1], 5), 3, 4);
    px_cell_add(px_ledger_cells(&ledger, 5), 3, 30);
    CHECK_INT(px_ledger_cell_total(&others[0], 5, 3), 34);
    CHECK_INT(px_ledger_cell_total(&others[0], 5, 4), 0);
    uint64_t dead = 100; /* what the master keeps of them counts, too */
    off_t masters = WORKERS * (off_t)stride;
    CHECK_INT(pwrite(fd, &dead, 8, masters + 128 + 8 * PX_COUNTER_REQUESTS), 8);
    CHECK_INT(px_ledger_total(&ledger, PX_COUNTER_REQUESTS), 112);
    uint32_t changes = 7;
    CHECK_INT(pwrite(fd, &changes, 4, masters + (off_t)FIELD(changes)), 4);
    CHECK_INT(px_ledger_changes(&ledger), 7);
    for (uint32_t i = 0; i <= WORKERS; i++) {
        int into = open("/dev/zero", O_RDONLY | O_CLOEXEC); /* read() tells of memory that refuses stores */
        const void *cell = px_ledger_of(&ledger, i, &ledger.counters[0]);
        CHECK_INT(read(into, (void *)(uintptr_t)cell, 8), i == SELF ? 8 : -1);
        close(into);
    }
    for (int i = 0; i < WORKERS; i++)
        px_ledger_close(&others[i]);
    end();
}

TEST(latency, "a latency falls into the first bucket whose bound is not below it")
{
    static const uint64_t bounds[] = {PX_LATENCY_BOUNDS_MS};
    CHECK_INT(sizeof bounds / sizeof bounds[0], PX_LATENCY_BUCKETS - 1);
    CHECK_INT(px_latency_bucket(0), 0);
    for (int i = 0; i < PX_LATENCY_BUCKETS - 1; i++) {
        CHECK_INT(px_latency_bucket(bounds[i]), i);
        CHECK_INT(px_latency_bucket(bounds[i] + 1), i + 1);
    }
    CHECK_INT(px_latency_bucket(UINT64_MAX), PX_LATENCY_BUCKETS - 1);
}

TEST(refuses_small, "a segment without pages, or too small for its header, is refused")
{
    px_ledger opened;
    const char *why = "";
    int small = memfd_create("small", MFD_CLOEXEC);
    CHECK(!px_ledger_open(&opened, small, 0, &why));
    CHECK_INT(errno, EINVAL);
    CHECK(ftruncate(small, 64) == 0 && !px_ledger_open(&opened, small, 0, &why));
    CHECK_STRING(why, "the segment is not a ledger");
    close(small);
    CHECK(!px_ledger_open(&opened, 9999, 0, &why));
    CHECK_STRING(why, "the ledger could not be mapped");
}

TEST(regions, "regions do not overlap, are used again, and are refused when the slab or the table is full")
{
    begin();
    px_log_region one, two, three, many[PX_LOG_REGIONS + 1];
    CHECK(px_log_region_take(&ledger, digest, 4096, 0, &one));
    CHECK(px_log_region_take(&ledger, digest, 3000, 0, &two));
    CHECK(!px_log_region_take(&ledger, digest, 4096, 0, &three));
    CHECK(three.ledger == NULL);
    px_log_region_free(&three);
    CHECK(px_log_region_take(&ledger, digest, 1096, 0, &three)); /* to the last byte */
    CHECK(one.bytes + 4096 <= two.bytes && two.bytes + 3000 <= three.bytes);
    CHECK(three.bytes + 1096 <= ledger.zone.base + (SELF + 1) * stride);
    px_log_region_free(&one);
    px_log_region_free(&one);
    CHECK(px_log_region_take(&ledger, digest, 4096, 0, &one)); /* the gap in front */
    CHECK(one.bytes + 4096 <= two.bytes);
    px_log_region_free(&one);
    px_log_region_free(&two);
    px_log_region_free(&three);
    for (unsigned i = 0; i < PX_LOG_REGIONS; i++)
        REQUIRE(px_log_region_take(&ledger, digest, 16, 0, &many[i]));
    CHECK(!px_log_region_take(&ledger, digest, 16, 0, &many[PX_LOG_REGIONS]));
    CHECK(!px_log_region_take(&ledger, digest, 0, 0, &many[PX_LOG_REGIONS]));
    end();
}

static px_log_region region;
static int file;
static char shown[SLAB];

static px_slice file_text(void)
{
    ssize_t n = pread(file, shown, sizeof shown, 0);
    return px_slice_from(shown, n > 0 ? (size_t)n : 0);
}

static void begin_log(const char *lines)
{
    begin();
    file = memfd_create("log", MFD_CLOEXEC);
    if (!px_log_region_take(&ledger, digest, 64, 0, &region) ||
        !px_log_region_add(&region, px_slice_from(lines, strlen(lines))))
        abort();
}

static void end_log(void)
{
    close(file);
    end();
}

TEST(log_lines, "lines gather, do not run over, and reach the file together")
{
    begin_log("");
    CHECK(px_log_region_write(&region, -1)); /* empty: nothing to write */
    CHECK(px_log_region_add(&region, PX_SLICE("one\n")));
    CHECK(px_log_region_add(&region, PX_SLICE("two\n")));
    CHECK_INT(px_log_region_used(&region), 8);
    CHECK(
        !px_log_region_add(&region, PX_SLICE("57 bytes .............................................57\n")));
    CHECK(px_log_region_add(&region, PX_SLICE("56 bytes ............................................56\n")));
    CHECK(!px_log_region_add(&region, PX_SLICE("x")));
    CHECK(px_log_region_write(&region, file));
    CHECK_INT(px_log_region_used(&region), 0);
    CHECK_SLICE(file_text(), "one\ntwo\n56 bytes ............................................56\n");
    end_log();
}

TEST(log_failure, "what cannot be written is dropped, and errno says why")
{
    begin_log("line\n");
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    CHECK(!px_log_region_write(&region, full));
    CHECK_INT(errno, ENOSPC);
    CHECK_INT(px_log_region_used(&region), 0);
    CHECK_INT(atomic_load(&ledger.regions[0].state), PX_REGION_OPEN);
    close(full);
    end_log();
}

/* ---- killed at any instruction ---- */

static const struct px_shm_log_region *shared(void)
{
    return &ledger.regions[0];
}

static unsigned states_seen;

static void take(void)
{
    px_log_region taken;
    px_log_region_take(&ledger, digest, 64, 0, &taken);
}

static bool free_or_whole(void)
{
    uint32_t state = atomic_load(&shared()->state);
    states_seen |= 1u << state;
    return state == PX_REGION_FREE ||
           CHECK(state == PX_REGION_OPEN && shared()->size == 64 && shared()->offset == 0 &&
                 atomic_load(&shared()->used) == 0 && memcmp(shared()->path_digest, digest, 16) == 0);
}

TEST(take_at_every_store, "a region is free or whole, at every instruction of taking it")
{
    begin();
    /* What a former owner left: nothing of it may show. */
    ledger.regions[0] =
        (struct px_shm_log_region){.offset = 5000, .size = 9, .used = 9, .path_digest = "other"};
    states_seen = 0;
    CHECK(step_through(take, free_or_whole) > 100);
    CHECK_INT(states_seen, 1 << PX_REGION_FREE | 1 << PX_REGION_OPEN);
    end();
}

static unsigned used_seen;

static void add(void)
{
    px_log_region_add(&region, PX_SLICE("a new line\n"));
}

static bool whole_lines(void)
{
    uint32_t used = atomic_load(&shared()->used);
    used_seen |= used == 4 ? 1 : 2;
    return CHECK(used == 4 || (used == 15 && memcmp(region.bytes, "old\na new line\n", 15) == 0));
}

TEST(add_at_every_store, "a line is there wholly or not at all, at every instruction of adding it")
{
    begin_log("old\n");
    used_seen = 0;
    CHECK(step_through(add, whole_lines) > 50);
    CHECK_INT(used_seen, 3);
    end_log();
}

static void write_out(void)
{
    px_log_region_write(&region, file);
}

/* What the master does for the dead: the file holds each line once, after what it would write. */
static bool nothing_lost(void)
{
    static const char want[] = "before\none\ntwo\n";
    uint32_t used = atomic_load(&shared()->used), state = atomic_load(&shared()->state);
    px_slice text = file_text();
    states_seen |= 1u << state;
    if (used == 0)
        return CHECK(text.len == 15 && memcmp(text.data, want, 15) == 0);
    if (!CHECK(used == 8 && memcmp(region.bytes, want + 7, 8) == 0))
        return false;
    if (state == PX_REGION_OPEN)
        return CHECK(text.len == 7);
    return CHECK(state == PX_REGION_WRITING && shared()->file_end == 7 && (text.len == 7 || text.len == 15) &&
                 memcmp(text.data, want, text.len) == 0);
}

TEST(write_at_every_store, "no line is lost or doubled, at every instruction of writing out")
{
    begin_log("one\ntwo\n");
    CHECK_INT(write(file, "before\n", 7), 7);
    states_seen = 0;
    CHECK(step_through(write_out, nothing_lost) > 50);
    CHECK_INT(states_seen, 1 << PX_REGION_OPEN | 1 << PX_REGION_WRITING);
    CHECK_INT(atomic_load(&shared()->state), PX_REGION_OPEN);
    CHECK_INT(atomic_load(&shared()->used), 0);
    end_log();
}

TEST(write_to_a_pipe, "what is not a file has no end to look behind")
{
    begin_log("line\n");
    int ends[2];
    CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
    CHECK(px_log_region_write(&region, ends[1]));
    CHECK(shared()->file_end == UINT64_MAX);
    CHECK_INT(read(ends[0], shown, sizeof shown), 5);
    close(ends[0]);
    close(ends[1]);
    end_log();
}

TEST(write_gzip, "a compressed log's lines are one member of a gzip file")
{
    uint8_t plain[64];
    begin_log("one\ntwo\n");
    region.gzip = 1;
    CHECK(px_log_region_write(&region, file));
    px_slice text = file_text();
    z_stream stream = {.next_in = (uint8_t *)(uintptr_t)text.data,
                       .avail_in = (uInt)text.len,
                       .next_out = plain,
                       .avail_out = sizeof plain};
    REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
    CHECK_INT(inflate(&stream, Z_FINISH), Z_STREAM_END);
    CHECK_INT(stream.avail_in, 0);
    CHECK(stream.total_out == 8 && memcmp(plain, "one\ntwo\n", 8) == 0);
    inflateEnd(&stream);
    px_gzip_clear();
    end_log();
}
