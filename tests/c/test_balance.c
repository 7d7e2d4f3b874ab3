/* Balancing methods: the same peers as nginx, shares by weight, and how little moves when a peer goes. */
#include "check.h"

#include <arpa/inet.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "balance_vectors.h"
#include "base/crc32.h"
#include "conf_harness.h"
#include "proxy/balance.h"
#include "proxy/ketama.h"
#include "step.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static conf_world *world;

static px_upstream *make(px_plan_peer *peers, uint32_t count, int balance)
{
    return conf_balanced(world, "u", peers, count, balance)->runtime;
}

/* A template that is one text. */
static px_template literal(px_slice text)
{
    px_op *op = px_arena_zalloc(&world->arena, sizeof *op);
    op->text = text;
    return (px_template){op, 1};
}

/* The letters of the peers that one request of this key and client tries, until there is none left. */
static const char *tries(px_upstream *upstream, const char *key, const px_client *client)
{
    static char letters[64];
    px_request r = {.client = client};
    px_pick pick;
    px_peer *peer;
    size_t n = 0;
    upstream->hash_key = literal(px_slice_from(key, strlen(key)));
    px_pick_begin(&pick, upstream, 0, &world->arena);
    px_pick_request(&pick, &r);
    while (n + 1 < sizeof letters && (peer = px_pick_next(&pick)) != NULL) {
        letters[n++] = (char)('a' + peer->index);
        px_pick_end(&pick, PX_TRY_FAILED);
    }
    letters[n] = '\0';
    return letters;
}

static void check_tries(px_upstream *upstream, const char *key, const px_client *client, const char *want)
{
    const char *got = tries(upstream, key, client);
    CHECK_STRING(got, want);
}

static px_client client_at(const char *address)
{
    px_client client = {.number = 1};
    if (inet_pton(AF_INET, address, client.address.ip) == 1)
        client.address.ip_len = 4;
    else if (inet_pton(AF_INET6, address, client.address.ip) == 1)
        client.address.ip_len = 16;
    return client;
}

/* As in balance_vectors.h. */
static void make_five(px_plan_peer peers[5])
{
    static const int weights[] = {1, 2, 1, 1, 5};
    for (int i = 0; i < 5; i++) {
        peers[i] = conf_peer(i + 1, weights[i]);
        peers[i].max_fails = 0;
    }
}

TEST(crc, "CRC-32 is the usual one, in one call or several")
{
    CHECK_INT(px_crc32(S("")), 0);
    CHECK_INT(px_crc32(S("123456789")), 0xcbf43926);
    uint32_t crc = px_crc32_add(PX_CRC32_START, S("1234"));
    CHECK_INT(px_crc32_value(px_crc32_add(crc, S("56789"))), 0xcbf43926);
}

TEST(ip_hash, "ip_hash tries the peers that nginx tries, for IPv4 and IPv6")
{
    px_plan_peer peers[5];
    world = conf_open();
    make_five(peers);
    peers[2].down = true;
    px_upstream *upstream = make(peers, 5, PX_BALANCE_IP_HASH);
    for (size_t i = 0; i < COUNT_OF(ip_hash_vectors); i++) {
        px_client client = client_at(ip_hash_vectors[i].key);
        check_tries(upstream, "", &client, ip_hash_vectors[i].tries);
    }
    px_client local = {.number = 1}, zeros = client_at("0.0.0.0");
    CHECK_INT(tries(upstream, "", &local)[0], tries(upstream, "", &zeros)[0]);
    conf_close(&world);
}

TEST(hash, "hash tries the peers that nginx tries")
{
    px_plan_peer peers[5];
    world = conf_open();
    make_five(peers);
    peers[2].down = true;
    px_upstream *upstream = make(peers, 5, PX_BALANCE_HASH);
    for (size_t i = 0; i < COUNT_OF(hash_vectors); i++)
        check_tries(upstream, hash_vectors[i].key, NULL, hash_vectors[i].tries);
    conf_close(&world);
}

