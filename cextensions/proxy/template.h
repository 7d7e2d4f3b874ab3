/* Text with $variables, compiled to operations once; a constant one costs nothing. Values are slices: data
 * == NULL means that the variable has no value (a log line shows "-"), which is not the same as an empty
 * one. */
#ifndef PX_PROXY_TEMPLATE_H
#define PX_PROXY_TEMPLATE_H

#include "base/buffer.h"
#include "generated/plan.h"

typedef struct px_request px_request;
typedef struct px_op px_op;

/* The value lives as long as the request's arena (or as what it was taken from: head, Objects). */
typedef px_slice (*px_variable_get)(px_request *request, const px_op *op);

struct px_op {
    px_variable_get get; /* NULL: literal text */
    px_slice text;       /* the literal; the argument of a prefix variable */
    union {
        const px_plan_map *map;
        const px_op *built_in; /* what there is while `set` has not run */
        uint64_t number;       /* slot, capture, or header id */
    };
    uint64_t slot; /* of built_in */
};

typedef struct px_template {
    const px_op *ops;
    uint32_t count;
} px_template;

/* Memory from the arena. False: error says which piece makes no sense. */
bool px_template_compile(px_template *out, px_arena *arena, const px_plan_piece_list *pieces, char *error,
                         size_t size);
/* $1 to $9 are escaped as in a query string, where the path was: for `set`, as nginx has it. */
void px_template_quote_captures(px_template *template, px_arena *arena);

static inline bool px_template_constant(const px_template *template)
{
    return template->count == 0 || (template->count == 1 && template->ops[0].get == NULL);
}

/* The text; NULL data only where the template is one variable without a value. */
px_slice px_template_value(const px_template *template, px_request *request);
/* The same behind what is in buffer (which may be in the request's arena). */
void px_template_append(const px_template *template, px_request *request, px_buffer *buffer);

static inline px_slice px_op_value(const px_op *op, px_request *request)
{
    return op->get == NULL ? op->text : op->get(request, op);
}

#endif
