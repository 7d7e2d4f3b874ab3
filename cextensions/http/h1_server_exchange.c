/* See h1_server_private.h: where exchanges come from and go to. Those that are over are kept for the next
 * request, up to a number. */
#include "http/h1_server_private.h"

#include "base/memory.h"

/* Exchanges kept for reuse; what is over goes back to malloc. */
#define POOLED_EXCHANGES 256

/* One thread, one pool. */
static px_h1_exchange *exchange_pool;
static uint32_t exchange_pooled;

static void on_send_timeout(px_timer *timer)
{
    px_h1_exchange *exchange = PX_CONTAINER(timer, px_h1_exchange, send_timer);
    if (exchange->conn->state != PX_H1_BUSY)
        return;
    if (exchange->delayed) {
        exchange->delayed = false;
        px_h1_flush(exchange->conn);
        return;
    }
    px_h1_conn_abort(exchange->conn, PX_ABORT_TIMEOUT);
}

px_h1_exchange *px_h1_exchange_new(px_h1_conn *conn)
{
    px_h1_exchange *exchange = exchange_pool;
    if (exchange != NULL) {
        exchange_pool = exchange->next;
        exchange_pooled--;
        px_unpoison(exchange, sizeof *exchange);
    } else {
        exchange = px_memory_alloc(sizeof *exchange);
    }
    memset(exchange, 0, offsetof(px_h1_exchange, send_timer));
    px_timer_init(&exchange->send_timer, on_send_timeout);
    px_h1_output_init(&exchange->output);
    exchange->magic = PX_H1_EXCHANGE_MAGIC;
    exchange->conn = conn;
    exchange->answer_left = UINT64_MAX;
    exchange->stream = (px_stream){.ops = &px_h1_stream_ops,
                                   .user = conn->conf->user,
                                   .client = &conn->client,
                                   .loop = conn->transport.loop,
                                   .settings = px_h1_conn_settings(conn),
                                   .splices = conn->transport.ops->splice_out != NULL,
                                   .client_ended = conn->transport.peer_ended};
    conn->exchange = exchange;
    return exchange;
}

void px_h1_exchange_end(px_h1_conn *conn)
{
    px_h1_exchange *exchange = conn->exchange;
    if (exchange == NULL)
        return;
    conn->exchange = NULL;
    px_timer_stop(conn->transport.loop, &exchange->send_timer);
    px_h1_output_clear(&exchange->output);
    exchange->magic = 0;
    exchange->conn = NULL;
    if (exchange_pooled == POOLED_EXCHANGES) {
        free(exchange);
        return;
    }
    exchange->next = exchange_pool;
    exchange_pool = exchange;
    exchange_pooled++;
    px_poison(exchange, offsetof(px_h1_exchange, next));
    px_poison(&exchange->wanted, sizeof *exchange - offsetof(px_h1_exchange, wanted));
}

void px_h1_server_pool_clear(void)
{
    while (exchange_pool != NULL) {
        px_h1_exchange *exchange = exchange_pool;
        exchange_pool = exchange->next;
        px_unpoison(exchange, sizeof *exchange);
        free(exchange);
    }
    exchange_pooled = 0;
}
