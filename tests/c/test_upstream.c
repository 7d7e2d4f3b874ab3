/* Balancing and failure arithmetic are nginx's; idle connections outlive the Upstreams that made them. */
#include "check.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "conf_harness.h"
#include "net/connect.h"

static conf_world *world;

static uint64_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec;
}

static px_upstream *make(px_plan_peer *peers, uint32_t count)
{
    return conf_upstream(world, "u", peers, count)->runtime;
}

/* The letter of the peer that one request gets ('a' is the first), and how its try ends. '-': no live
 * upstreams. */
static char ask(px_upstream *upstream, px_try_end end)
{
    px_pick pick;
    px_pick_begin(&pick, upstream, 0, &world->arena);
    px_peer *peer = px_pick_next(&pick);
    if (peer == NULL)
        return '-';
    px_pick_end(&pick, end);
    return (char)('a' + peer->index);
}

/* The first peer fails when it is asked, the others answer. */
static char ask_first_fails(px_upstream *upstream)
{
    px_pick pick;
    px_pick_begin(&pick, upstream, 0, &world->arena);
    px_peer *peer = px_pick_next(&pick);
    px_pick_end(&pick, peer->index == 0 ? PX_TRY_FAILED : PX_TRY_FINE);
    return (char)('a' + peer->index);
}

static void check_sequence(px_upstream *upstream, const char *want)
{
    char got[64] = "";
    for (size_t i = 0; want[i] != '\0'; i++)
        got[i] = ask(upstream, PX_TRY_FINE);
    CHECK_STRING(got, want);
}

/* As if the peer's last failure, or check, were so many seconds back. */
static void age(px_upstream *upstream, uint32_t index, uint64_t seconds)
{
    px_peer_record *record = upstream->peers[index].record;
    atomic_store(&record->accessed_s, now_s() - seconds);
    atomic_store(&record->checked_s, now_s() - seconds);
}

static uint32_t active(uint32_t slot)
{
    return atomic_load(&world->worker->ledger.active[slot]);
}

TEST(smooth, "weights spread evenly: 5, 1, 1 gives a a b a c a a")
{
    world = conf_open();
    px_plan_peer peers[] = {conf_peer(1, 5), conf_peer(2, 1), conf_peer(3, 1)};
    check_sequence(make(peers, 3), "aabacaaaabacaa");
    conf_close(&world);
}

TEST(equal, "equal weights take turns")
{
    world = conf_open();
    px_plan_peer peers[] = {conf_peer(1, 1), conf_peer(2, 1), conf_peer(3, 1)};
    check_sequence(make(peers, 3), "abcabcabc");
    conf_close(&world);
}

TEST(down, "a peer that is down is never asked; alone, it means no live upstreams")
{
    world = conf_open();
    px_plan_peer peers[] = {conf_peer(1, 1), conf_peer(2, 1)};
    peers[0].down = true;
    check_sequence(make(peers, 2), "bbb");
    px_upstream *alone = conf_upstream(world, "v", peers, 1)->runtime;
    check_sequence(alone, "--");
    conf_close(&world);
}

TEST(max_fails, "after max_fails failures a peer rests for fail_timeout, then one request tries it")
{
    world = conf_open();
    px_plan_peer peers[] = {conf_peer(1, 1), conf_peer(2, 1)};
    peers[0].max_fails = 2;
    px_upstream *upstream = make(peers, 2);
    CHECK_INT(ask(upstream, PX_TRY_FAILED), 'a');
    CHECK_INT(ask(upstream, PX_TRY_FINE), 'b');
    CHECK_INT(ask(upstream, PX_TRY_FAILED), 'a'); /* the second one */
    check_sequence(upstream, "bbbb");
    age(upstream, 0, 10);
    check_sequence(upstream, "bb"); /* exactly fail_timeout: not yet */
    age(upstream, 0, 11);
    char first = ask_first_fails(upstream), second = ask_first_fails(upstream);
    CHECK((first == 'a') != (second == 'a')); /* its turn came, and it failed again */
    check_sequence(upstream, "bbb");
    conf_close(&world);
}

