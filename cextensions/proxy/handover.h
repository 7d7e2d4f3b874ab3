/* What is handed over when a configuration is loaded: descriptors by key, and the reason why not. */
#ifndef PX_PROXY_HANDOVER_H
#define PX_PROXY_HANDOVER_H

#include "base/slice.h"

typedef struct px_descriptor {
    px_slice key; /* "listen:...", "log:..." */
    int fd;       /* stays the caller's; the engine duplicates what it keeps */
} px_descriptor;

typedef struct px_engine_error {
    char text[512];
} px_engine_error;

#endif
