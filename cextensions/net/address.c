/* See address.h. */
#include "net/address.h"

#include <arpa/inet.h>
#include <stddef.h>

#include "base/buffer.h"

static bool make_v4(px_address *address, px_slice bytes, uint16_t port)
{
    if (bytes.len != sizeof address->v4.sin_addr)
        return false;
    address->v4.sin_family = AF_INET;
    address->v4.sin_port = htons(port);
    memcpy(&address->v4.sin_addr, bytes.data, bytes.len);
    address->len = sizeof address->v4;
    return true;
}

static bool make_v6(px_address *address, px_slice bytes, uint16_t port)
{
    if (bytes.len != sizeof address->v6.sin6_addr)
        return false;
    address->v6.sin6_family = AF_INET6;
    address->v6.sin6_port = htons(port);
    memcpy(&address->v6.sin6_addr, bytes.data, bytes.len);
    address->len = sizeof address->v6;
    return true;
}

static bool make_local(px_address *address, px_slice path)
{
    if (path.len == 0 || path.len >= sizeof address->local.sun_path)
        return false;
    address->local.sun_family = AF_UNIX;
    memcpy(address->local.sun_path, path.data, path.len);
    address->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + 1);
    return true;
}

bool px_address_make(px_address *address, int family, px_slice bytes, int port)
{
    memset(address, 0, sizeof *address);
    if (family == PX_FAMILY_LOCAL)
        return make_local(address, bytes);
    if (port < 0 || port > UINT16_MAX)
        return false;
    if (family == PX_FAMILY_V4)
        return make_v4(address, bytes, (uint16_t)port);
    return family == PX_FAMILY_V6 && make_v6(address, bytes, (uint16_t)port);
}

static bool read_port(px_slice text, int *port)
{
    int value = 0;
    if (text.len == 0 || text.len > 5)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (text.data[i] - '0');
    }
    *port = value;
    return value >= 1 && value <= UINT16_MAX;
}

/* inet_pton() wants a final zero. */
static bool read_ip(px_slice text, int family, uint8_t bytes[16])
{
    char copy[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.data, 0, text.len) != NULL)
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return inet_pton(family, copy, bytes) == 1;
}

static bool parse_bracketed(px_address *address, px_slice text, int port)
{
    uint8_t ip[16];
    const uint8_t *bracket = memchr(text.data, ']', text.len);
    if (bracket == NULL)
        return false;
    size_t len = (size_t)(bracket - text.data) + 1;
    px_slice after = {text.data + len, text.len - len};
    if (after.len > 0 &&
        (after.data[0] != ':' || !read_port(px_slice_from(after.data + 1, after.len - 1), &port)))
        return false;
    return read_ip(px_slice_from(text.data + 1, len - 2), AF_INET6, ip) &&
           px_address_make(address, PX_FAMILY_V6, px_slice_from(ip, 16), port);
}

bool px_address_parse(px_address *address, px_slice text, int port)
{
    uint8_t ip[16];
    if (text.len > 5 && px_slice_equal_caseless(px_slice_from(text.data, 5), PX_SLICE("unix:")))
        return memchr(text.data, 0, text.len) == NULL &&
               px_address_make(address, PX_FAMILY_LOCAL, px_slice_from(text.data + 5, text.len - 5), 0);
    if (text.len > 0 && text.data[0] == '[')
        return parse_bracketed(address, text, port);
    if (read_ip(text, AF_INET6, ip))
        return px_address_make(address, PX_FAMILY_V6, px_slice_from(ip, 16), port);
    const uint8_t *colon = text.len > 0 ? memchr(text.data, ':', text.len) : NULL;
    size_t len = colon != NULL ? (size_t)(colon - text.data) : text.len;
    if (colon != NULL && !read_port(px_slice_from(colon + 1, text.len - len - 1), &port))
        return false;
    return read_ip(px_slice_from(text.data, len), AF_INET, ip) &&
           px_address_make(address, PX_FAMILY_V4, px_slice_from(ip, 4), port);
}

/* inet_ntop() goes through sprintf(); this is on the way of each connection. */
static px_slice v4_text(const struct in_addr *ip, px_arena *arena)
{
    const uint8_t *bytes = (const uint8_t *)ip;
    px_buffer text;
    px_buffer_init(&text, arena, INET_ADDRSTRLEN);
    for (int i = 0; i < 4; i++) {
        if (i > 0)
            px_buffer_byte(&text, '.');
        px_buffer_uint(&text, bytes[i]);
    }
    return px_buffer_view(&text);
}

static px_slice v6_text(const struct in6_addr *ip, px_arena *arena)
{
    char *text = px_arena_alloc(arena, INET6_ADDRSTRLEN);
    inet_ntop(AF_INET6, ip, text, INET6_ADDRSTRLEN);
    return px_slice_from(text, strlen(text));
}

px_slice px_address_host(const px_address *address, px_arena *arena)
{
    if (address->any.sa_family == AF_INET)
        return v4_text(&address->v4.sin_addr, arena);
    if (address->any.sa_family == AF_INET6)
        return v6_text(&address->v6.sin6_addr, arena);
    return PX_SLICE("unix:");
}

uint16_t px_address_port(const px_address *address)
{
    if (address->any.sa_family == AF_INET)
        return ntohs(address->v4.sin_port);
    if (address->any.sa_family == AF_INET6)
        return ntohs(address->v6.sin6_port);
    return 0;
}

px_endpoint px_address_endpoint(const px_address *address)
{
    px_endpoint endpoint = {.port = px_address_port(address)};
    if (address->any.sa_family == AF_INET) {
        endpoint.ip_len = sizeof address->v4.sin_addr;
        memcpy(endpoint.ip, &address->v4.sin_addr, sizeof address->v4.sin_addr);
    } else if (address->any.sa_family == AF_INET6) {
        endpoint.ip_len = sizeof address->v6.sin6_addr;
        memcpy(endpoint.ip, &address->v6.sin6_addr, sizeof address->v6.sin6_addr);
    }
    return endpoint;
}