TEST(recovers,
     "a good answer after fail_timeout makes the peer live again, and its weight comes back step by step")
{
    world = conf_open();
    px_plan_peer peers[] = {conf_peer(1, 2), conf_peer(2, 2)};
    px_upstream *upstream = make(peers, 2);
    CHECK_INT(ask(upstream, PX_TRY_FAILED), 'a');
    CHECK_INT(upstream->peers[0].effective_weight, 0);
    age(upstream, 0, 11);
    atomic_store(&upstream->peers[0].record->accessed_s, now_s() - 11);
    for (int i = 0; i < 8; i++)
        ask(upstream, PX_TRY_FINE);
    CHECK_INT(atomic_load(&upstream->peers[0].record->fails), 0);
    CHECK_INT(upstream->peers[0].effective_weight, 2);
    conf_close(&world);
}

TEST(success_in_between, "a good answer within fail_timeout does not forgive a failure")
{
    world = conf_open();
    px_plan_peer peers[] = {conf_peer(1, 1), conf_peer(2, 1)};
    peers[0].max_fails = peers[1].max_fails = 3;
    px_upstream *upstream = make(peers, 2);
    CHECK_INT(ask(upstream, PX_TRY_FAILED), 'a');
    ask(upstream, PX_TRY_FINE);
    ask(upstream, PX_TRY_FINE);
    CHECK_INT(atomic_load(&upstream->peers[0].record->fails), 1);
    conf_close(&world);
}

TEST(never_fails, "max_fails=0: failures are not counted")
{
    world = conf_open();
    px_plan_peer peers[] = {conf_peer(1, 1), conf_peer(2, 1)};
    peers[0].max_fails = peers[1].max_fails = 0;
    px_upstream *upstream = make(peers, 2);
    for (int i = 0; i < 10; i++)
        CHECK_INT(ask(upstream, PX_TRY_FAILED), i % 2 == 0 ? 'a' : 'b');
    conf_close(&world);
}

TEST(single, "the only peer is asked however often it fails")
{
    world = conf_open();
    px_plan_peer peers[] = {conf_peer(1, 1)};
    px_upstream *upstream = make(peers, 1);
    for (int i = 0; i < 5; i++)
        CHECK_INT(ask(upstream, PX_TRY_FAILED), 'a');
    CHECK_INT(atomic_load(&upstream->peers[0].record->fails), 0);
    conf_close(&world);
}

TEST(backups, "backups are asked when no other peer is live, and no longer than that")
{
    world = conf_open();
    px_plan_peer peers[] = {conf_peer(1, 1), conf_peer(2, 1), conf_peer(3, 1)};
    peers[1].backup = true;
    px_upstream *upstream = make(peers, 3);
    CHECK_INT(upstream->primaries, 2); /* a and b are ports 1 and 3, c is the backup */
    check_sequence(upstream, "abab");
    CHECK_INT(ask(upstream, PX_TRY_FAILED), 'a');
    CHECK_INT(ask(upstream, PX_TRY_FAILED), 'b');
    check_sequence(upstream, "ccc");
    age(upstream, 1, 11);
    check_sequence(upstream, "b");
    conf_close(&world);
}

TEST(no_live, "when all have failed there are no live upstreams until a fail_timeout is over")
{
    world = conf_open();
    px_plan_peer peers[] = {conf_peer(1, 1), conf_peer(2, 1)};
    px_upstream *upstream = make(peers, 2);
    ask(upstream, PX_TRY_FAILED);
    ask(upstream, PX_TRY_FAILED);
    check_sequence(upstream, "--");
    age(upstream, 0, 11);
    check_sequence(upstream, "a");
    conf_close(&world);
}

TEST(tries, "one request asks each peer once, and no more of them than it may try")
{
    world = conf_open();
    px_plan_peer peers[] = {conf_peer(1, 1), conf_peer(2, 1), conf_peer(3, 1), conf_peer(4, 1)};
    peers[2].down = true;
    px_upstream *upstream = make(peers, 4);
    px_pick pick;
    px_pick_begin(&pick, upstream, 0, &world->arena);
    CHECK_INT(pick.tries, 3);
    for (const char *want = "abd"; *want != '\0'; want++) {
        px_peer *peer = px_pick_next(&pick);
        REQUIRE(peer != NULL);
        CHECK_INT('a' + (int)peer->index, *want);
        px_pick_end(&pick, PX_TRY_NEXT);
    }
    CHECK_INT(pick.tries, 0);
    CHECK(px_pick_next(&pick) == NULL);
    px_pick_begin(&pick, upstream, 2, &world->arena);
    CHECK_INT(pick.tries, 2);
    conf_close(&world);
}

