/* See log_path.h. */
#include "proxy/log_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "proxy/docs.h"
#include "proxy/request.h"

#define MOST_MOST 65536
#define COMPLAIN_GAP_MS 60000

/* What the cache knows of a path. */
typedef struct entry {
    px_list used;       /* in the cache's order of use */
    struct entry *next; /* in its bucket */
    uint64_t hash;
    uint64_t accessed_ms, created_ms;
    uint64_t uses;
    dev_t device;
    ino_t inode;
    int fd; /* -1: not used often enough to stay open */
    size_t path_len;
    char path[];
} entry;

struct px_log_cache {
    px_worker *worker;
    px_list link; /* in worker->log_caches */
    px_list used; /* entry: the least recently used one first */
    px_timer inactive;
    uint64_t inactive_ms, valid_ms, min_uses;
    uint32_t most, count, mask;
    entry **buckets;
};

/* ---- the cache ---- */

static entry **place_of(px_log_cache *cache, uint64_t hash)
{
    return &cache->buckets[hash & cache->mask];
}

static entry *find(px_log_cache *cache, px_slice path, uint64_t hash)
{
    entry *at = *place_of(cache, hash);
    while (at != NULL && !(at->hash == hash && px_slice_equal(path, px_slice_from(at->path, at->path_len))))
        at = at->next;
    return at;
}

static void drop(px_log_cache *cache, entry *dropped)
{
    entry **at = place_of(cache, dropped->hash);
    while (*at != dropped)
        at = &(*at)->next;
    *at = dropped->next;
    px_list_unlink(&dropped->used);
    if (dropped->fd >= 0)
        close(dropped->fd);
    free(dropped);
    cache->count--;
}

static void clear(px_log_cache *cache)
{
    while (!px_list_empty(&cache->used))
        drop(cache, PX_CONTAINER(cache->used.next, entry, used));
    px_timer_stop(cache->worker->loop, &cache->inactive);
}

static void on_inactive(px_timer *timer)
{
    px_log_cache *cache = PX_CONTAINER(timer, px_log_cache, inactive);
    uint64_t now = px_loop_now_ms(cache->worker->loop);
    while (!px_list_empty(&cache->used)) {
        entry *oldest = PX_CONTAINER(cache->used.next, entry, used);
        uint64_t age = now - oldest->accessed_ms;
        if (age < cache->inactive_ms) {
            px_timer_start(cache->worker->loop, &cache->inactive, cache->inactive_ms - age);
            return;
        }
        drop(cache, oldest);
    }
}

static entry *add(px_log_cache *cache, px_slice path, uint64_t hash)
{
    if (cache->count >= cache->most)
        drop(cache, PX_CONTAINER(cache->used.next, entry, used));
    entry *added = px_memory_zalloc(sizeof *added + path.len + 1);
    added->hash = hash;
    added->fd = -1;
    added->path_len = path.len;
    memcpy(added->path, path.data, path.len);
    added->next = *place_of(cache, hash);
    *place_of(cache, hash) = added;
    px_list_init(&added->used);
    cache->count++;
    return added;
}

static void on_release(void *argument)
{
    px_log_cache *cache = argument;
    clear(cache);
    px_list_unlink(&cache->link);
    free(cache->buckets);
}

static uint64_t at_least_0(int64_t value)
{
    return value > 0 ? (uint64_t)value : 0;
}

bool px_build_log_cache(px_build *build, px_plan_log_cache *plan)
{
    px_log_cache *cache = px_arena_zalloc(build->arena, sizeof *cache);
    uint32_t buckets = 16;
    cache->worker = build->worker;
    cache->most = (uint32_t)(plan->most < 1 ? 1 : plan->most < MOST_MOST ? plan->most : MOST_MOST);
    while (buckets < cache->most)
        buckets *= 2;
    cache->mask = buckets - 1;
    cache->buckets = px_memory_zalloc(buckets * sizeof *cache->buckets);
    cache->inactive_ms = at_least_0(plan->inactive);
    cache->valid_ms = at_least_0(plan->valid);
    cache->min_uses = at_least_0(plan->min_uses);
    px_list_init(&cache->used);
    px_list_init(&cache->link);
    px_list_append(&build->worker->log_caches, &cache->link);
    px_timer_init(&cache->inactive, on_inactive);
    px_arena_on_clear(build->arena, on_release, cache);
    plan->runtime = cache;
    return true;
}

void px_log_caches_clear(px_worker *worker)
{
    for (px_list *at = worker->log_caches.next; at != &worker->log_caches; at = at->next)
        clear(PX_CONTAINER(at, px_log_cache, link));
}

/* ---- files ---- */

