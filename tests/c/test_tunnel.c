/* http/tunnel over real sockets: bytes both ways, back-pressure, ends. */
#include "check.h"

#include <sys/socket.h>

#include "h1_harness.h"
#include "http/tunnel.h"

static px_loop *loop;
static px_tunnel *tunnel;
static px_tunnel_result result;
static int ended;

static void on_end(px_tunnel *of, const px_tunnel_result *how)
{
    CHECK_STRING((const char *)px_tunnel_owner(of), "owner");
    result = *how;
    ended++;
}

/* A tunnel between two sockets whose far ends are the test's. */
static void begin(far_end *client, far_end *peer, bool tcp, bool small, uint64_t timeout_ms)
{
    int near_client, near_peer;
    *client = far_end_open(&near_client, tcp, small);
    *peer = far_end_open(&near_peer, tcp, small);
    loop = harness_open();
    ended = 0;
    tunnel = px_tunnel_new(loop, timeout_ms, on_end, "owner");
    px_transport_plain(px_tunnel_client_side(tunnel), loop, near_client, true, px_tunnel_on_ready);
    px_transport_plain(px_tunnel_peer_side(tunnel), loop, near_peer, true, px_tunnel_on_ready);
}

static void finish(far_end *client, far_end *peer)
{
    far_end_close(client);
    far_end_close(peer);
    settle(loop, NULL);
    CHECK_INT(ended, 1);
    CHECK_INT(px_tunnel_live(), 0);
    harness_close(&loop);
}

TEST(both_ways, "bytes go both ways, and an idle tunnel holds no buffer")
{
    far_end client, peer;
    begin(&client, &peer, false, false, 60000);
    px_tunnel_start(tunnel);
    far_end_say(&client, "ping");
    settle(loop, &client, &peer, NULL);
    CHECK_SLICE(far_end_take(&peer), "ping");
    far_end_say(&peer, "pong");
    far_end_say(&client, "more");
    settle(loop, &client, &peer, NULL);
    CHECK_SLICE(far_end_take(&client), "pong");
    CHECK_SLICE(far_end_take(&peer), "more");
    CHECK_INT(px_block_live(), 0);
    CHECK_INT(ended, 0);
    far_end_close(&client);
    far_end_close(&peer);
    settle(loop, NULL);
    CHECK_INT(result.to_peer, 8);
    CHECK_INT(result.to_client, 4);
    CHECK_INT(result.error_number, 0);
    CHECK(!result.timed_out);
    finish(&client, &peer);
}

TEST(early_bytes, "what was queued before the start goes first")
{
    far_end client, peer;
    begin(&client, &peer, false, false, 60000);
    px_queue_push(px_tunnel_to_client(tunnel), (px_piece){(const uint8_t *)"101", 3, NULL});
    px_queue_push(px_tunnel_to_peer(tunnel), (px_piece){(const uint8_t *)"early", 5, NULL});
    far_end_say(&client, " late");
    px_tunnel_start(tunnel);
    settle(loop, &client, &peer, NULL);
    CHECK_SLICE(far_end_take(&client), "101");
    CHECK_SLICE(far_end_take(&peer), "early late");
    finish(&client, &peer);
}

TEST(half_close, "a half-close is passed on, and the other way stays open")
{
    far_end client, peer;
    begin(&client, &peer, false, false, 60000);
    px_tunnel_start(tunnel);
    far_end_say(&client, "last words");
    shutdown(client.fd, SHUT_WR);
    settle(loop, &client, &peer, NULL);
    CHECK_SLICE(far_end_take(&peer), "last words");
    CHECK(peer.ended);
    CHECK(!client.ended);
    far_end_say(&peer, "answer");
    settle(loop, &client, &peer, NULL);
    CHECK_SLICE(far_end_take(&client), "answer");
    CHECK_INT(ended, 0);
    shutdown(peer.fd, SHUT_WR);
    settle(loop, &client, &peer, NULL);
    CHECK(client.ended);
    CHECK_INT(ended, 1);
    finish(&client, &peer);
}

#define FLOOD_BYTES (4u << 20)

/* Writes up to the flood's end; byte i is i % 251. */
static void pour(far_end *into, size_t *at)
{
    uint8_t bytes[8192];
    while (*at < FLOOD_BYTES) {
        size_t len = FLOOD_BYTES - *at < sizeof bytes ? FLOOD_BYTES - *at : sizeof bytes;
        for (size_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)((*at + i) % 251);
        size_t n = far_end_write(into, bytes, len);
        *at += n;
        if (n < len)
            return;
    }
}

