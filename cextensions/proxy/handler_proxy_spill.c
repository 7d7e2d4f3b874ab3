/* See handler_proxy.h: an answer that comes faster than its client takes it. What is more than proxy_buffers hold
 * goes into a temporary file, so that the peer is free early; what is more than proxy_max_temp_file_size, or finds no
 * room on the disk, makes the peer wait. */
#include "proxy/handler_proxy.h"
#include "proxy/rates.h"

static bool is_full(const px_proxy *proxy)
{
    return proxy->spool.bytes >= (uint64_t)proxy->request->settings->plan->proxy_max_temp_file_size;
}

/* Not before the kernel has had the chance to take what waits: the client may well keep up. */
static bool spills(const px_proxy *proxy)
{
    const px_request *r = proxy->request;
    return proxy->buffering && !proxy->spool_failed && r->stream->blocked &&
           r->stream->unsent > r->settings->read_ahead && !is_full(proxy);
}

static bool open_spool(px_proxy *proxy)
{
    static const px_spool_kind kind = {
        .told = "an upstream response is buffered to a temporary file",
        .while_what = " while reading upstream",
        .level = PX_LOG_WARN,
    };
    px_request *r = proxy->request;
    return px_spool_open(&proxy->spool, r, r->settings->plan->proxy_temp_path, &kind);
}

/* At most proxy_temp_file_write_size at once. */
static bool write_piece(px_proxy *proxy, const px_piece *piece)
{
    px_request *r = proxy->request;
    size_t most = (size_t)r->settings->plan->proxy_temp_file_write_size;
    for (size_t at = 0; at < piece->len;) {
        size_t left = piece->len - at;
        px_piece part = {piece->data + at, left < most ? left : most, NULL};
        if (!px_spool_write(&proxy->spool, r, &part, 1))
            return false;
        at += part.len;
    }
    return true;
}

static bool write_pieces(px_proxy *proxy, const px_piece *pieces, uint32_t count)
{
    bool written = proxy->spool.file != NULL || open_spool(proxy);
    for (uint32_t i = 0; written && i < count; i++)
        written = write_piece(proxy, &pieces[i]);
    return written;
}

/* The log tells why. The Request goes on without a file, so that this is not its end's reason. */
static void go_on_in_memory(px_proxy *proxy, uint64_t written, uint8_t reason)
{
    proxy->spool_failed = true;
    proxy->spool.bytes = written;
    proxy->request->reason = reason;
}

void px_proxy_spill(px_proxy *proxy, px_piece *pieces, uint32_t *count)
{
    if (*count == 0 || !spills(proxy))
        return;
    uint64_t start = proxy->spool.bytes;
    uint8_t reason = proxy->request->reason;
    if (!write_pieces(proxy, pieces, *count)) {
        go_on_in_memory(proxy, start, reason);
        return;
    }
    for (uint32_t i = 0; i < *count; i++)
        px_piece_release(&pieces[i]);
    pieces[0] = px_spool_piece(&proxy->spool, start, (size_t)(proxy->spool.bytes - start));
    *count = 1;
}

bool px_proxy_must_wait(const px_proxy *proxy)
{
    const px_settings *settings = proxy->request->settings;
    size_t unsent = proxy->request->stream->unsent;
    if (!proxy->buffering)
        return unsent > settings->limits.head_bytes;
    return unsent > settings->read_ahead && !spills(proxy);
}

/* ---- splice ---- */

/* Not to a client that is slow: what waits for it goes to the file, and out of a pipe it could not. */
void px_proxy_splice(px_proxy *proxy)
{
    const px_request *r = proxy->request;
    bool plain = r->filters == &px_filter_headers && px_filter_headers.next == &px_filter_writer;
    if (proxy->client != NULL && plain && proxy->rate.bytes == 0 && !r->stream->blocked && r->stream->splices)
        px_h1_client_splice(proxy->client, true);
}

/* ---- proxy_limit_rate ---- */

static void on_rate_timer(px_timer *timer)
{
    px_proxy *proxy = PX_CONTAINER(timer, px_proxy, rate_timer);
    px_request *r = proxy->request;
    int64_t allowed = px_rate_allows(&proxy->rate, px_proxy_current_try(proxy)->body_bytes,
                                     px_loop_now_ms(r->worker->loop));
    if (allowed <= 0) {
        px_timer_start(r->worker->loop, timer, (uint64_t)-allowed);
        return;
    }
    proxy->slowed = false;
    if (!proxy->paused && proxy->client != NULL)
        px_h1_client_resume(proxy->client);
}

/* As in nginx only where answers are buffered. */
void px_proxy_rate_begin(px_proxy *proxy)
{
    px_request *r = proxy->request;
    const px_size_value *value = &r->settings->rates->from_peer;
    if (value->constant && value->bytes == 0)
        return;
    proxy->rate = (px_rate){.bytes = proxy->buffering ? px_size_of(value, r) : 0,
                            .started_ms = px_loop_now_ms(r->worker->loop)};
    px_timer_init(&proxy->rate_timer, on_rate_timer);
    if (proxy->rate.bytes > 0 && proxy->rate.bytes < UINT32_MAX)
        px_h1_client_read_at_most(proxy->client, (uint32_t)proxy->rate.bytes);
}

void px_proxy_rate_count(px_proxy *proxy, size_t bytes)
{
    uint64_t total = px_proxy_current_try(proxy)->body_bytes;
    uint64_t ms = px_rate_pause(&proxy->rate, total - bytes, total);
    if (ms == 0)
        return;
    proxy->slowed = true;
    px_timer_start(proxy->request->worker->loop, &proxy->rate_timer, ms);
    px_h1_client_pause(proxy->client);
}

void px_proxy_rate_end(px_proxy *proxy)
{
    if (proxy->slowed)
        px_timer_stop(proxy->request->worker->loop, &proxy->rate_timer);
    proxy->slowed = false;
}
