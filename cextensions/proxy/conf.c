/* See conf.h: loading a Plan into the table of Objects (objects.c), Generations. What is derived from each
 * kind is built elsewhere. */
#include "proxy/conf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "proxy/log_path.h"
#include "proxy/log_sink.h"
#include "proxy/adhoc.h"
#include "proxy/limit.h"
#include "proxy/map.h"
#include "proxy/upstream.h"

#define DEPTH_MOST 64 /* maps that refer to maps */
#define SLOTS_MOST 65535

int px_descriptor_find(px_descriptors descriptors, px_slice key)
{
    for (uint32_t i = 0; i < descriptors.count; i++)
        if (px_slice_equal(descriptors.items[i].key, key))
            return descriptors.items[i].fd;
    return -1;
}

/* ---- loading one Object ---- */

bool px_build_fail(px_build *build, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(build->error->text, sizeof build->error->text, format, arguments);
    va_end(arguments);
    return false;
}

typedef struct loading {
    px_object *object;
    uint32_t child_capacity;
} loading;

static void add_child(loading *self, px_object *child)
{
    px_object *object = self->object;
    if (object->child_count == self->child_capacity) {
        self->child_capacity = self->child_capacity == 0 ? 8 : self->child_capacity * 2;
        object->children =
            px_memory_resize(object->children, self->child_capacity * sizeof *object->children);
    }
    object->children[object->child_count++] = px_object_ref(child);
    if (object->depth <= child->depth)
        object->depth = (uint16_t)(child->depth + 1);
}

static const void *on_resolve(void *argument, const uint8_t *digest, int kind)
{
    loading *self = argument;
    px_object *child = px_objects_find(&self->object->worker->objects, digest);
    if (child == NULL || child->kind != kind || child->depth >= DEPTH_MOST)
        return NULL;
    add_child(self, child);
    return child->plan;
}

static int kind_of(px_slice name)
{
    for (int kind = 0; kind < PX_PLAN_KINDS; kind++) {
        const char *known = px_plan_kind_table[kind].name;
        if (px_slice_equal(name, px_slice_from(known, strlen(known))))
            return kind;
    }
    return -1;
}

static void build_upstream_names(px_build *build, px_root *root, const px_plan_upstream_ref_list *upstreams)
{
    px_table_init(&root->named, build->arena, upstreams->count);
    px_table_init(&root->implicit, build->arena, upstreams->count);
    for (uint32_t i = 0; i < upstreams->count; i++) {
        const px_plan_upstream *upstream = upstreams->items[i];
        px_table_add(upstream->implicit ? &root->implicit : &root->named, upstream->name, upstream);
    }
}

static bool build_root(px_build *build, px_plan_root *plan)
{
    px_root *root = px_arena_zalloc(build->arena, sizeof *root);
    plan->runtime = root;
    build_upstream_names(build, root, &plan->upstreams);
    if (plan->slots < 0 || plan->slots > SLOTS_MOST || plan->worker_connections < 1 ||
        plan->shutdown_timeout < 0)
        return px_build_fail(build, "the plan's root holds a number that makes no sense");
    px_log_debugging = px_log_debugging || plan->debug_connection.count > 0;
    return px_build_log(build, &plan->error_log, &root->log);
}

static bool build_object(px_build *build)
{
    void *plan = build->object->plan;
    switch ((enum px_plan_kind)build->object->kind) {
    case PX_PLAN_MAP:
        return px_build_map(build, plan);
    case PX_PLAN_LIMIT_ZONE:
        return px_build_limit_zone(build, plan);
    case PX_PLAN_LOG_FILE:
        return px_build_log_file(build, plan);
    case PX_PLAN_LOG_CACHE:
        return px_build_log_cache(build, plan);
    case PX_PLAN_TYPES:
        return px_build_types(build, plan);
    case PX_PLAN_SETTINGS:
        return px_build_settings(build, plan);
    case PX_PLAN_UPSTREAM:
        return px_build_upstream(build, plan);
    case PX_PLAN_SERVER:
        return px_build_server(build, plan);
    case PX_PLAN_LISTEN:
        return px_build_listen(build, plan);
    case PX_PLAN_ROOT:
        return build_root(build, plan);
    case PX_PLAN_KINDS:
        break;
    }
    return true;
}

/* Small Objects are many, large ones few: blocks that fit what the bytes become. */
static size_t arena_block(size_t body)
{
    return body < 64 ? 1024 : body < 256 ? 4096 : body < 4096 ? 16384 : 65536;
}

static bool read_object(px_build *build, loading *self, px_slice body)
{
    const px_plan_kind_entry *kind = &px_plan_kind_table[build->object->kind];
    px_plan_reader reader;
    px_plan_reader_init(&reader, body, build->arena, on_resolve, self);
    build->object->plan = px_arena_zalloc(build->arena, kind->size);
    if (kind->read(&reader, build->object->plan) && px_plan_reader_at_end(&reader))
        return true;
    return px_build_fail(build, "the plan cannot be read: %s", reader.error);
}

