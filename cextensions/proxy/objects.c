/* See conf.h: the table in which a worker finds Objects by digest, and the end of an Object. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "proxy/conf.h"

#define FIRST_BUCKETS 256

void px_objects_init(px_objects *objects)
{
    objects->buckets = px_memory_zalloc(FIRST_BUCKETS * sizeof(px_object *));
    objects->mask = FIRST_BUCKETS - 1;
    objects->count = 0;
}

void px_objects_delete(px_objects *objects)
{
    free(objects->buckets);
    objects->buckets = NULL;
}

/* Digests are evenly spread already. */
static px_object **bucket_of(const px_objects *objects, const uint8_t *digest)
{
    uint32_t hash;
    memcpy(&hash, digest, sizeof hash);
    return &objects->buckets[hash & objects->mask];
}

px_object *px_objects_find(const px_objects *objects, const uint8_t *digest)
{
    px_object *object = *bucket_of(objects, digest);
    while (object != NULL && memcmp(object->digest, digest, PX_PLAN_DIGEST_BYTES) != 0)
        object = object->next;
    return object;
}

static void grow(px_objects *objects)
{
    px_object **old = objects->buckets;
    uint32_t old_count = objects->mask + 1;
    objects->mask = old_count * 2 - 1;
    objects->buckets = px_memory_zalloc((size_t)old_count * 2 * sizeof *old);
    for (uint32_t i = 0; i < old_count; i++) {
        for (px_object *object = old[i], *next; object != NULL; object = next) {
            px_object **bucket = bucket_of(objects, object->digest);
            next = object->next;
            object->next = *bucket;
            *bucket = object;
        }
    }
    free(old);
}

void px_objects_insert(px_objects *objects, px_object *object)
{
    if (objects->count++ > objects->mask)
        grow(objects);
    px_object **bucket = bucket_of(objects, object->digest);
    object->next = *bucket;
    *bucket = object;
}

static void take_out(px_objects *objects, px_object *object)
{
    px_object **at = bucket_of(objects, object->digest);
    while (*at != object)
        at = &(*at)->next;
    *at = object->next;
    objects->count--;
}

/* What was derived goes before the children that it points to. Depth is bounded, so recursion is. */
void px_object_free(px_object *object)
{
    px_arena_clear(&object->arena);
    for (uint32_t i = 0; i < object->child_count; i++)
        px_object_release(&object->children[i]);
    free(object->children);
    free(object);
}

void px_object_release(px_object **object)
{
    px_object *released = *object;
    *object = NULL;
    if (released == NULL || --released->references > 0)
        return;
    take_out(&released->worker->objects, released);
    px_object_free(released);
}
