/* shm/peers: one record per key whatever dies where, and whoever asks at the same time. */
#include "check.h"
#include "step.h"

#include <sys/mman.h>

#include "shm/peers.h"

static int fd;
static px_peers_zone peers;
static uint8_t key[16];

static int make_segment(uint32_t capacity)
{
    struct px_shm_peers_header made = {.magic = PX_PEERS_MAGIC,
                                       .layout = PX_SHM_LAYOUT,
                                       .capacity = capacity,
                                       .records_offset = sizeof made};
    int made_fd = memfd_create("peers", MFD_CLOEXEC);
    if (made_fd < 0 || ftruncate(made_fd, (off_t)(sizeof made + capacity * sizeof(px_peer_record))) < 0 ||
        pwrite(made_fd, &made, sizeof made, 0) != sizeof made)
        abort();
    return made_fd;
}

static void begin(uint32_t capacity)
{
    const char *why = "";
    fd = make_segment(capacity);
    if (!px_peers_open(&peers, fd, &why))
        abort();
}

static void end(void)
{
    px_peers_close(&peers);
    px_peers_close(&peers);
    close(fd);
}

static const uint8_t *numbered(unsigned number)
{
    char name[24];
    px_shm_digest(name, (size_t)snprintf(name, sizeof name, "backend%c10.0.0.%u", '\0', number), key);
    return key;
}

/* Records with this key. */
static unsigned records_of(const uint8_t wanted[16])
{
    unsigned found = 0;
    for (uint32_t slot = 0; slot < peers.capacity; slot++)
        found += memcmp(px_peers_record(&peers, slot)->key, wanted, 16) == 0;
    return found;
}

TEST(finds, "a key has one record, made when it is first asked for and found by all who map the zone")
{
    begin(64);
    int32_t first = px_peers_find(&peers, numbered(1)), second = px_peers_find(&peers, numbered(2));
    REQUIRE(first >= 0 && second >= 0);
    CHECK(first != second);
    atomic_store(&px_peers_record(&peers, (uint32_t)first)->fails, 3);
    CHECK(atomic_load(&px_peers_record(&peers, (uint32_t)first)->claimed_s) > 0);
    px_peers_zone other;
    const char *why;
    REQUIRE(px_peers_open(&other, fd, &why));
    CHECK_INT(px_peers_find(&other, numbered(1)), first);
    CHECK_INT(atomic_load(&px_peers_record(&other, (uint32_t)first)->fails), 3);
    px_peers_close(&other);
    end();
}

TEST(full, "a full zone refuses new keys and still finds the old ones")
{
    begin(300);
    unsigned made = 0;
    for (unsigned i = 0; i < 400; i++)
        made += px_peers_find(&peers, numbered(i)) >= 0;
    CHECK(made > 256 && made <= 300);
    for (unsigned i = 0; i < 200; i++)
        REQUIRE(records_of(numbered(i)) == 1 && px_peers_find(&peers, key) >= 0);
    end();
    begin(1);
    CHECK_INT(px_peers_find(&peers, numbered(1)), 0);
    CHECK_INT(px_peers_find(&peers, numbered(2)), -1);
    CHECK_INT(px_peers_find(&peers, numbered(1)), 0);
    end();
}

TEST(freed, "a record that was freed is used again, clean, and frees no other key's chain")
{
    begin(8);
    for (unsigned i = 0; i < 8; i++)
        REQUIRE(px_peers_find(&peers, numbered(i)) >= 0);
    int32_t gone = px_peers_find(&peers, numbered(3));
    px_peer_record *record = px_peers_record(&peers, (uint32_t)gone);
    atomic_store(&record->fails, 7);
    atomic_store(&record->accessed_s, 7);
    memset(record->key, 0, sizeof record->key);
    for (unsigned i = 0; i < 8; i++)
        if (i != 3)
            REQUIRE(records_of(numbered(i)) == 1 && px_peers_find(&peers, key) != gone);
    CHECK_INT(px_peers_find(&peers, numbered(100)), gone);
    CHECK_INT(atomic_load(&record->fails), 0);
    CHECK_INT(atomic_load(&record->accessed_s), 0);
    end();
}

static void refused(size_t offset, uint32_t value, const char *want)
{
    int damaged = make_segment(16);
    px_peers_zone opened;
    const char *why = "";
    CHECK_INT(pwrite(damaged, &value, 4, (off_t)offset), 4);
    CHECK(!px_peers_open(&opened, damaged, &why));
    CHECK_STRING(why, want);
    close(damaged);
}

