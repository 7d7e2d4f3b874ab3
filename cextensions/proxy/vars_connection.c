/* Variables of the client's connection that the kernel knows, of the port that a client named, and of dates. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <time.h>

#include "proxy/request.h"
#include "proxy/vars.h"

#define VARIABLE(name) px_slice px_var_##name(px_request *r, const px_op *op)

/* What there cannot be as long as something else is not there: $proxy_protocol_*. */
VARIABLE(none)
{
    (void)r;
    (void)op;
    return PX_NO_VALUE;
}

/* ---- the kernel's view of the connection ---- */

static bool tcp_info(const px_request *r, struct tcp_info *facts)
{
    socklen_t len = sizeof *facts;
    memset(facts, 0, sizeof *facts);
    return r->client->listener != NULL && r->client->address.ip_len > 0 &&
           getsockopt(r->client->fd, IPPROTO_TCP, TCP_INFO, facts, &len) == 0;
}

#define TCP_VARIABLE(name, field)                                                                            \
    VARIABLE(name)                                                                                           \
    {                                                                                                        \
        struct tcp_info facts;                                                                               \
        (void)op;                                                                                            \
        return tcp_info(r, &facts) ? px_var_uint(r, facts.field) : PX_NO_VALUE;                              \
    }

TCP_VARIABLE(tcpinfo_rtt, tcpi_rtt)
TCP_VARIABLE(tcpinfo_rttvar, tcpi_rttvar)
TCP_VARIABLE(tcpinfo_snd_cwnd, tcpi_snd_cwnd)
TCP_VARIABLE(tcpinfo_rcv_space, tcpi_rcv_space)

/* ---- the port that the client named ---- */

static uint64_t named_port(const px_request *r)
{
    px_slice host = r->head.authority.len > 0 ? r->head.authority : r->head.host, name;
    uint64_t port = 0;
    if (!px_host_split(host, &name))
        return 0;
    const uint8_t *end = host.data + host.len, *at = end;
    while (at > name.data + name.len && at[-1] != ':')
        at--;
    if (at == name.data + name.len || !px_slice_to_uint(px_slice_from(at, (size_t)(end - at)), 65535, &port))
        return 0;
    return port;
}

VARIABLE(request_port)
{
    (void)op;
    uint64_t port = named_port(r);
    return port > 0 ? px_var_uint(r, port) : PX_SLICE("");
}

VARIABLE(is_request_port)
{
    (void)op;
    return named_port(r) > 0 ? PX_SLICE(":") : PX_SLICE("");
}

/* ---- dates ---- */

static px_slice date(px_request *r, const struct tm *parts, const char *zone)
{
    static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char text[96];
    int len = snprintf(text, sizeof text, "%s, %02d-%s-%04d %02d:%02d:%02d %.16s", days[parts->tm_wday % 7],
                       parts->tm_mday, months[parts->tm_mon % 12], (parts->tm_year + 1900) % 10000,
                       parts->tm_hour, parts->tm_min, parts->tm_sec, zone);
    return px_arena_copy(&r->arena, px_slice_from(text, (size_t)len));
}

VARIABLE(date_gmt)
{
    (void)op;
    struct tm parts;
    time_t now = px_loop_realtime(r->worker->loop)->tv_sec;
    gmtime_r(&now, &parts);
    return date(r, &parts, "GMT");
}

VARIABLE(date_local)
{
    (void)op;
    struct tm parts;
    time_t now = px_loop_realtime(r->worker->loop)->tv_sec;
    localtime_r(&now, &parts);
    return date(r, &parts, parts.tm_zone);
}