TEST(consistent, "hash consistent tries the peers that nginx tries")
{
    px_plan_peer peers[5];
    world = conf_open();
    make_five(peers);
    peers[0].server = S("127.0.0.11:1");
    peers[1].server = S("127.0.0.12:1");
    peers[2].server = S("unix:/nonexistent/a.sock");
    peers[3].server = S("[::1]:1");
    peers[4].server = S("127.0.0.15:1");
    px_upstream *upstream = make(peers, 5, PX_BALANCE_HASH_CONSISTENT);
    for (size_t i = 0; i < COUNT_OF(consistent_vectors); i++)
        check_tries(upstream, consistent_vectors[i].key, NULL, consistent_vectors[i].tries);
    conf_close(&world);
}

TEST(no_key, "without a key, requests go round")
{
    px_plan_peer peers[3];
    world = conf_open();
    for (int i = 0; i < 3; i++)
        peers[i] = conf_peer(i + 1, 1);
    for (int balance = PX_BALANCE_HASH; balance <= PX_BALANCE_HASH_CONSISTENT; balance++) {
        px_upstream *upstream = make(peers, 3, balance);
        check_tries(upstream, "", NULL, "abc");
        atomic_store(&upstream->peers[0].record->fails, 0);
        atomic_store(&upstream->peers[1].record->fails, 0);
        atomic_store(&upstream->peers[2].record->fails, 0);
    }
    conf_close(&world);
}

/* ---- properties ---- */

static px_ketama *ring_of(const char *const *servers, const uint32_t *weights, uint32_t count)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < count; i++)
        total += weights[i];
    px_ketama *ring = px_ketama_begin(&world->arena, total);
    for (uint32_t i = 0; i < count; i++)
        px_ketama_add(ring, px_slice_from(servers[i], strlen(servers[i])), weights[i], i);
    px_ketama_finish(ring);
    return ring;
}

static uint32_t owner_of(const px_ketama *ring, unsigned key)
{
    char text[16];
    int len = snprintf(text, sizeof text, "key%u", key);
    return px_ketama_owner(ring, px_ketama_find(ring, px_crc32(px_slice_from(text, (size_t)len))));
}

#define KEYS 100000

TEST(shares, "on a ring each server has about the share of its weight")
{
    static const char *const servers[] = {"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3", "unix:/run/a"};
    static const uint32_t weights[] = {10, 20, 30, 40};
    uint32_t got[4] = {0};
    world = conf_open();
    px_ketama *ring = ring_of(servers, weights, 4);
    for (unsigned key = 0; key < KEYS; key++)
        got[owner_of(ring, key)]++;
    for (int i = 0; i < 4; i++) {
        CHECK(got[i] > KEYS / 100 * weights[i] * 85 / 100);
        CHECK(got[i] < KEYS / 100 * weights[i] * 115 / 100);
    }
    conf_close(&world);
}

TEST(moves, "when a server goes, only its keys move")
{
    static const char *const servers[] = {"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"};
    static const uint32_t weights[] = {1, 1, 1, 1};
    world = conf_open();
    px_ketama *all = ring_of(servers, weights, 4), *fewer = ring_of(servers, weights, 3);
    for (unsigned key = 0; key < KEYS; key++) {
        uint32_t before = owner_of(all, key);
        if (before != 3)
            CHECK_INT(owner_of(fewer, key), before);
    }
    conf_close(&world);
}

TEST(find, "a hash belongs to the first point at or behind it, and behind the last to the first")
{
    static const char *const servers[] = {"a:1", "b:1"};
    static const uint32_t weights[] = {1, 1};
    world = conf_open();
    px_ketama *ring = ring_of(servers, weights, 2);
    REQUIRE(ring->count > 300);
    for (uint32_t i = 0; i < ring->count; i++) {
        CHECK_INT(px_ketama_find(ring, ring->points[i].hash), i);
        if (i > 0)
            CHECK(ring->points[i - 1].hash < ring->points[i].hash);
    }
    CHECK_INT(px_ketama_find(ring, 0), 0);
    CHECK_INT(px_ketama_find(ring, UINT32_MAX), ring->count);
    CHECK_INT(px_ketama_owner(ring, ring->count), ring->points[0].owner);
    conf_close(&world);
}

