/* The loaded configuration: Objects, found by digest and counted, and what is derived from each when it is
 * read. A Generation starts from a Root object; what did not change is the same Object as in the Generation
 * before.
 *
 * Plan structs (generated/plan.h) hold what Python wrote; their `runtime` points to what is declared here:
 *     Settings px_settings    Location px_location    Server px_server    ListenAddress px_names
 *     Listen px_listen        LogFile px_log_sink     Map px_map          Types px_types
 *     Upstream px_upstream    Regex px_regex          LogCache px_log_cache
 * All of it is read only once it is loaded (but for upstreams and log sinks, which have a state) and lives
 * in the Object's arena. */
#ifndef PX_PROXY_CONF_H
#define PX_PROXY_CONF_H

#include "generated/plan_kinds.h"
#include "http/h1_client.h"
#include "http/h1_server.h"
#include "proxy/docs.h"
#include "proxy/handler.h"
#include "proxy/handover.h"
#include "proxy/table.h"
#include "proxy/set.h"
#include "proxy/stats.h"
#include "proxy/template.h"
#include "proxy/worker.h"

struct px_object {
    px_object *next; /* in its bucket of px_worker.objects */
    uint8_t digest[PX_PLAN_DIGEST_BYTES];
    uint32_t references;
    uint16_t kind;  /* enum px_plan_kind */
    uint16_t depth; /* 1 + the largest of its children's */
    px_worker *worker;
    void *plan; /* px_plan_<kind> */
    px_arena arena;
    px_object **children; /* one reference each */
    uint32_t child_count;
};

#define PX_HEADER_BIT(id) ((uint64_t)1 << PX_HEADER_##id)

typedef struct px_types {
    const px_plan_types *plan;
    px_table by_extension; /* px_slice: the type */
} px_types;

typedef struct px_add_header {
    px_slice name;
    px_template value;
    uint16_t id; /* px_header_id */
    bool always;
} px_add_header;

typedef struct px_set_header {
    px_slice line; /* "Name: " */
    px_template value;
    px_slice constant; /* "Name: value\r\n"; data NULL: the value is not constant */
} px_set_header;

typedef struct px_log_sink px_log_sink;
typedef struct px_proxy_rules px_proxy_rules;
typedef struct px_rates px_rates;

typedef struct px_log_cache px_log_cache;

typedef struct px_access_log {
    px_log_sink *sink; /* NULL: path says which file */
    px_template path;
    bool tests_root; /* with a path: only where the Request's root is a directory */
    px_template format;
    const px_template *condition; /* NULL: always */
    int64_t escape;               /* PX_ESCAPE_* */
} px_access_log;

typedef struct px_settings {
    const px_plan_settings *plan;
    px_object *object;
    px_h1_settings h1; /* for the client's connection */
    px_log log;
    const px_types *types;
    px_template server_tokens;
    px_log_cache *log_cache; /* for logs whose path has variables; NULL: off */
    px_access_log *access_logs;
    uint32_t access_log_count;
    px_docs docs;
    px_add_header *add_headers;
    uint32_t add_header_count;
    px_add_header *add_trailers;
    uint32_t add_trailer_count;
    px_set_header *set_headers;
    uint32_t set_header_count;
    uint64_t request_dropped;       /* bit per px_header_id: not passed to a peer as it came */
    px_table request_dropped_names; /* the same for names without a number */
    uint64_t answer_hidden;
    px_table answer_hidden_names;
    px_h1_client_limits limits;
    size_t read_ahead; /* bytes of an answer that may wait for a slow client */
    size_t body_buffer;
    px_proxy_rules *proxy; /* proxy_rules.h */
    px_rates *rates;       /* rates.h */
    bool sends_upgrade;    /* proxy_set_header Upgrade: a peer may answer 101 */
} px_settings;

typedef struct px_location px_location;
typedef struct px_upstream px_upstream;

/* One level of locations: those of a server, or those inside a location. */
typedef struct px_level_entry {
    px_slice name;
    const px_location *exact;
    const px_location *prefix;
    const struct px_level_entry *parent; /* the longest shorter entry whose name begins this one */
} px_level_entry;

typedef struct px_level {
    px_level_entry *entries; /* sorted by name */
    uint32_t count;
    bool slash_redirects; /* one of them answers 301 to its name without the final "/" */
    uint32_t regex_count;
    const px_location **regexes; /* in the file's order */
} px_level;

