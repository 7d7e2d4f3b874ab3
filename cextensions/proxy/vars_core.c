/* Variables of the request and its connection. */
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "generated/version.h"
#include "net/address.h"
#include "proxy/request.h"
#include "proxy/vars.h"

/* ---- numbers ---- */

static px_slice copy(px_request *r, const void *bytes, size_t len)
{
    return px_arena_copy(&r->arena, px_slice_from(bytes, len));
}

px_slice px_var_uint(px_request *r, uint64_t value)
{
    return px_slice_of_uint(px_arena_alloc(&r->arena, PX_UINT_DIGITS), value);
}

size_t px_put_seconds(uint8_t *into, uint64_t ms)
{
    uint8_t room[PX_UINT_DIGITS];
    px_slice whole = px_slice_of_uint(room, ms / 1000);
    size_t len = whole.len;
    memcpy(into, whole.data, len);
    unsigned rest = (unsigned)(ms % 1000);
    into[len++] = '.';
    into[len++] = (uint8_t)('0' + rest / 100);
    into[len++] = (uint8_t)('0' + rest / 10 % 10);
    into[len++] = (uint8_t)('0' + rest % 10);
    return len;
}

/* Milliseconds as seconds with three digits: "1.234". */
static px_slice seconds(px_request *r, uint64_t ms)
{
    uint8_t *text = px_arena_alloc(&r->arena, PX_SECONDS_BYTES);
    return px_slice_from(text, px_put_seconds(text, ms));
}

/* ---- the request line ---- */

#define VARIABLE(name) px_slice px_var_##name(px_request *r, const px_op *op)

VARIABLE(args)
{
    (void)op;
    return r->args.len > 0 || (r->changed && r->args.data != NULL) ? r->args : PX_NO_VALUE;
}

VARIABLE(is_args)
{
    (void)op;
    return r->args.len > 0 ? PX_SLICE("?") : PX_SLICE("");
}

static bool named(px_slice part, px_slice name)
{
    return part.len > name.len && part.data[name.len] == '=' &&
           px_slice_equal_caseless(px_slice_from(part.data, name.len), name);
}

VARIABLE(arg)
{
    const uint8_t *at = r->args.data;
    size_t left = op->text.len > 0 ? r->args.len : 0; /* "$arg_" alone says nothing */
    while (left > 0) {
        const uint8_t *end = memchr(at, '&', left);
        px_slice part = px_slice_from(at, end != NULL ? (size_t)(end - at) : left);
        if (named(part, op->text))
            return px_slice_from(part.data + op->text.len + 1, part.len - op->text.len - 1);
        if (end == NULL)
            break;
        left -= part.len + 1;
        at = end + 1;
    }
    return PX_NO_VALUE;
}

VARIABLE(uri)
{
    (void)op;
    return r->uri;
}

VARIABLE(request)
{
    (void)op;
    return r->head.request_line.len > 0 ? r->head.request_line : PX_NO_VALUE;
}

VARIABLE(request_method)
{
    (void)op;
    return r->head.method_name.len > 0 ? r->head.method_name : PX_NO_VALUE;
}

VARIABLE(request_uri)
{
    (void)op;
    return r->head.path;
}

/* As the client wrote it: "HTTP/1.2" is understood as HTTP/1.1, but not renamed. */
VARIABLE(server_protocol)
{
    (void)op;
    px_slice line = r->head.request_line, prefix = PX_SLICE("HTTP/1.");
    const uint8_t *blank = line.len > 0 ? memrchr(line.data, ' ', line.len) : NULL;
    if (blank == NULL)
        return PX_NO_VALUE;
    px_slice word = {blank + 1, (size_t)(line.data + line.len - blank - 1)};
    bool version = word.len > prefix.len && memcmp(word.data, prefix.data, prefix.len) == 0;
    return version ? word : PX_NO_VALUE;
}

VARIABLE(scheme)
{
    (void)r;
    (void)op;
    return PX_SLICE("http");
}

VARIABLE(https)
{
    (void)r;
    (void)op;
    return PX_SLICE("");
}

VARIABLE(host)
{
    (void)op;
    return r->host.len > 0 ? r->host : r->server->plan->name;
}

/* ---- the connection ---- */

VARIABLE(binary_remote_addr)
{
    (void)op;
    const px_endpoint *address = &r->client->address;
    return address->ip_len > 0 ? copy(r, address->ip, address->ip_len) : copy(r, "unix:", 5);
}

VARIABLE(remote_addr)
{
    (void)op;
    return r->client->address_text;
}

VARIABLE(remote_port)
{
    (void)op;
    uint16_t port = r->client->address.port;
    return port > 0 ? px_var_uint(r, port) : PX_SLICE("");
}

