/* A hash table of names, built once when a configuration is loaded and read only afterwards. Names compare
 * without regard to case. All memory is in the arena that it was made in. */
#ifndef PX_PROXY_TABLE_H
#define PX_PROXY_TABLE_H

#include "base/arena.h"
#include "base/slice.h"

typedef struct px_table_slot {
    uint64_t hash;
    px_slice key;
    const void *value; /* NULL: free */
} px_table_slot;

typedef struct px_table {
    px_table_slot *slots;
    uint32_t mask;
    uint32_t count;
    size_t longest; /* of the keys */
} px_table;

/* Room for capacity names. 0: a table in which nothing is found. */
void px_table_init(px_table *table, px_arena *arena, uint32_t capacity);
/* key must stay as long as the table; value is not NULL. False: the name is there already. */
bool px_table_add(px_table *table, px_slice key, const void *value);
/* NULL: not there. */
const void *px_table_find(const px_table *table, px_slice key);

/* The longest leading wildcard that fits: keys are ".example.com", name "www.example.com". */
const void *px_table_find_head(const px_table *table, px_slice name);
/* The longest trailing wildcard: keys are "www.example.", name "www.example.org". */
const void *px_table_find_tail(const px_table *table, px_slice name);

#endif