TEST(namesakes, "peers of one name share its points and take turns there")
{
    px_plan_peer peers[4];
    world = conf_open();
    for (int i = 0; i < 4; i++) {
        peers[i] = conf_peer(i + 1, 1);
        peers[i].max_fails = 0;
        peers[i].server = i == 2 ? S("other:80") : S("many:80");
    }
    px_upstream *upstream = make(peers, 4, PX_BALANCE_HASH_CONSISTENT);
    CHECK(upstream->ring->count <= 2 * PX_KETAMA_POINTS);
    int seen[4] = {0};
    for (int i = 0; i < 30; i++) { /* one key, that "many" has */
        px_request r = {.client = NULL};
        px_pick pick;
        upstream->hash_key = literal(S("x1"));
        px_pick_begin(&pick, upstream, 0, &world->arena);
        px_pick_request(&pick, &r);
        px_peer *peer = px_pick_next(&pick);
        seen[peer->index]++;
        px_pick_end(&pick, PX_TRY_FINE);
    }
    CHECK((seen[2] == 30) != (seen[0] == 10 && seen[1] == 10 && seen[3] == 10));
    conf_close(&world);
}

TEST(by_weight, "each number belongs to the peer in whose share it lies")
{
    static const int weights[] = {3, 1, 5, 1, 2};
    px_plan_peer peers[5];
    world = conf_open();
    for (int i = 0; i < 5; i++)
        peers[i] = conf_peer(i + 1, weights[i]);
    px_upstream *upstream = make(peers, 5, PX_BALANCE_ROUND_ROBIN);
    CHECK_INT(upstream->weight, 12);
    char got[13] = "";
    for (uint64_t i = 0; i < 12; i++)
        got[i] = (char)('a' + px_peer_by_weight(upstream, i)->index);
    CHECK_STRING(got, "aaabcccccdee");
    conf_close(&world);
}

/* ---- connections in use ---- */

static px_peer *take(px_upstream *upstream, px_pick *pick)
{
    px_pick_begin(pick, upstream, 0, &world->arena);
    return px_pick_next(pick);
}

TEST(least_conn, "the peer with the fewest connections for its weight is taken")
{
    px_plan_peer peers[] = {conf_peer(1, 1), conf_peer(2, 3)};
    px_pick picks[12];
    char got[13] = "";
    world = conf_open();
    px_upstream *upstream = make(peers, 2, PX_BALANCE_LEAST_CONN);
    for (int i = 0; i < 12; i++)
        got[i] = (char)('a' + take(upstream, &picks[i])->index);
    int a = 0;
    for (int i = 0; i < 12; i++)
        a += got[i] == 'a';
    CHECK_INT(a, 3);
    for (int i = 0; i < 12; i++)
        if (got[i] == 'a')
            px_pick_end(&picks[i], PX_TRY_FINE);
    for (int i = 0; i < 3; i++)
        CHECK_INT(take(upstream, &picks[i])->index, 0);
    conf_close(&world);
}

TEST(drawn, "random draws by weight; random two prefers who has less to do")
{
    px_plan_peer peers[] = {conf_peer(1, 1), conf_peer(2, 3)};
    px_pick pick, held;
    int got[2] = {0};
    world = conf_open();
    px_upstream *upstream = make(peers, 2, PX_BALANCE_RANDOM);
    upstream->random = 1; /* the same draws in each run */
    for (int i = 0; i < 8000; i++) {
        got[take(upstream, &pick)->index]++;
        px_pick_end(&pick, PX_TRY_FINE);
    }
    CHECK(got[0] > 1700 && got[0] < 2300);
    upstream = make(peers, 2, PX_BALANCE_RANDOM_TWO);
    upstream->random = 1;
    uint32_t busy = take(upstream, &held)->index;
    for (int i = 0; i < 100; i++) {
        CHECK(take(upstream, &pick)->index != busy);
        px_pick_end(&pick, PX_TRY_FINE);
    }
    px_pick_end(&held, PX_TRY_FINE);
    conf_close(&world);
}