/* The Object has one reference, the caller's. NULL: failed. */
static px_object *load_object(px_worker *worker, const px_plan_plan_object *source,
                              px_descriptors descriptors, px_engine_error *error)
{
    int kind = kind_of(source->kind);
    if (kind < 0) {
        snprintf(error->text, sizeof error->text, "the plan has an object of unknown kind");
        return NULL;
    }
    px_object *object = px_memory_zalloc(sizeof *object);
    memcpy(object->digest, source->digest.data, PX_PLAN_DIGEST_BYTES);
    object->references = 1;
    object->kind = (uint16_t)kind;
    object->worker = worker;
    px_arena_init(&object->arena, arena_block(source->body.len));
    px_build build = {.worker = worker,
                      .object = object,
                      .arena = &object->arena,
                      .descriptors = descriptors,
                      .error = error};
    loading self = {object, 0};
    if (read_object(&build, &self, source->body) && build_object(&build)) {
        px_objects_insert(&worker->objects, object);
        return object;
    }
    px_object_free(object);
    return NULL;
}

/* ---- loading a Plan ---- */

typedef struct plan_load {
    px_worker *worker;
    px_descriptors descriptors;
    px_engine_error *error;
    px_arena arena;
    px_plan_engine_plan plan;
    px_object **fresh; /* made by this load: one reference each, until it is over */
    uint32_t fresh_count;
    px_object *root;
} plan_load;

static bool load_fail(plan_load *load, const char *text)
{
    snprintf(load->error->text, sizeof load->error->text, "%s", text);
    return false;
}

static bool read_envelope(plan_load *load, px_slice bytes)
{
    px_plan_reader reader;
    px_plan_reader_init(&reader, bytes, &load->arena, NULL, NULL);
    reader.borrow = true;
    if (!px_plan_read_engine_plan(&reader, &load->plan) || !px_plan_reader_at_end(&reader)) {
        snprintf(load->error->text, sizeof load->error->text, "the plan cannot be read: %s", reader.error);
        return false;
    }
    if (load->plan.layout != PX_PLAN_LAYOUT)
        return load_fail(load, "the plan was made for another build of proxyd");
    for (uint32_t i = 0; i < load->plan.objects.count; i++)
        if (load->plan.objects.items[i].digest.len != PX_PLAN_DIGEST_BYTES)
            return load_fail(load, "the plan has an object without a digest");
    return load->plan.objects.count > 0 || load_fail(load, "the plan is empty");
}

static bool load_objects(plan_load *load)
{
    load->fresh = px_arena_alloc(&load->arena, load->plan.objects.count * sizeof(px_object *));
    for (uint32_t i = 0; i < load->plan.objects.count; i++) {
        const px_plan_plan_object *source = &load->plan.objects.items[i];
        load->root = px_objects_find(&load->worker->objects, source->digest.data);
        if (load->root != NULL)
            continue;
        load->root = load_object(load->worker, source, load->descriptors, load->error);
        if (load->root == NULL)
            return false;
        load->fresh[load->fresh_count++] = load->root;
    }
    return load->root->kind == PX_PLAN_ROOT || load_fail(load, "the plan's last object is no Root");
}

static void drop_fresh(plan_load *load)
{
    while (load->fresh_count > 0)
        px_object_release(&load->fresh[--load->fresh_count]);
}

static px_generation *new_generation(plan_load *load)
{
    px_generation *generation = px_memory_zalloc(sizeof *generation);
    generation->references = 1;
    generation->worker = load->worker;
    generation->root = px_object_ref(load->root);
    generation->plan = load->root->plan;
    px_list_init(&generation->link);
    px_list_init(&generation->requests);
    px_timer_init(&generation->linger, NULL);
    generation->log = &((const px_root *)generation->plan->runtime)->log;
    px_worker_count(load->worker, PX_COUNTER_GENERATIONS_LIVE, 1);
    return generation;
}

px_generation *px_generation_load(px_worker *worker, px_slice plan, px_descriptors descriptors,
                                  px_engine_error *error)
{
    plan_load load = {.worker = worker, .descriptors = descriptors, .error = error};
    px_generation *generation = NULL;
    error->text[0] = '\0';
    px_arena_init(&load.arena, 65536);
    if (read_envelope(&load, plan) && load_objects(&load))
        generation = new_generation(&load);
    drop_fresh(&load);
    px_arena_clear(&load.arena);
    return generation;
}

void px_generation_release(px_generation **generation)
{
    px_generation *released = *generation;
    *generation = NULL;
    if (released == NULL || --released->references > 0)
        return;
    px_worker *worker = released->worker;
    px_timer_stop(worker->loop, &released->linger);
    px_adhoc_clear(&released->adhoc);
    px_list_unlink(&released->link);
    px_object_release(&released->root);
    px_worker_count(worker, PX_COUNTER_GENERATIONS_LIVE, -1);
    free(released);
}
