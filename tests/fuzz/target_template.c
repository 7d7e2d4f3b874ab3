/* Templates: pieces of any kind, evaluated for any request that runs through a small Plan. The input is a
 * request's head up to its empty line, then the pieces: a byte that says what it is, a byte of number or
 * length (and of the number of a variable), and for text the bytes. */
#include "world.h"

#include "proxy/vars.h"

#define PIECES_MOST 32u

typedef struct evaluation {
    px_slice pieces;
    bool ran;
} evaluation;

static size_t take_piece(px_slice bytes, px_plan_piece *piece)
{
    enum { LITERAL, VARIABLE, SLOT, CAPTURE, KINDS };
    size_t len = bytes.data[1] % 64 < bytes.len - 2 ? bytes.data[1] % 64 : bytes.len - 2;
    *piece = (px_plan_piece){.text = PX_SLICE(""), .variable = -1, .slot = -1, .capture = -1};
    switch (bytes.data[0] % KINDS) {
    case LITERAL:
        piece->text = px_slice_from(bytes.data + 2, len);
        return 2 + len;
    case VARIABLE:
        piece->variable = bytes.data[0] / KINDS + bytes.data[1] / 64 * 64;
        piece->text = px_slice_from(bytes.data + 2, len);
        return 2 + len;
    case SLOT:
        piece->slot = bytes.data[1];
        return 2;
    default:
        piece->capture = bytes.data[1] % 16;
        return 2;
    }
}

static void touch(px_slice value)
{
    uint8_t *copy = fuzz_copy(value.data, value.len);
    free(copy);
}

/* The whole is what its pieces are, one behind the other; and the same when asked again. */
static void check_value(const px_template *template, px_request *request)
{
    px_buffer sum;
    px_buffer_init(&sum, &request->arena, 0);
    for (uint32_t i = 0; i < template->count; i++) {
        px_slice value = px_op_value(&template->ops[i], request);
        touch(value);
        px_buffer_slice(&sum, value);
    }
    px_slice whole = px_template_value(template, request), again = px_template_value(template, request);
    HOLDS(px_slice_equal(px_buffer_view(&sum), whole));
    HOLDS(px_slice_equal(whole, again));
    HOLDS(whole.data != NULL || template->count == 1);
}

static void evaluate(px_request *request, void *argument)
{
    evaluation *e = argument;
    px_plan_piece pieces[PIECES_MOST];
    px_plan_piece_list list = {.items = pieces};
    px_template template;
    char error[128] = "";
    while (list.count < PIECES_MOST && e->pieces.len > 2) {
        size_t taken = take_piece(e->pieces, &pieces[list.count++]);
        e->pieces = px_slice_from(e->pieces.data + taken, e->pieces.len - taken);
    }
    e->ran = true;
    if (px_template_compile(&template, &request->arena, &list, error, sizeof(error)))
        check_value(&template, request);
    else
        HOLDS(error[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    world_open();
    px_generation *generation = world_load_file(PX_FUZZ_SMALL_PLAN);
    size_t scanned = 0, end = px_h1_find_end(px_slice_from(input, size), &scanned);
    evaluation e = {px_slice_from(input + end, size - end), false};
    if (end > 0)
        world_exchange(generation, generation->plan->listens.items[0]->runtime, px_slice_from(input, end),
                       PX_SLICE("hello"), evaluate, &e);
    HOLDS(world_worker()->requests == 0);
    return 0;
}
