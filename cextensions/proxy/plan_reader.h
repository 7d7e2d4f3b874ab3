/* Reads the msgpack of one Plan object, field by field, every read checked. The generated readers
 * (generated/plan_read.c) are made of these calls; nobody else needs them, except init and the error. Knows
 * nothing of any particular Struct.
 *
 * All memory comes from the arena: nothing is to be freed after a failure but the arena. What is allocated is
 * bounded by the bytes that are left to read. The input may be any bytes at all. */
#ifndef PX_PROXY_PLAN_READER_H
#define PX_PROXY_PLAN_READER_H

#include "base/arena.h"
#include "base/slice.h"

#define PX_PLAN_DEPTH 64 /* Structs and lists inside each other; locations nest by two */
#define PX_PLAN_DIGEST_BYTES 16

/* One level of nesting, for the text of an error: Server.locations[3].proxy */
typedef struct px_plan_place {
    const char *field; /* the field that is being read, or NULL */
    uint32_t index;    /* the list item that is being read */
    bool list;
} px_plan_place;

/* Gives the object of that digest and kind (enum px_plan_kind), or NULL if there is none: the read fails. */
typedef const void *px_plan_resolve(void *self, const uint8_t digest[PX_PLAN_DIGEST_BYTES], int kind);

typedef struct px_plan_reader {
    const uint8_t *next;
    const uint8_t *end;
    px_arena *arena;
    px_plan_resolve *resolve;
    void *self;
    bool borrow;      /* slices point into the input instead of the arena */
    const char *name; /* of the outermost Struct */
    uint32_t depth;
    px_plan_place place[PX_PLAN_DEPTH];
    char error[256]; /* "" or what is wrong and where; the first error stays */
} px_plan_reader;

/* resolve may be NULL when the Struct has no references. */
void px_plan_reader_init(px_plan_reader *in, px_slice bytes, px_arena *arena, px_plan_resolve *resolve,
                         void *self);
/* True when every byte was read. */
bool px_plan_reader_at_end(px_plan_reader *in);

/* The calls of the generated readers. False: in->error says why. */

/* A Struct of exactly that many fields begins. name: the Struct's, for errors. */
bool px_plan_enter_struct(px_plan_reader *in, const char *name, uint32_t fields);
/* A list begins. item_bytes: the fewest bytes that an item can take in the input. */
bool px_plan_enter_list(px_plan_reader *in, uint32_t item_bytes, uint32_t *count);
/* Room for the items, zeroed; NULL for none. */
void *px_plan_items(px_plan_reader *in, uint32_t count, size_t size);
/* The Struct or the list is complete. */
bool px_plan_leave(px_plan_reader *in);

static inline bool px_plan_field(px_plan_reader *in, const char *field)
{
    in->place[in->depth - 1].field = field;
    return true;
}

static inline void px_plan_index(px_plan_reader *in, uint32_t index)
{
    in->place[in->depth - 1].index = index;
}

/* Consumes a nil if one is next. */
bool px_plan_none(px_plan_reader *in);
bool px_plan_bool(px_plan_reader *in, bool *out);
bool px_plan_int(px_plan_reader *in, int64_t *out);
/* data is never NULL, also when len is 0. */
bool px_plan_bytes(px_plan_reader *in, px_slice *out);
bool px_plan_str(px_plan_reader *in, px_slice *out);
/* The object that the next 16 bytes name; NULL: failed. */
const void *px_plan_ref(px_plan_reader *in, int kind);

#endif
