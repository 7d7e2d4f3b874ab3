/* See template.h. */
#include "proxy/template.h"

#include <stdio.h>

#include "http/path.h"
#include "proxy/map.h"
#include "proxy/request.h"
#include "proxy/vars.h"

#define VALUE_HINT 64

static px_slice get_slot(px_request *request, const px_op *op)
{
    return px_request_slot(request, op->number);
}

/* Of a variable that `set` makes. */
static px_slice get_assigned(px_request *request, const px_op *op)
{
    px_slice value = px_request_slot(request, op->number);
    if (value.data != NULL)
        return value;
    if (request->settings->plan->uninitialized_variable_warn)
        px_request_log(request, PX_LOG_WARN, "using uninitialized \"%.*s\" variable",
                       PX_SLICE_ARGS(op->text));
    return PX_SLICE("");
}

/* Of a name that is built in and that `set` makes besides: $http_x. */
static px_slice get_assigned_or_built_in(px_request *request, const px_op *op)
{
    px_slice value = px_request_slot(request, op->slot);
    return value.data != NULL ? value : op->built_in->get(request, op->built_in);
}

static px_slice get_capture(px_request *request, const px_op *op)
{
    return op->number < request->capture_count ? request->captures[op->number] : px_slice_from(NULL, 0);
}

static px_slice get_quoted_capture(px_request *request, const px_op *op)
{
    px_slice value = get_capture(request, op);
    bool was_escaped = request->quoted_uri ||
                       (request->uri.len > 0 && memchr(request->uri.data, '+', request->uri.len) != NULL);
    if (value.len == 0 || !was_escaped)
        return value;
    px_buffer text;
    px_buffer_init(&text, &request->arena, value.len + 8);
    px_args_escape(&text, value);
    return px_buffer_view(&text);
}

static px_slice get_map(px_request *request, const px_op *op)
{
    return px_map_value(op->map, request);
}

static bool compile_variable(px_op *op, px_arena *arena, const px_plan_piece *piece)
{
    if (piece->variable >= PX_VARIABLES)
        return false;
    const px_variable_entry *entry = &px_variable_table[piece->variable];
    op->get = entry->get;
    op->text = piece->text;
    op->number = 0;
    if (entry->prepare != NULL)
        entry->prepare(op, arena);
    return op->get != NULL;
}

static bool compile_piece(px_op *op, px_arena *arena, const px_plan_piece *piece)
{
    if (piece->variable >= 0 && piece->slot >= 0) {
        px_op *built_in = px_arena_zalloc(arena, sizeof *built_in);
        *op = (px_op){.get = get_assigned_or_built_in, .built_in = built_in, .slot = (uint64_t)piece->slot};
        return compile_variable(built_in, arena, piece);
    }
    if (piece->variable >= 0)
        return compile_variable(op, arena, piece);
    if (piece->map != NULL) {
        *op = (px_op){.get = get_map, .map = piece->map};
        return true;
    }
    if (piece->slot >= 0) {
        *op = (px_op){.get = piece->text.len > 0 ? get_assigned : get_slot,
                      .text = piece->text,
                      .number = (uint64_t)piece->slot};
        return true;
    }
    if (piece->capture >= 0) {
        *op = (px_op){.get = get_capture, .number = (uint64_t)piece->capture};
        return piece->capture < PX_CAPTURES;
    }
    *op = (px_op){.text = piece->text};
    return true;
}

bool px_template_compile(px_template *out, px_arena *arena, const px_plan_piece_list *pieces, char *error,
                         size_t size)
{
    px_op *ops = px_arena_zalloc(arena, pieces->count * sizeof *ops);
    for (uint32_t i = 0; i < pieces->count; i++) {
        if (!compile_piece(&ops[i], arena, &pieces->items[i])) {
            snprintf(error, size, "piece %u of a template names a variable that this engine does not have",
                     i);
            return false;
        }
    }
    *out = (px_template){ops, pieces->count};
    return true;
}

void px_template_quote_captures(px_template *template, px_arena *arena)
{
    px_op *ops = px_arena_alloc(arena, template->count * sizeof *ops);
    for (uint32_t i = 0; i < template->count; i++) {
        ops[i] = template->ops[i];
        if (ops[i].get == get_capture)
            ops[i].get = get_quoted_capture;
    }
    template->ops = ops;
}

px_slice px_template_value(const px_template *template, px_request *request)
{
    if (template->count == 1)
        return px_op_value(&template->ops[0], request);
    if (template->count == 0)
        return px_slice_from("", 0);
    px_buffer buffer;
    px_buffer_init(&buffer, &request->arena, VALUE_HINT);
    px_template_append(template, request, &buffer);
    return px_buffer_view(&buffer);
}

void px_template_append(const px_template *template, px_request *request, px_buffer *buffer)
{
    for (uint32_t i = 0; i < template->count; i++)
        px_buffer_slice(buffer, px_op_value(&template->ops[i], request));
}