TEST(max_conns, "no peer has more than max_conns, whatever the method")
{
    for (int balance = PX_BALANCE_ROUND_ROBIN; balance <= PX_BALANCE_RANDOM_TWO; balance++) {
        px_plan_peer peers[] = {conf_peer(1, 5), conf_peer(2, 1), conf_peer(3, 1)};
        px_client client = client_at("10.1.2.3");
        px_request r = {.client = &client};
        px_pick picks[6], more;
        int got[3] = {0};
        peers[0].max_conns = 2;
        peers[1].max_conns = 1;
        peers[2].max_conns = 3;
        world = conf_open();
        px_upstream *upstream = make(peers, 3, balance);
        upstream->hash_key = literal(S("key"));
        for (int i = 0; i < 6; i++) {
            px_pick_begin(&picks[i], upstream, 0, &world->arena);
            px_pick_request(&picks[i], &r);
            px_peer *peer = px_pick_next(&picks[i]);
            REQUIRE(peer != NULL);
            got[peer->index]++;
        }
        CHECK(got[0] == 2 && got[1] == 1 && got[2] == 3);
        px_pick_begin(&more, upstream, 0, &world->arena);
        px_pick_request(&more, &r);
        CHECK(px_pick_next(&more) == NULL);
        px_pick_end(&picks[0], PX_TRY_FINE);
        px_pick_begin(&more, upstream, 0, &world->arena);
        px_pick_request(&more, &r);
        CHECK(px_pick_next(&more) != NULL);
        CHECK_INT(px_peer_active(&more, &upstream->peers[0]), 2);
        conf_close(&world);
    }
}

TEST(max_conns_alone, "max_conns of the only peer")
{
    px_plan_peer peers[] = {conf_peer(1, 1)};
    px_pick first, second;
    peers[0].max_conns = 1;
    world = conf_open();
    px_upstream *upstream = make(peers, 1, PX_BALANCE_ROUND_ROBIN);
    CHECK(take(upstream, &first) != NULL);
    CHECK(take(upstream, &second) == NULL);
    px_pick_end(&first, PX_TRY_FINE);
    CHECK(take(upstream, &second) != NULL);
    conf_close(&world);
}

/* ---- several workers ---- */

enum { WORKERS = 4, PLACES = 1, ROUNDS = 20000, CELLS_BYTES = 4096 };

typedef struct arena_of_all {
    uint8_t cells[WORKERS][CELLS_BYTES]; /* as `active` of Ledgers that lie one behind the other */
    _Atomic int ready, inside, too_many;
    _Atomic uint64_t taken, refused;
} arena_of_all;

static void become_worker(px_upstream *upstream, arena_of_all *all, uint32_t index)
{
    px_ledger *ledger = &world->worker->ledger;
    ledger->active = (_Atomic uint32_t *)(void *)all->cells[index];
    ledger->stride = CELLS_BYTES;
    ledger->workers = WORKERS;
    ledger->worker = index;
    upstream->peers[0].slot = 0;
}

static void contend(px_upstream *upstream, arena_of_all *all, int rounds)
{
    px_pick pick;
    atomic_fetch_add(&all->ready, 1);
    while (atomic_load(&all->ready) < WORKERS)
        sched_yield();
    for (int i = 0; rounds == 0 || i < rounds;) {
        if (take(upstream, &pick) == NULL) {
            atomic_fetch_add(&all->refused, 1);
            if (i % 2 == 0) /* others run in between, or at the same time */
                sched_yield();
            continue;
        }
        i++;
        if (atomic_fetch_add(&all->inside, 1) >= PLACES)
            atomic_fetch_add(&all->too_many, 1);
        atomic_fetch_add(&all->taken, 1);
        for (volatile int turn = 0; turn < 100; turn++)
            ;
        atomic_fetch_sub(&all->inside, 1);
        px_pick_end(&pick, PX_TRY_FINE);
    }
}

static uint32_t cell(arena_of_all *all, uint32_t index)
{
    return atomic_load((_Atomic uint32_t *)(void *)all->cells[index]);
}

static arena_of_all *start(px_upstream *upstream, pid_t pids[WORKERS], int rounds_of_first)
{
    arena_of_all *all = mmap(NULL, sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (uint32_t i = 0; i < WORKERS; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            become_worker(upstream, all, i);
            contend(upstream, all, i == 0 ? rounds_of_first : ROUNDS);
            _exit(0);
        }
    }
    return all;
}

