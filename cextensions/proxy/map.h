/* `map`: a value looked up by another value, once per Request (unless volatile). */
#ifndef PX_PROXY_MAP_H
#define PX_PROXY_MAP_H

#include "proxy/conf.h"

/* A value that a Request keeps. */
typedef struct px_map_kept {
    struct px_map_kept *next;
    const px_plan_map *map;
    px_slice value;
} px_map_kept;

bool px_build_map(px_build *build, px_plan_map *plan);
px_slice px_map_value(const px_plan_map *plan, px_request *request);

#endif