TEST(refuses, "a segment that is not this build's peers zone is refused, with the reason")
{
    refused(offsetof(struct px_shm_peers_header, magic), 1, "the segment is not a peers zone");
    refused(offsetof(struct px_shm_peers_header, layout), 1, "the peers zone was made by another build");
    refused(offsetof(struct px_shm_peers_header, capacity), 17,
            "the peers zone's records lie outside of its segment");
    refused(offsetof(struct px_shm_peers_header, capacity), 0,
            "the peers zone's records lie outside of its segment");
    refused(offsetof(struct px_shm_peers_header, records_offset), 1 << 20,
            "the peers zone's records lie outside of its segment");
}

/* ---- killed at any instruction ---- */

static void find_one(void)
{
    px_peers_find(&peers, key);
}

static bool nothing(void)
{
    return true;
}

static unsigned absent, present;

static bool absent_or_whole(void)
{
    for (uint32_t slot = 0; slot < peers.capacity; slot++) {
        px_peer_record *record = px_peers_record(&peers, slot);
        if (memcmp(record->key, key, 8) != 0)
            continue;
        present++;
        return CHECK(memcmp(record->key, key, 16) == 0 && atomic_load(&record->fails) == 0 &&
                     atomic_load(&record->accessed_s) == 0 && atomic_load(&record->claimed_s) > 0);
    }
    absent++;
    return true;
}

static void soil_free_records(void)
{
    for (uint32_t slot = 0; slot < peers.capacity; slot++) {
        px_peer_record *record = px_peers_record(&peers, slot);
        atomic_store(&record->fails, 99);
        atomic_store(&record->accessed_s, 99);
    }
}

TEST(make_at_every_store, "a record is absent or whole, at every instruction of making it")
{
    begin(3);
    soil_free_records();
    numbered(1);
    absent = present = 0;
    step_through(find_one, absent_or_whole);
    CHECK(absent > 0 && present > 0);
    CHECK_INT(records_of(key), 1);
    end();
}

TEST(make_killed_anywhere,
     "whoever is killed while it makes a record leaves a zone that works, and no second record")
{
    enum { KILLS = 60 };
    begin(3);
    numbered(0);
    unsigned all = step_through(find_one, nothing), recovered = 0, kills = 0;
    for (unsigned i = 0; i < KILLS; i++) {
        memset(px_peers_record(&peers, 0), 0, 3 * sizeof(px_peer_record));
        soil_free_records();
        numbered(i);
        kills += step_and_kill(find_one, 1 + all * i / KILLS); /* another key: a few steps more or less */
        peers.recoveries = 0;
        REQUIRE(px_peers_find(&peers, key) >= 0);
        REQUIRE(px_peers_find(&peers, numbered(i + 1)) >= 0);
        REQUIRE(records_of(numbered(i)) == 1);
        recovered += peers.recoveries;
    }
    CHECK(kills > KILLS / 2);
    CHECK(recovered > 0 && recovered < kills); /* some died holding the lock */
    end();
}

static void open_zone(void)
{
    px_peers_zone opened;
    const char *why;
    px_peers_open(&opened, fd, &why);
}

TEST(lock_made_by_the_dead, "whoever is killed while it makes the lock leaves it to the next one")
{
    static const uint32_t raw = PX_LOCK_RAW;
    static const uint64_t zeros[8] = {0};
    enum { KILLS = 60 };
    fd = make_segment(4);
    numbered(1);
    unsigned all = step_through(open_zone, nothing), kills = 0;
    for (unsigned i = 0; i < KILLS; i++) {
        CHECK_INT(pwrite(fd, &raw, 4, offsetof(struct px_shm_peers_header, lock_state)), 4);
        CHECK_INT(pwrite(fd, zeros, 64, offsetof(struct px_shm_peers_header, lock)), 64);
        kills += step_and_kill(open_zone, 1 + all * i / KILLS);
        const char *why = "";
        REQUIRE(px_peers_open(&peers, fd, &why));
        REQUIRE(px_peers_find(&peers, key) >= 0);
        px_peers_close(&peers);
    }
    CHECK(kills > KILLS / 2);
    close(fd);
}

static void find_many(unsigned seed)
{
    px_peers_zone own;
    const char *why;
    if (!px_peers_open(&own, fd, &why))
        _exit(1);
    for (unsigned i = 0; i < 500; i++)
        if (px_peers_find(&own, numbered((i * 7 + seed) % 500)) < 0)
            _exit(2);
    _exit(0);
}

TEST(at_the_same_time, "several processes that ask for the same keys agree on one record each")
{
    enum { PROCESSES = 4 };
    fd = make_segment(4096);
    pid_t children[PROCESSES];
    for (unsigned i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0)
            find_many(i * 131);
    }
    for (unsigned i = 0; i < PROCESSES; i++) {
        int status = 0;
        waitpid(children[i], &status, 0);
        CHECK_INT(status, 0);
    }
    const char *why = "";
    REQUIRE(px_peers_open(&peers, fd, &why));
    for (unsigned i = 0; i < 500; i++)
        REQUIRE(records_of(numbered(i)) == 1);
    end();
}
