/* See handler_proxy.h: an answer that comes faster than its client takes it. What is more than proxy_buffers hold
 * goes into a temporary file, so that the peer is free early; what is more than proxy_max_temp_file_size makes the
 * peer wait. */
#include "proxy/handler_proxy.h"

static bool is_full(const px_proxy *proxy)
{
    return proxy->spool.bytes >= (uint64_t)proxy->request->settings->plan->proxy_max_temp_file_size;
}

static bool open_spool(px_proxy *proxy)
{
    static const px_spool_kind kind = {
        .told = "an upstream response is buffered to a temporary file",
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

bool px_proxy_spill(px_proxy *proxy, px_piece *pieces, uint32_t *count)
{
    px_request *r = proxy->request;
    if (!proxy->buffering || r->stream->unsent <= r->settings->read_ahead || *count == 0 || is_full(proxy))
        return true;
    bool written = proxy->spool.file != NULL || open_spool(proxy);
    uint64_t start = proxy->spool.bytes;
    for (uint32_t i = 0; i < *count; i++) {
        written = written && write_piece(proxy, &pieces[i]);
        px_piece_release(&pieces[i]);
    }
    *count = 0;
    if (!written)
        return false;
    pieces[(*count)++] = px_spool_piece(&proxy->spool, start, (size_t)(proxy->spool.bytes - start));
    return true;
}

bool px_proxy_must_wait(const px_proxy *proxy)
{
    const px_settings *settings = proxy->request->settings;
    size_t unsent = proxy->request->stream->unsent;
    if (!proxy->buffering)
        return unsent > settings->limits.head_bytes;
    return unsent > settings->read_ahead && is_full(proxy);
}
