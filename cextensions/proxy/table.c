/* See table.h: open addressing, at most half full. */
#include "proxy/table.h"

#include "base/hash.h"

void px_table_init(px_table *table, px_arena *arena, uint32_t capacity)
{
    *table = (px_table){0};
    if (capacity == 0)
        return;
    uint64_t slots = 4;
    while (slots < (uint64_t)capacity * 2)
        slots *= 2;
    table->slots = px_arena_zalloc(arena, slots * sizeof *table->slots);
    table->mask = (uint32_t)(slots - 1);
}

static px_table_slot *slot_of(const px_table *table, px_slice key, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & table->mask;
    for (;; at = (at + 1) & table->mask) {
        px_table_slot *slot = &table->slots[at];
        if (slot->value == NULL || (slot->hash == hash && px_slice_equal_caseless(slot->key, key)))
            return slot;
    }
}

bool px_table_add(px_table *table, px_slice key, const void *value)
{
    uint64_t hash = px_hash_caseless(key);
    px_table_slot *slot = slot_of(table, key, hash);
    if (slot->value != NULL)
        return false;
    *slot = (px_table_slot){hash, key, value};
    table->count++;
    if (key.len > table->longest)
        table->longest = key.len;
    return true;
}

/* What is longer than every key is not hashed: a peer may send a name of thousands of dots, of which each
 * end, or each beginning, is looked for. */
const void *px_table_find(const px_table *table, px_slice key)
{
    if (table->count == 0 || key.len > table->longest)
        return NULL;
    return slot_of(table, key, px_hash_caseless(key))->value;
}

const void *px_table_find_head(const px_table *table, px_slice name)
{
    if (table->count == 0)
        return NULL;
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] != '.')
            continue;
        const void *found = px_table_find(table, px_slice_from(name.data + i, name.len - i));
        if (found != NULL)
            return found;
    }
    return NULL;
}

const void *px_table_find_tail(const px_table *table, px_slice name)
{
    if (table->count == 0)
        return NULL;
    for (size_t i = name.len; i-- > 1;) {
        if (name.data[i] != '.' || i + 1 == name.len)
            continue;
        const void *found = px_table_find(table, px_slice_from(name.data, i + 1));
        if (found != NULL)
            return found;
    }
    return NULL;
}
