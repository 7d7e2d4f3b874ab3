/* A Request's lines in the error log: the words that operators search for, with nginx's context behind
 * them. */
#include <stdarg.h>
#include <stdio.h>

#include "proxy/handler_proxy.h"
#include "proxy/request.h"

#define LINE_BYTES 2048

typedef struct line {
    char text[LINE_BYTES];
    size_t len;
} line;

static void put(line *to, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void advance(line *to, int n)
{
    if (n > 0)
        to->len += (size_t)n < LINE_BYTES - to->len ? (size_t)n : LINE_BYTES - 1 - to->len;
}

static void put(line *to, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    advance(to, vsnprintf(to->text + to->len, LINE_BYTES - to->len, format, arguments));
    va_end(arguments);
}

static void put_upstream(line *to, const px_request *r)
{
    px_slice name, uri;
    if (r->proxy == NULL || !px_proxy_target(r->proxy, &name, &uri))
        return;
    bool local = name.len > 5 && memcmp(name.data, "unix:", 5) == 0;
    put(to, ", upstream: \"http://%.*s%s%.*s\"", PX_SLICE_ARGS(name), local ? ":" : "", PX_SLICE_ARGS(uri));
}

void px_request_log(px_request *r, int level, const char *format, ...)
{
    const px_log *log = &r->settings->log;
    if (log->level < level)
        return;
    line to = {.len = 0};
    va_list arguments;
    va_start(arguments, format);
    advance(&to, vsnprintf(to.text, LINE_BYTES, format, arguments));
    va_end(arguments);
    put(&to, ", client: %.*s, server: %.*s", PX_SLICE_ARGS(r->client->address_text),
        PX_SLICE_ARGS(r->server->plan->name));
    if (r->head.request_line.len > 0)
        put(&to, ", request: \"%.*s\"", PX_SLICE_ARGS(r->head.request_line));
    put_upstream(&to, r);
    if (r->head.host.len > 0)
        put(&to, ", host: \"%.*s\"", PX_SLICE_ARGS(r->head.host));
    px_slice referer = px_request_header(r, PX_HEADER_REFERER);
    if (referer.len > 0)
        put(&to, ", referrer: \"%.*s\"", PX_SLICE_ARGS(referer));
    if (r->reason != PX_REASON_NONE)
        put(&to, ", reason: %.*s", PX_SLICE_ARGS(px_reason_name(r->reason)));
    px_log_write(log, level, r->client->number, "%s", to.text);
}
