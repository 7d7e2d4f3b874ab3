/* Made by cextensions/generate.py from proxyd/config/plan/. Do not edit. */
#ifndef PX_GENERATED_PLAN_KINDS_H
#define PX_GENERATED_PLAN_KINDS_H

#include "generated/plan_read.h"

/* Each kind comes after all that it refers to. */
enum px_plan_kind {
    PX_PLAN_MAP,
    PX_PLAN_LIMIT_ZONE,
    PX_PLAN_LOG_CACHE,
    PX_PLAN_LOG_FILE,
    PX_PLAN_TYPES,
    PX_PLAN_SETTINGS,
    PX_PLAN_UPSTREAM,
    PX_PLAN_SERVER,
    PX_PLAN_LISTEN,
    PX_PLAN_ROOT,
    PX_PLAN_KINDS
};

typedef struct px_plan_kind_entry {
    const char *name; /* as PlanObject.kind has it */
    size_t size;      /* of the C struct */
    bool (*read)(px_plan_reader *in, void *out); /* out: size bytes, zeroed */
} px_plan_kind_entry;

extern const px_plan_kind_entry px_plan_kind_table[PX_PLAN_KINDS];

#endif