/* O_NONBLOCK: a pipe without a reader is an error, nothing to wait for. */
static int open_path(px_request *r, px_slice path)
{
    return px_docs_open(r, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
}

static px_slice path_of(const entry *known)
{
    return px_slice_from(known->path, known->path_len);
}

static bool is_same_file(const entry *known)
{
    struct stat facts;
    return stat(known->path, &facts) == 0 && facts.st_dev == known->device && facts.st_ino == known->inode;
}

static void open_entry(px_request *r, entry *known, uint64_t now)
{
    struct stat facts;
    if (known->fd >= 0)
        close(known->fd);
    known->fd = open_path(r, path_of(known));
    known->created_ms = now;
    if (known->fd < 0 || fstat(known->fd, &facts) < 0)
        return;
    known->device = facts.st_dev;
    known->inode = facts.st_ino;
}

/* The entry with an open descriptor, or -1 and errno in it. */
static entry *open_cached(px_request *r, px_log_cache *cache, px_slice path)
{
    uint64_t hash = px_hash(path), now = px_loop_now_ms(cache->worker->loop);
    entry *known = find(cache, path, hash);
    if (known == NULL)
        known = add(cache, path, hash);
    known->uses++;
    known->accessed_ms = now;
    px_list_unlink(&known->used);
    px_list_append(&cache->used, &known->used);
    if (!px_timer_running(&cache->inactive))
        px_timer_start(cache->worker->loop, &cache->inactive, cache->inactive_ms);
    if (known->fd >= 0 && now - known->created_ms >= cache->valid_ms) {
        if (is_same_file(known))
            known->created_ms = now;
        else
            open_entry(r, known, now);
    } else if (known->fd < 0) {
        open_entry(r, known, now);
    }
    return known;
}

/* ---- lines ---- */

static void write_line(px_request *r, int fd, const char *path, px_slice line)
{
    static uint64_t complained_ms;
    uint64_t now = px_loop_now_ms(r->worker->loop);
    ssize_t n;
    do
        n = write(fd, line.data, line.len);
    while (n < 0 && errno == EINTR);
    px_worker_count(r->worker, PX_COUNTER_LOG_LINES, 1);
    if (n == (ssize_t)line.len)
        return;
    px_worker_count(r->worker, PX_COUNTER_LOG_LINES_LOST, 1);
    if (complained_ms != 0 && now - complained_ms < COMPLAIN_GAP_MS)
        return;
    complained_ms = now;
    px_log_at(&px_log_main, PX_LOG_ALERT, 0, "write() to \"%s\" failed (%s)", path,
              px_log_errno(n < 0 ? errno : ENOSPC));
}

static void cannot_open(px_request *r, const char *path)
{
    px_worker_count(r->worker, PX_COUNTER_LOG_LINES_LOST, 1);
    px_request_log(r, PX_LOG_CRIT, "%s \"%s\" failed (%s) while logging request", px_docs_call(r, "open()"),
                   path, px_log_errno(errno));
}

static void write_cached(px_request *r, px_log_cache *cache, px_slice path, px_slice line)
{
    entry *known = open_cached(r, cache, path);
    if (known->fd < 0) {
        cannot_open(r, known->path);
        drop(cache, known);
        return;
    }
    write_line(r, known->fd, known->path, line);
    if (known->uses < cache->min_uses) {
        close(known->fd);
        known->fd = -1;
    }
}

static void write_once(px_request *r, px_slice path, px_slice line)
{
    int fd = open_path(r, path);
    if (fd < 0) {
        cannot_open(r, (const char *)path.data);
        return;
    }
    write_line(r, fd, (const char *)path.data, line);
    close(fd);
}

/* So that a name which a client made up makes no file: where the configuration says where a host's documents
 * are, they must be there, as nginx has it. */
static bool has_root(px_request *r)
{
    px_file_name name;
    struct stat facts;
    if (px_docs_join(r, PX_SLICE(""), &name) != 0)
        return false;
    int error = px_docs_stat(r, px_file_path(&name), &facts) < 0 ? errno
                : S_ISDIR(facts.st_mode)                         ? 0
                                                                 : ENOTDIR;
    if (error != 0)
        px_request_log(r, PX_LOG_ERROR, "testing \"%s\" existence failed (%s) while logging request",
                       (const char *)name.data, px_log_errno(error));
    return error == 0;
}

/* The path up to a NUL, which only decoded text can hold; ends in NUL. */
static px_slice make_path(px_request *r, const px_template *path)
{
    px_buffer text;
    px_buffer_init(&text, &r->arena, 128);
    px_template_append(path, r, &text);
    px_buffer_byte(&text, '\0');
    px_slice made = px_buffer_view(&text);
    return px_slice_from(made.data, strlen((const char *)made.data));
}

void px_log_path_add(px_request *r, const px_access_log *log, px_slice line)
{
    if (log->tests_root && !has_root(r))
        return;
    px_slice made = make_path(r, &log->path);
    if (r->settings->log_cache != NULL && made.len < PATH_MAX)
        write_cached(r, r->settings->log_cache, made, line);
    else
        write_once(r, made, line);
}
