/* Requests for files: paths, conditions and ranges as a client writes them, answered by files.conf. The input is a
 * request's head up to its empty line. What is sent is as long as the head says. */
#include "world.h"

static void check_length(px_request *r, void *argument)
{
    (void)argument;
    const px_answer *answer = &r->answer;
    if (!r->last_sent || r->no_body)
        return;
    HOLDS(answer->content_length >= 0 && r->stream->sent == (uint64_t)answer->content_length);
    HOLDS(answer->status != 206 || answer->content_length > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    world_open();
    px_generation *generation = world_load_file(PX_FUZZ_FILES_PLAN);
    size_t scanned = 0, end = px_h1_find_end(px_slice_from(input, size), &scanned);
    if (end > 0)
        world_exchange(generation, generation->plan->listens.items[0]->runtime, px_slice_from(input, end),
                       px_slice_from(input + end, size - end), check_length, NULL);
    HOLDS(world_worker()->requests == 0);
    return 0;
}