TEST(many_peers, "more peers than fit into a word are remembered too")
{
    enum { COUNT = 300 };
    static px_plan_peer peers[COUNT];
    world = conf_open();
    for (int i = 0; i < COUNT; i++)
        peers[i] = conf_peer(1000 + i, 1);
    px_upstream *upstream = make(peers, COUNT);
    px_pick pick;
    bool seen[COUNT] = {false};
    px_pick_begin(&pick, upstream, 0, &world->arena);
    for (int i = 0; i < COUNT; i++) {
        px_peer *peer = px_pick_next(&pick);
        REQUIRE(peer != NULL && !seen[peer->index]);
        seen[peer->index] = true;
        px_pick_end(&pick, PX_TRY_NEXT);
    }
    CHECK(px_pick_next(&pick) == NULL);
    conf_close(&world);
}

TEST(ledger, "a peer in hand is active in the ledger, and held while its upstream is loaded")
{
    world = conf_open();
    px_plan_peer peers[] = {conf_peer(1, 1), conf_peer(2, 1)};
    px_upstream *upstream = make(peers, 2);
    uint32_t slot = (uint32_t)upstream->peers[0].slot;
    px_pick pick;
    CHECK_INT(atomic_load(&world->worker->ledger.held[slot]), 1);
    px_pick_begin(&pick, upstream, 0, &world->arena);
    CHECK(px_pick_next(&pick) == &upstream->peers[0]);
    CHECK_INT(active(slot), 1);
    px_pick_end(&pick, PX_TRY_FINE);
    CHECK_INT(active(slot), 0);
    px_upstream *again = conf_upstream(world, "u", peers, 2)->runtime;
    CHECK_INT(again->peers[0].slot, (int)slot);
    CHECK_INT(atomic_load(&world->worker->ledger.held[slot]), 2);
    conf_close(&world);
}

/* ---- idle connections ---- */

static int listening_port, listening_fd;

static void listen_somewhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    listening_fd = socket(AF_INET, SOCK_STREAM, 0);
    bind(listening_fd, (struct sockaddr *)&address, sizeof address);
    listen(listening_fd, 16);
    getsockname(listening_fd, (struct sockaddr *)&address, &len);
    listening_port = ntohs(address.sin_port);
}

static int ends;

static void on_head(px_h1_client *client, const px_response_head_in *head, px_block *block, bool body_follows)
{
    (void)client;
    (void)head;
    (void)block;
    CHECK(!body_follows);
    ends++;
}

static void on_writable(px_h1_client *client)
{
    (void)client;
}

static void on_failure(px_h1_client *client, const px_h1_failure *failure)
{
    (void)client;
    (void)failure;
    CHECK(!"an exchange fails");
}

static const px_h1_client_user user = {
    .on_head = on_head, .on_writable = on_writable, .on_failure = on_failure};

