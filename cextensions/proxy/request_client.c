/* Rules about peculiar clients: names of fields that nginx calls invalid, old browsers that do not keep
 * connections well. */
#include "http/bytes.h"
#include "proxy/request.h"
#include "proxy/route.h"

/* Anything but letters, digits and dashes is none; underscores are as the configuration says. */
static bool is_valid_name(px_slice name, bool underscores)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || px_byte_is_digit(c) || c == '-' ||
              (c == '_' && underscores)))
            return false;
    }
    return true;
}

static const px_h1_settings *rules_of_named(px_request *r, px_slice name)
{
    px_slice host;
    if (!px_host_normalize(name, &r->arena, &host))
        return &r->settings->h1;
    const px_names *names = px_route_names(r->listen, r->client->fd);
    return &px_route_server(names, host, r)->settings->h1;
}

/* As in nginx: the named server's where Host was there before, the default server's otherwise. */
static const px_h1_settings *rules_for(px_request *r, const px_request_head *head, uint32_t index,
                                       const px_h1_settings **named)
{
    bool absolute = head->authority.len > 0;
    uint32_t at = 0;
    if (*named != NULL)
        return *named;
    while (!absolute && at < index && head->headers[at].id != PX_HEADER_HOST)
        at++;
    if (!absolute && at == index)
        return &r->settings->h1;
    *named = rules_of_named(r, absolute ? head->authority : head->host);
    return *named;
}

bool px_request_takes_field(px_request *r, const px_request_head *head, uint32_t index,
                            const px_h1_settings **named)
{
    const px_header *field = &head->headers[index];
    if (is_valid_name(field->name, false))
        return true;
    const px_h1_settings *rules = rules_for(r, head, index, named);
    if (!rules->ignore_invalid_headers || is_valid_name(field->name, rules->underscores_in_headers))
        return true;
    px_request_log(r, PX_LOG_INFO,
                   "client sent invalid header line: \"%.*s: %.*s\" while reading client request headers",
                   PX_SLICE_ARGS(field->name), PX_SLICE_ARGS(field->value));
    return false;
}

/* ---- browsers ---- */

static const uint8_t *find(px_slice text, px_slice word)
{
    return text.len < word.len ? NULL : memmem(text.data, text.len, word.data, word.len);
}

/* MSIE 4, 5, and 6 without the service pack that repaired it. */
static bool is_msie6(px_slice agent)
{
    const uint8_t *msie = find(agent, PX_SLICE("MSIE "));
    if (msie == NULL) /* or no agent at all */
        return false;
    const uint8_t *end = agent.data + agent.len;
    if (end - msie < 8 || msie[6] != '.' || find(agent, PX_SLICE("Opera")) != NULL)
        return false;
    if (msie[5] == '4' || msie[5] == '5')
        return true;
    return msie[5] == '6' && find(px_slice_from(msie + 8, (size_t)(end - msie - 8)), PX_SLICE("SV1")) == NULL;
}

static bool is_safari(px_slice agent)
{
    return find(agent, PX_SLICE("Safari/")) != NULL && find(agent, PX_SLICE("Mac OS X")) != NULL &&
           find(agent, PX_SLICE("Chrome/")) == NULL && find(agent, PX_SLICE("Gecko/")) == NULL &&
           find(agent, PX_SLICE("Opera")) == NULL && find(agent, PX_SLICE("MSIE ")) == NULL;
}

void px_request_judge_browser(px_request *r)
{
    int64_t which = r->settings->plan->keepalive_disable;
    px_slice agent = px_request_header(r, PX_HEADER_USER_AGENT);
    if (((which & PX_KEEPALIVE_MSIE6) != 0 && r->head.method == PX_METHOD_POST && is_msie6(agent)) ||
        ((which & PX_KEEPALIVE_SAFARI) != 0 && is_safari(agent)))
        r->stream->keepalive = false;
}
