/* Location, Refresh and Set-Cookie of an answer, rewritten by the rules of rewrite.conf. The input is a byte that chooses
 * a location, the arguments of a request up to a line end, which variables in the rules bring in, then the field's value. */
#include "world.h"

#include "proxy/proxy_rules.h"

enum { UNTOUCHED, PLAIN, REGEX, VARIABLES, FLAGS_ON, FLAGS_OFF, DEFAULT, LOCATIONS };

typedef struct rewriting {
    unsigned location;
    px_slice value;
} rewriting;

/* What a parser lets through in a field, or in a target. */
static px_slice clean(px_request *r, px_slice text, bool blanks)
{
    uint8_t *copy = px_arena_alloc(&r->arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        bool good = (c > ' ' && c != 0x7f) || (blanks && (c == ' ' || c == '\t'));
        copy[i] = good ? c : '_';
    }
    return px_slice_from(copy, text.len);
}

static void check_line(px_slice text)
{
    uint8_t *copy = fuzz_copy(text.data, text.len);
    for (size_t i = 0; i < text.len; i++)
        HOLDS(copy[i] != '\r' && copy[i] != '\n' && copy[i] != 0);
    free(copy);
}

typedef px_slice rewriter(px_request *r, px_slice value);

static px_slice check_twice(px_request *r, rewriter *rewrite, px_slice value)
{
    px_slice made = rewrite(r, value);
    check_line(made);
    HOLDS(px_slice_equal(made, rewrite(r, value)));
    return made;
}

static void check_field(px_request *r, void *argument)
{
    const rewriting *one = argument;
    px_slice value = clean(r, one->value, true);
    px_slice location = check_twice(r, px_proxy_location, value);
    px_slice refresh = check_twice(r, px_proxy_refresh, value);
    px_slice cookie = check_twice(r, px_proxy_set_cookie, value);
    if (one->location == UNTOUCHED) {
        HOLDS(px_slice_equal(location, value));
        HOLDS(px_slice_equal(refresh, value));
        HOLDS(px_slice_equal(cookie, value));
    }
    /* What has its flags is left as it is. */
    if (one->location == FLAGS_ON || one->location == FLAGS_OFF)
        HOLDS(px_slice_equal(px_proxy_set_cookie(r, cookie), cookie));
}

/* A request for the location, with these arguments. */
static size_t put_request(uint8_t *into, unsigned location, px_slice args)
{
    size_t len = (size_t)sprintf((char *)into, "GET /%u/?", location);
    for (size_t i = 0; i < args.len; i++)
        into[len++] = args.data[i] > ' ' && args.data[i] != 0x7f && args.data[i] != '#' ? args.data[i] : '_';
    return len + (size_t)sprintf((char *)into + len, " HTTP/1.1\r\nHost: front.example\r\n\r\n");
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    static uint8_t request[2048];
    world_open();
    px_generation *generation = world_load_file(PX_FUZZ_REWRITE_PLAN);
    if (size == 0)
        return 0;
    const uint8_t *rest = input + 1, *end = input + size;
    const uint8_t *line_end = size > 1 ? memchr(rest, '\n', size - 1) : NULL;
    px_slice args = {rest, line_end != NULL ? (size_t)(line_end - rest) : 0};
    if (args.len > 1024)
        args.len = 1024;
    if (line_end != NULL)
        rest = line_end + 1;
    rewriting one = {input[0] % LOCATIONS, px_slice_from(rest, (size_t)(end - rest))};
    size_t len = put_request(request, one.location, args);
    world_exchange(generation, generation->plan->listens.items[0]->runtime, px_slice_from(request, len),
                   PX_SLICE(""), check_field, &one);
    HOLDS(world_worker()->requests == 0);
    return 0;
}