static px_slice local_name(px_request *r, const px_address *address)
{
    px_buffer name;
    px_buffer_init(&name, &r->arena, 128);
    px_buffer_literal(&name, "unix:");
    px_buffer_append(&name, address->local.sun_path,
                     strnlen(address->local.sun_path, sizeof address->local.sun_path));
    return px_buffer_view(&name);
}

px_slice px_request_server_addr(px_request *r)
{
    px_address address;
    if (r->server_addr.data != NULL)
        return r->server_addr;
    address.len = sizeof address.local;
    memset(&address.local, 0, sizeof address.local);
    if (r->client->listener == NULL || getsockname(r->client->fd, &address.any, &address.len) < 0)
        r->server_addr = PX_SLICE("");
    else if (address.any.sa_family == AF_UNIX)
        r->server_addr = local_name(r, &address);
    else
        r->server_addr = px_address_host(&address, &r->arena);
    return r->server_addr;
}

VARIABLE(server_addr)
{
    (void)op;
    return px_request_server_addr(r);
}

VARIABLE(server_port)
{
    (void)op;
    return r->port > 0 ? px_var_uint(r, r->port) : PX_SLICE("");
}

VARIABLE(server_name)
{
    (void)op;
    return r->server->plan->name;
}

VARIABLE(connection)
{
    (void)op;
    return px_var_uint(r, r->client->number);
}

VARIABLE(connection_requests)
{
    (void)op;
    return px_var_uint(r, r->client->requests);
}

VARIABLE(connection_time)
{
    (void)op;
    return seconds(r, px_loop_now_ms(r->worker->loop) - r->client->started_ms);
}

VARIABLE(pipe)
{
    (void)op;
    bool pipelined = r->stream != NULL ? r->stream->pipelined : r->pipelined;
    return pipelined ? PX_SLICE("p") : PX_SLICE(".");
}

/* ---- the process, the time ---- */

VARIABLE(hostname)
{
    (void)r;
    (void)op;
    static uint8_t name[256];
    static size_t len;
    if (len == 0 && gethostname((char *)name, sizeof name - 1) == 0)
        for (len = 0; name[len] != 0; len++)
            name[len] = px_ascii_lower(name[len]);
    return px_slice_from(name, len);
}

VARIABLE(nginx_version)
{
    (void)r;
    (void)op;
    return PX_SLICE(PX_LANGUAGE);
}

VARIABLE(pid)
{
    (void)op;
    return px_var_uint(r, (uint64_t)getpid());
}

VARIABLE(msec)
{
    (void)op;
    const struct timespec *now = px_loop_realtime(r->worker->loop);
    return seconds(r, (uint64_t)now->tv_sec * 1000 + (uint64_t)now->tv_nsec / 1000000);
}

VARIABLE(time_iso8601)
{
    (void)op;
    px_clock *clock = &r->worker->clock;
    px_clock_update(clock, r->worker->loop);
    return copy(r, clock->iso, clock->iso_len);
}

VARIABLE(time_local)
{
    (void)op;
    px_clock *clock = &r->worker->clock;
    px_clock_update(clock, r->worker->loop);
    return copy(r, clock->local, clock->local_len);
}

/* ---- progress ---- */

VARIABLE(request_time)
{
    (void)op;
    return seconds(r, px_loop_now_ms(r->worker->loop) - r->started_ms);
}

VARIABLE(request_length)
{
    (void)op;
    return px_var_uint(r, px_request_bytes_received(r));
}

VARIABLE(bytes_sent)
{
    (void)op;
    return px_var_uint(r, px_request_bytes_sent(r));
}

VARIABLE(body_bytes_sent)
{
    (void)op;
    return px_var_uint(r, px_request_body_bytes_sent(r));
}

VARIABLE(request_completion)
{
    (void)op;
    return r->done ? PX_SLICE("OK") : PX_SLICE("");
}

VARIABLE(status)
{
    (void)op;
    unsigned status = (unsigned)px_request_status(r) % 1000;
    uint8_t *text = px_arena_alloc(&r->arena, 3);
    text[0] = (uint8_t)('0' + status / 100);
    text[1] = (uint8_t)('0' + status / 10 % 10);
    text[2] = (uint8_t)('0' + status % 10);
    return px_slice_from(text, 3);
}

VARIABLE(request_id)
{
    (void)op;
    static const char hex[] = "0123456789abcdef";
    if (r->request_id.data != NULL)
        return r->request_id;
    uint8_t random[16], *text = px_arena_alloc(&r->arena, 32);
    px_worker_random(r->worker, random);
    for (int i = 0; i < 16; i++) {
        text[2 * i] = (uint8_t)hex[random[i] >> 4];
        text[2 * i + 1] = (uint8_t)hex[random[i] & 15];
    }
    r->request_id = px_slice_from(text, 32);
    return r->request_id;
}
