/* `set`: variables that get their values while a Request passes the rewrite steps. */
#ifndef PX_PROXY_SET_H
#define PX_PROXY_SET_H

#include "proxy/template.h"

/* Changes a built-in variable. value lives as long as the request. */
typedef void (*px_variable_set)(px_request *request, px_slice value);

typedef struct px_set {
    px_template value;
    px_variable_set change; /* NULL: slot is set */
    uint64_t slot;
} px_set;

typedef struct px_sets {
    const px_set *items;
    uint32_t count;
} px_sets;

/* False: a line names what cannot be set. */
bool px_sets_build(px_sets *sets, px_arena *arena, const px_plan_set_variable_list *plan, char *error,
                   size_t size);
/* All of them, in their order. */
void px_sets_run(const px_sets *sets, px_request *request);

#endif