static px_upstream *make_contended(void)
{
    static px_plan_peer peer;
    peer = conf_peer(1, 1);
    peer.max_conns = PLACES;
    return make(&peer, 1, PX_BALANCE_ROUND_ROBIN);
}

TEST(contention, "workers that want the last place at once never exceed max_conns, and give all places back")
{
    pid_t pids[WORKERS];
    int status;
    world = conf_open();
    arena_of_all *all = start(make_contended(), pids, ROUNDS);
    for (int i = 0; i < WORKERS; i++)
        CHECK(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
    CHECK_INT(atomic_load(&all->too_many), 0);
    CHECK_INT(atomic_load(&all->taken), WORKERS * ROUNDS);
    for (uint32_t i = 0; i < WORKERS; i++)
        CHECK_INT(cell(all, i), 0);
    munmap(all, sizeof *all);
    conf_close(&world);
}

static px_upstream *contended;
static arena_of_all *shared;

static void take_as_first(void)
{
    px_pick pick;
    become_worker(contended, shared, 0);
    if (take(contended, &pick) != NULL)
        atomic_fetch_add(&shared->taken, 1);
}

static bool take_as_second(void)
{
    px_pick pick;
    px_ledger before = world->worker->ledger;
    int32_t slot = contended->peers[0].slot;
    become_worker(contended, shared, 1);
    bool got = take(contended, &pick) != NULL;
    contended->peers[0].slot = slot;
    world->worker->ledger = before;
    return got;
}

static void run_to_end(pid_t child)
{
    int status;
    ptrace(PTRACE_CONT, child, NULL, NULL);
    REQUIRE(waitpid(child, &status, 0) == child && WIFEXITED(status));
}

static bool nothing(void)
{
    return true;
}

/* Whether the second worker got the place, when it came so many instructions after the first one began. */
static bool second_gets_it(unsigned steps)
{
    memset(shared, 0, sizeof *shared);
    pid_t child = step_begin(take_as_first);
    for (unsigned i = 0; i < steps; i++)
        CHECK(step_once(child));
    bool got = take_as_second();
    run_to_end(child);
    CHECK_INT(atomic_load(&shared->taken) + got, 1);
    CHECK_INT(cell(shared, 0) + cell(shared, 1), 1);
    return got;
}

/* All instructions take a minute: these are each 32nd, and all around the one that decides. */
TEST(interleaved, "at whatever instruction another worker comes between, exactly one gets the last place")
{
    world = conf_open();
    contended = make_contended();
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned all = step_through(take_as_first, nothing), late = 0;
    for (unsigned steps = 0; steps < all; steps += 32)
        if (second_gets_it(steps))
            late = steps;
    CHECK(late > 0 && late + 32 < all);
    for (unsigned steps = late - 16; steps < late + 40 && steps < all; steps++)
        second_gets_it(steps);
    munmap(shared, sizeof *shared);
    conf_close(&world);
}

TEST(contender_dies, "of a worker that dies while it counts, at most its own one place is taken")
{
    pid_t pids[WORKERS];
    int status;
    world = conf_open();
    arena_of_all *all = start(make_contended(), pids, 0);
    for (int i = 1; i < WORKERS; i++)
        CHECK(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
    kill(pids[0], SIGKILL);
    CHECK(waitpid(pids[0], &status, 0) == pids[0] && WIFSIGNALED(status));
    CHECK(cell(all, 0) <= 1);
    for (uint32_t i = 1; i < WORKERS; i++)
        CHECK_INT(cell(all, i), 0);
    munmap(all, sizeof *all);
    conf_close(&world);
}

TEST(numbers, "a plan whose numbers make no sense is refused")
{
    px_plan_peer peers[] = {conf_peer(1, 65536), conf_peer(2, 1)};
    px_plan_upstream plan = {.name = S("u"), .peers = {peers, 2}, .balance = PX_BALANCE_HASH_CONSISTENT};
    world = conf_open();
    CHECK(!px_build_upstream(&world->build, &plan));
    plan.balance = 7;
    CHECK(!px_build_upstream(&world->build, &plan));
    plan.balance = -1;
    CHECK(!px_build_upstream(&world->build, &plan));
    conf_close(&world);
}
