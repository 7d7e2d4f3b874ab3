/* Whole Plans, as any records: a Plan is refused with a reason, or requests run through all of its
 * listening sockets; and afterwards nothing of it is left. */
#include "world.h"

static const char *const heads[] = {
    "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
    "GET /a/b%2fc/d.php?x=1&y HTTP/1.1\r\nHost: W.example.ORG:80\r\nCookie: a\r\nVia: x\r\n\r\n",
    "POST /api/v1/items HTTP/1.1\r\nHost: a.b\r\nContent-Length: 5\r\nConnection: X\r\nX: y\r\n\r\n",
    "HEAD /images/a.png HTTP/1.0\r\n\r\n",
};

static void run_all(px_generation *generation)
{
    const px_plan_listen_ref_list *listens = &generation->plan->listens;
    for (uint32_t i = 0; i < listens->count && i < 4; i++) {
        for (size_t at = 0; at < sizeof(heads) / sizeof(heads[0]); at++) {
            px_slice head = px_slice_from(heads[at], strlen(heads[at]));
            world_exchange(generation, listens->items[i]->runtime, head, PX_SLICE("hello"), NULL, NULL);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    world_open();
    world_sound_answers = false; /* a Plan's own text is the operator's */
    px_generation *generation = world_load(px_slice_from(input, size));
    if (generation != NULL) {
        run_all(generation);
        px_generation_release(&generation);
    }
    world_check_empty();
    return 0;
}