/* A connection that has served one exchange; *peer_fd is its other end. */
static px_h1_client *served(const px_peer *peer, int *peer_fd)
{
    static const px_h1_client_limits limits = {60000, 60000, 60000, 4096, 4096};
    static const char answer[] = "HTTP/1.1 204 No Content\r\n\r\n";
    bool pending;
    px_loop *loop = world->worker->loop;
    px_h1_client *client = px_h1_client_new(
        loop, px_connect(&peer->address, &(px_connect_options){.keepalive = false}, &pending), true);
    px_piece request = {(const uint8_t *)"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27, NULL};
    px_h1_client_start(client, &user, NULL, &limits, false);
    px_h1_client_send(client, &request, 1, false, true);
    *peer_fd = accept(listening_fd, NULL, NULL);
    CHECK(write(*peer_fd, answer, sizeof answer - 1) == (ssize_t)sizeof answer - 1);
    for (int before = ends; ends == before;)
        px_loop_run(loop, px_loop_now_ms(loop) + 10);
    return client;
}

TEST(parked, "the connection parked last is taken first; the longest idle one goes when there are too many")
{
    world = conf_open();
    listen_somewhere();
    px_plan_peer peers[] = {conf_peer(listening_port, 1)};
    px_upstream *upstream = make(peers, 1);
    px_idle_shelf *shelf = upstream->peers[0].shelf;
    int fds[3];
    px_h1_client *clients[3], *parked[3];
    for (int i = 0; i < 3; i++) {
        parked[i] = clients[i] = served(&upstream->peers[0], &fds[i]);
        px_idle_park(shelf, &parked[i], 2, 60000);
        CHECK(parked[i] == NULL);
    }
    conf_settle(world);
    CHECK_INT(world->worker->idle_count, 2);
    px_h1_client *taken = px_idle_take_marked(shelf, 0);
    CHECK(taken == clients[2]);
    px_h1_client_close(&taken);
    taken = px_idle_take_marked(shelf, 0);
    CHECK(taken == clients[1]);
    px_h1_client_close(&taken);
    CHECK(px_idle_take_marked(shelf, 0) == NULL);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    close(listening_fd);
    conf_close(&world);
}

TEST(closed_by_peer, "an idle connection that the peer closes is gone from the pool")
{
    world = conf_open();
    listen_somewhere();
    px_plan_peer peers[] = {conf_peer(listening_port, 1)};
    px_upstream *upstream = make(peers, 1);
    int fd;
    px_h1_client *client = served(&upstream->peers[0], &fd);
    px_upstream_keep(upstream, &upstream->peers[0], &client);
    CHECK_INT(world->worker->idle_count, 1);
    close(fd);
    while (world->worker->idle_count > 0)
        px_loop_run(world->worker->loop, px_loop_now_ms(world->worker->loop) + 10);
    CHECK(px_idle_take_marked(upstream->peers[0].shelf, 0) == NULL);
    close(listening_fd);
    conf_close(&world);
}

TEST(outlives, "an upstream of the same name finds what one before it has parked for the same address")
{
    world = conf_open();
    listen_somewhere();
    px_plan_peer peers[] = {conf_peer(listening_port, 1), conf_peer(1, 1)};
    px_upstream *before = make(peers, 1);
    int fd;
    px_h1_client *client = served(&before->peers[0], &fd), *same = client;
    px_upstream_keep(before, &before->peers[0], &client);
    px_upstream *after = conf_upstream(world, "u", peers, 2)->runtime;
    px_upstream *other = conf_upstream(world, "other", peers, 1)->runtime;
    CHECK(px_idle_take_marked(other->peers[0].shelf, 0) == NULL);
    CHECK(px_idle_take_marked(after->peers[1].shelf, 0) == NULL);
    px_h1_client *taken = px_idle_take_marked(after->peers[0].shelf, 0);
    CHECK(taken == same);
    px_h1_client_close(&taken);
    close(fd);
    close(listening_fd);
    conf_close(&world);
}

TEST(limits, "a connection is not kept beyond keepalive, keepalive_requests and keepalive_time")
{
    world = conf_open();
    listen_somewhere();
    px_plan_peer peers[] = {conf_peer(listening_port, 1)};
    for (int i = 0; i < 3; i++) {
        px_plan_upstream *plan = (px_plan_upstream *)(uintptr_t)conf_upstream(world, "u", peers, 1);
        px_upstream *upstream = plan->runtime;
        if (i == 0)
            upstream->keepalive = 0;
        if (i == 1)
            plan->keepalive_requests = 1;
        if (i == 2)
            plan->keepalive_requests = 2;
        int fd;
        px_h1_client *client = served(&upstream->peers[0], &fd);
        px_upstream_keep(upstream, &upstream->peers[0], &client);
        CHECK_INT(world->worker->idle_count, i == 2 ? 1 : 0);
        close(fd);
    }
    close(listening_fd);
    conf_close(&world);
}