struct px_location {
    const px_plan_location *plan;
    const px_settings *settings;
    const px_handler *handler; /* content; NULL: files */
    px_upstream *upstream;     /* proxy_pass; NULL with variables */
    px_template *proxy_url;    /* of a proxy_pass with variables; NULL: none */
    px_sets sets;
    px_template *return_text; /* NULL: none */
    const px_try_files *try_files;
    px_slice redirect_from; /* proxy_redirect default: Locations that begin so */
    px_slice redirect_to;
    px_level level;
};

typedef struct px_server {
    const px_plan_server *plan;
    px_object *object;
    const px_settings *settings;
    px_sets sets;
    px_template *return_text;
    const px_try_files *try_files; /* this and the handler: where no location is found */
    const px_handler *handler;     /* NULL: files */
    px_level level;
    px_stats stats;
    const px_location **named; /* "@name" */
    uint32_t named_count;
} px_server;

/* The servers of one address and port. */
typedef struct px_names {
    const px_plan_listen_address *plan;
    const px_server *by_default;
    px_table exact, heads, tails; /* px_server */
} px_names;

typedef struct px_listen {
    const px_plan_listen *plan;
    px_names *addresses;
    uint32_t address_count;
    const px_names *any;         /* for local addresses without an entry of their own */
    const px_settings *settings; /* until a server is known */
} px_listen;

typedef struct px_root {
    px_log log;               /* of the main context */
    px_table named, implicit; /* px_plan_upstream by name; implicit ones are "host:port" */
} px_root;

/* One loaded Plan. Holds its Root, and so all that belongs to it. */
typedef struct px_generation {
    px_list link; /* the engine's list */
    uint64_t number;
    uint32_t references; /* the engine's and listeners' while in use, and one per Request */
    bool retired;        /* another one is active */
    px_worker *worker;
    px_object *root;
    const px_plan_root *plan;
    const px_log *log;            /* of the main context */
    px_list requests;             /* px_request.link */
    struct px_adhoc_cache *adhoc; /* adhoc.h; NULL: none yet */
    px_timer linger;              /* worker_shutdown_timeout, once it is retired */
} px_generation;

/* Order of names: bytewise, a prefix first. */
static inline int px_route_compare(px_slice a, px_slice b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Descriptors that a load may need, by key. */
typedef struct px_descriptors {
    const px_descriptor *items;
    uint32_t count;
} px_descriptors;

/* -1: not there. */
int px_descriptor_find(px_descriptors descriptors, px_slice key);

/* objects.c: the table. It holds no references: who releases the last one takes the Object out of it. */
void px_objects_init(px_objects *objects);
/* No Object is left in it. */
void px_objects_delete(px_objects *objects);
/* digest: PX_PLAN_DIGEST_BYTES. NULL: not there. */
px_object *px_objects_find(const px_objects *objects, const uint8_t *digest);
/* The digest is not in it yet. */
void px_objects_insert(px_objects *objects, px_object *object);

/* Reads a Plan; what is new becomes Objects. NULL: error->text says why, and nothing has changed. One
 * reference is the caller's. */
px_generation *px_generation_load(px_worker *worker, px_slice plan, px_descriptors descriptors,
                                  px_engine_error *error);
void px_generation_release(px_generation **generation);

static inline px_object *px_object_ref(px_object *object)
{
    object->references++;
    return object;
}
/* Leaves NULL, which is let pass. With the last reference what was derived and the children's references go. */
void px_object_release(px_object **object);
/* The end of one that was never inserted. */
void px_object_free(px_object *object);

/* What turns a read Object into one that can be used. Each is one file's job. False: error says why; the
 * arena is cleared. */
struct px_build {
    px_worker *worker;
    px_object *object;
    px_arena *arena;
    px_descriptors descriptors;
    px_engine_error *error;
    bool private_peers; /* of an Upstream that the Zone does not know */
};

bool px_build_settings(px_build *build, px_plan_settings *plan);
bool px_build_server(px_build *build, px_plan_server *plan);
bool px_build_listen(px_build *build, px_plan_listen *plan);
bool px_build_types(px_build *build, px_plan_types *plan);
bool px_build_log(px_build *build, const px_plan_error_log_list *plan, px_log *log);
/* "why" to error, with what the Object is. Always false. */
bool px_build_fail(px_build *build, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline bool px_build_template(px_build *build, px_template *out, const px_plan_piece_list *pieces)
{
    char why[128];
    return px_template_compile(out, build->arena, pieces, why, sizeof why) || px_build_fail(build, "%s", why);
}

#endif