static bool is_flood(px_slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        if (bytes.data[i] != i % 251)
            return false;
    return bytes.len == FLOOD_BYTES;
}

TEST(back_pressure,
     "what one side does not read is not read from the other, and nothing is lost, both ways at once")
{
    far_end client, peer;
    begin(&client, &peer, false, true, 60000);
    px_tunnel_start(tunnel);
    client.deaf = peer.deaf = true;
    size_t up = 0, down = 0;
    for (int i = 0; i < 200; i++) {
        pour(&client, &up);
        pour(&peer, &down);
        px_loop_run(loop, 0);
    }
    CHECK(up < FLOOD_BYTES && down < FLOOD_BYTES);
    CHECK(px_block_live() <= 2);
    client.deaf = peer.deaf = false;
    for (int i = 0; i < 100000 && (client.len < FLOOD_BYTES || peer.len < FLOOD_BYTES); i++) {
        pour(&client, &up);
        pour(&peer, &down);
        px_loop_run(loop, px_clock_ms() + 1);
        far_end_read(&client);
        far_end_read(&peer);
    }
    CHECK(is_flood(far_end_view(&peer)));
    CHECK(is_flood(far_end_view(&client)));
    CHECK_INT(px_block_live(), 0);
    finish(&client, &peer);
}

TEST(fin_behind_flood, "a FIN comes out behind all that went before it")
{
    far_end client, peer;
    begin(&client, &peer, false, true, 60000);
    px_tunnel_start(tunnel);
    size_t up = 0;
    for (int i = 0; i < 100000 && up < FLOOD_BYTES; i++) {
        pour(&client, &up);
        px_loop_run(loop, 0);
        far_end_read(&peer);
    }
    shutdown(client.fd, SHUT_WR);
    settle(loop, &client, &peer, NULL);
    CHECK(is_flood(far_end_view(&peer)));
    CHECK(peer.ended);
    finish(&client, &peer);
}

TEST(shares_the_turn, "a flood through one tunnel leaves the turn when its budget is used up")
{
    far_end client, peer;
    begin(&client, &peer, false, false, 60000);
    px_tunnel_start(tunnel);
    px_loop_run(loop, 0);
    const int large = 8 << 20; /* the kernel cuts it to what it allows */
    setsockopt(client.fd, SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    setsockopt(px_tunnel_peer_side(tunnel)->watch.fd, SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    size_t up = 0;
    pour(&client, &up);
    REQUIRE(up > PX_EVENT_BUDGET_BYTES + 65536);
    px_loop_run(loop, 0);
    far_end_read(&peer);
    CHECK(peer.len >= PX_EVENT_BUDGET_BYTES);
    CHECK(peer.len <= PX_EVENT_BUDGET_BYTES + 65536);
    settle(loop, &peer, NULL);
    CHECK_INT(peer.len, up);
    finish(&client, &peer);
}

TEST(resets, "a reset of either side ends the tunnel and says whose it was")
{
    for (int side = 0; side < 2; side++) {
        far_end client, peer;
        begin(&client, &peer, true, false, 60000);
        px_tunnel_start(tunnel);
        far_end_say(&client, "x");
        settle(loop, &client, &peer, NULL);
        far_end_reset(side == 0 ? &client : &peer);
        settle(loop, NULL);
        CHECK_INT(ended, 1);
        CHECK(result.error_number != 0);
        CHECK_INT(result.client_side, side == 0);
        far_end_read(side == 0 ? &peer : &client);
        CHECK((side == 0 ? &peer : &client)->ended);
        finish(&client, &peer);
    }
}

TEST(silence, "a tunnel in which nothing moves ends after its timeout")
{
    far_end client, peer;
    begin(&client, &peer, false, false, 30);
    px_tunnel_start(tunnel);
    run_until(loop, &ended);
    CHECK(result.timed_out);
    settle(loop, &client, &peer, NULL);
    CHECK(client.ended && peer.ended);
    finish(&client, &peer);
}

TEST(closed_by_owner, "its owner may end it, also before it started")
{
    for (int started = 0; started < 2; started++) {
        far_end client, peer;
        begin(&client, &peer, false, false, 60000);
        px_queue_push(px_tunnel_to_peer(tunnel), (px_piece){(const uint8_t *)"early", 5, NULL});
        if (started)
            px_tunnel_start(tunnel);
        px_tunnel_close(tunnel);
        CHECK_INT(ended, 1);
        px_tunnel_close(tunnel);
        CHECK_INT(ended, 1);
        finish(&client, &peer);
    }
}
