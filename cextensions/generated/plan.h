/* Made by cextensions/generate.py from proxyd/config/plan/ and the directive table. Do not edit. */
#ifndef PX_GENERATED_PLAN_H
#define PX_GENERATED_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* Names the declarations that this was made from; a Plan carries the same number. */
#define PX_PLAN_LAYOUT INT64_C(3201482072325101574)

/* A list without items has items == NULL. Times are milliseconds, sizes are bytes. References (const)
 * belong to other objects; all else lives as long as its object. runtime is the engine's own: NULL after
 * reading. */

enum {
    PX_ALIAS_NONE = -1,
    PX_ALIAS_WHOLE = -2,
};

enum {
    PX_SYMLINKS_FOLLOWED = 0,
    PX_SYMLINKS_REFUSED = 1,
    PX_SYMLINKS_OF_OWNER = 2,
};

enum {
    PX_IF_MODIFIED_SINCE_OFF = 0,
    PX_IF_MODIFIED_SINCE_EXACT = 1,
    PX_IF_MODIFIED_SINCE_BEFORE = 2,
};

enum {
    PX_EXPIRES_OFF = 0,
    PX_EXPIRES_ACCESS = 1,
    PX_EXPIRES_MODIFIED = 2,
    PX_EXPIRES_DAILY = 3,
    PX_EXPIRES_EPOCH = 4,
    PX_EXPIRES_MAX = 5,
    PX_EXPIRES_VARIABLE = 6,
};

enum {
    PX_SATISFY_ALL = 0,
    PX_SATISFY_ANY = 1,
};

enum {
    PX_ESCAPE_DEFAULT = 0,
    PX_ESCAPE_JSON = 1,
    PX_ESCAPE_NONE = 2,
};

enum {
    PX_NEXT_ERROR = 1,
    PX_NEXT_TIMEOUT = 2,
    PX_NEXT_INVALID_HEADER = 4,
    PX_NEXT_NON_IDEMPOTENT = 8,
    PX_NEXT_403 = 16,
    PX_NEXT_404 = 32,
    PX_NEXT_429 = 64,
    PX_NEXT_500 = 128,
    PX_NEXT_502 = 256,
    PX_NEXT_503 = 512,
    PX_NEXT_504 = 1024,
};

enum {
    PX_IGNORE_X_ACCEL_REDIRECT = 1,
    PX_IGNORE_X_ACCEL_EXPIRES = 2,
    PX_IGNORE_X_ACCEL_LIMIT_RATE = 4,
    PX_IGNORE_X_ACCEL_BUFFERING = 8,
    PX_IGNORE_X_ACCEL_CHARSET = 16,
    PX_IGNORE_EXPIRES = 32,
    PX_IGNORE_CACHE_CONTROL = 64,
    PX_IGNORE_SET_COOKIE = 128,
    PX_IGNORE_VARY = 256,
};

enum {
    PX_IN_FILE_OFF = 0,
    PX_IN_FILE_ON = 1,
    PX_IN_FILE_CLEAN = 2,
};

enum {
    PX_KEEPALIVE_MSIE6 = 1,
    PX_KEEPALIVE_SAFARI = 2,
};

enum {
    PX_REPORT_NONE = 0,
    PX_REPORT_STUB_STATUS = 1,
    PX_REPORT_METRICS = 2,
};

enum {
    PX_LOCATION_PREFIX = 0,
    PX_LOCATION_PREFIX_FINAL = 1,
    PX_LOCATION_EXACT = 2,
    PX_LOCATION_REGEX = 3,
    PX_LOCATION_NAMED = 4,
};

enum {
    PX_BALANCE_ROUND_ROBIN = 0,
    PX_BALANCE_LEAST_CONN = 1,
    PX_BALANCE_IP_HASH = 2,
    PX_BALANCE_HASH = 3,
    PX_BALANCE_HASH_CONSISTENT = 4,
    PX_BALANCE_RANDOM = 5,
    PX_BALANCE_RANDOM_TWO = 6,
};

typedef struct px_plan_piece px_plan_piece;
typedef struct px_plan_words px_plan_words;
typedef struct px_plan_regex px_plan_regex;
typedef struct px_plan_regex_group px_plan_regex_group;
typedef struct px_plan_buffers px_plan_buffers;
typedef struct px_plan_type_entry px_plan_type_entry;
typedef struct px_plan_types px_plan_types;
typedef struct px_plan_document_root px_plan_document_root;
typedef struct px_plan_disable_symlinks px_plan_disable_symlinks;
typedef struct px_plan_index_file px_plan_index_file;
typedef struct px_plan_try_file px_plan_try_file;
typedef struct px_plan_try_files px_plan_try_files;
typedef struct px_plan_expires px_plan_expires;
typedef struct px_plan_error_page px_plan_error_page;
typedef struct px_plan_limit_zone px_plan_limit_zone;
typedef struct px_plan_limit_req px_plan_limit_req;
typedef struct px_plan_limit_conn px_plan_limit_conn;
typedef struct px_plan_access_rule px_plan_access_rule;
typedef struct px_plan_syslog px_plan_syslog;
typedef struct px_plan_log_file px_plan_log_file;
typedef struct px_plan_log_cache px_plan_log_cache;
typedef struct px_plan_access_log px_plan_access_log;
typedef struct px_plan_error_log px_plan_error_log;
typedef struct px_plan_map_entry px_plan_map_entry;
typedef struct px_plan_map_regex px_plan_map_regex;
typedef struct px_plan_map px_plan_map;
typedef struct px_plan_set_variable px_plan_set_variable;
typedef struct px_plan_temp_path px_plan_temp_path;
typedef struct px_plan_set_header px_plan_set_header;
typedef struct px_plan_rewrite_rule px_plan_rewrite_rule;
typedef struct px_plan_cookie_rule px_plan_cookie_rule;
typedef struct px_plan_proxy_bind px_plan_proxy_bind;
typedef struct px_plan_proxy_pass px_plan_proxy_pass;
typedef struct px_plan_add_header px_plan_add_header;
typedef struct px_plan_return px_plan_return;
typedef struct px_plan_limit_except px_plan_limit_except;
typedef struct px_plan_location px_plan_location;
typedef struct px_plan_server px_plan_server;
typedef struct px_plan_server_name px_plan_server_name;
typedef struct px_plan_server_regex px_plan_server_regex;
typedef struct px_plan_listen_address px_plan_listen_address;
typedef struct px_plan_listen px_plan_listen;
typedef struct px_plan_network px_plan_network;
typedef struct px_plan_root px_plan_root;
typedef struct px_plan_peer px_plan_peer;
typedef struct px_plan_upstream px_plan_upstream;
typedef struct px_plan_plan_object px_plan_plan_object;
typedef struct px_plan_engine_plan px_plan_engine_plan;
typedef struct px_plan_settings px_plan_settings;

typedef struct {
    px_plan_access_log *items;
    uint32_t count;
} px_plan_access_log_list;

typedef struct {
    px_plan_access_rule *items;
    uint32_t count;
} px_plan_access_rule_list;

typedef struct {
    px_plan_add_header *items;
    uint32_t count;
} px_plan_add_header_list;

typedef struct {
    px_slice *items;
    uint32_t count;
} px_plan_bytes_list;

typedef struct {
    px_plan_cookie_rule *items;
    uint32_t count;
} px_plan_cookie_rule_list;

typedef struct {
    px_plan_error_log *items;
    uint32_t count;
} px_plan_error_log_list;

typedef struct {
    px_plan_error_page *items;
    uint32_t count;
} px_plan_error_page_list;

typedef struct {
    px_plan_index_file *items;
    uint32_t count;
} px_plan_index_file_list;

typedef struct {
    int64_t *items;
    uint32_t count;
} px_plan_int_list;

typedef struct {
    px_plan_limit_conn *items;
    uint32_t count;
} px_plan_limit_conn_list;

typedef struct {
    px_plan_limit_req *items;
    uint32_t count;
} px_plan_limit_req_list;

typedef struct {
    px_plan_listen_address *items;
    uint32_t count;
} px_plan_listen_address_list;

typedef struct {
    const px_plan_listen **items;
    uint32_t count;
} px_plan_listen_ref_list;

typedef struct {
    px_plan_location *items;
    uint32_t count;
} px_plan_location_list;

typedef struct {
    px_plan_map_entry *items;
    uint32_t count;
} px_plan_map_entry_list;

typedef struct {
    px_plan_map_regex *items;
    uint32_t count;
} px_plan_map_regex_list;

typedef struct {
    px_plan_network *items;
    uint32_t count;
} px_plan_network_list;

typedef struct {
    px_plan_peer *items;
    uint32_t count;
} px_plan_peer_list;

typedef struct {
    px_plan_piece *items;
    uint32_t count;
} px_plan_piece_list;

typedef struct {
    px_plan_plan_object *items;
    uint32_t count;
} px_plan_plan_object_list;

typedef struct {
    px_plan_regex_group *items;
    uint32_t count;
} px_plan_regex_group_list;

typedef struct {
    px_plan_rewrite_rule *items;
    uint32_t count;
} px_plan_rewrite_rule_list;

typedef struct {
    px_plan_server_name *items;
    uint32_t count;
} px_plan_server_name_list;

typedef struct {
    const px_plan_server **items;
    uint32_t count;
} px_plan_server_ref_list;

typedef struct {
    px_plan_server_regex *items;
    uint32_t count;
} px_plan_server_regex_list;

typedef struct {
    px_plan_set_header *items;
    uint32_t count;
} px_plan_set_header_list;

typedef struct {
    px_plan_set_variable *items;
    uint32_t count;
} px_plan_set_variable_list;

typedef struct {
    px_plan_try_file *items;
    uint32_t count;
} px_plan_try_file_list;

typedef struct {
    px_plan_type_entry *items;
    uint32_t count;
} px_plan_type_entry_list;

typedef struct {
    const px_plan_upstream **items;
    uint32_t count;
} px_plan_upstream_ref_list;

typedef struct {
    px_plan_words *items;
    uint32_t count;
} px_plan_words_list;

/* One part of a template: literal text, a built-in variable, a map's result, or a slot. */
struct px_plan_piece {
    px_slice text;
    int64_t variable;
    const px_plan_map *map; /* NULL: None */
    int64_t slot;
    int64_t capture;
};

/* One text of several. */
struct px_plan_words {
    px_plan_piece_list value;
};

/* A PCRE2 pattern; named groups are copied to slots after a match. */
struct px_plan_regex {
    px_slice pattern;
    bool caseless;
    px_plan_regex_group_list groups;
    void *runtime;
};

struct px_plan_regex_group {
    int64_t number;
    int64_t slot;
};

/* A number of buffers and the bytes of each. */
struct px_plan_buffers {
    int64_t number;
    int64_t size;
};

struct px_plan_type_entry {
    px_slice extension;
    px_slice type;
};

/* A ``types`` block, after inheritance. */
struct px_plan_types {
    px_plan_type_entry_list entries;
    void *runtime;
};

/* ``root`` or ``alias``: what stands in front of a request's path in the name of a file. */
struct px_plan_document_root {
    px_plan_piece_list path;
    px_slice prefix;
    int64_t alias;
};

/* ``disable_symlinks``. */
struct px_plan_disable_symlinks {
    int64_t rule;
    px_plan_piece_list start;
};

/* A name of ``index``. */
struct px_plan_index_file {
    px_plan_piece_list name;
};

struct px_plan_try_file {
    px_plan_piece_list name;
    bool directory;
};

/* ``try_files``: names, and what happens if none of them is there. */
struct px_plan_try_files {
    px_plan_try_file_list files;
    px_plan_piece_list fallback;
    int64_t code;
};

/* ``expires``. */
struct px_plan_expires {
    int64_t kind;
    int64_t seconds;
    bool modified;
    px_plan_piece_list value;
};

/* ``error_page``: what answers in place of these statuses. */
struct px_plan_error_page {
    px_plan_int_list statuses;
    int64_t overwrite;
    px_plan_piece_list uri;
};

/* A ``limit_req_zone`` or ``limit_conn_zone``, made by the master; its descriptor comes as ``key``. */
struct px_plan_limit_zone {
    px_slice key;
    px_slice name;
    px_plan_piece_list source;
    px_slice source_text;
    int64_t rate;
    void *runtime;
};

struct px_plan_limit_req {
    const px_plan_limit_zone *zone;
    int64_t burst;
    int64_t delay;
};

struct px_plan_limit_conn {
    const px_plan_limit_zone *zone;
    int64_t connections;
};

/* ``allow`` or ``deny``. The first one that fits decides. */
struct px_plan_access_rule {
    bool deny;
    int64_t family;
    px_slice network;
    int64_t prefix;
};

/* A syslog server and how its lines begin. */
struct px_plan_syslog {
    px_slice address;
    int64_t family;
    int64_t port;
    int64_t facility;
    int64_t severity;
    px_slice tag;
    bool hostname;
};

/* A file that log lines go to. The master opens it; its descriptor arrives under ``log:<path>``. */
struct px_plan_log_file {
    px_slice path;
    int64_t buffer;
    int64_t flush;
    int64_t gzip;
    px_plan_syslog *syslog; /* NULL: None */
    void *runtime;
};

/* ``open_log_file_cache``: descriptors of logs whose path has variables, kept open by each worker. */
struct px_plan_log_cache {
    int64_t most;
    int64_t inactive;
    int64_t valid;
    int64_t min_uses;
    void *runtime;
};

struct px_plan_access_log {
    const px_plan_log_file *file; /* NULL: None */
    px_plan_piece_list path;
    bool tests_root;
    px_plan_piece_list format;
    int64_t escape;
    px_plan_piece_list *condition; /* NULL: None */
};

struct px_plan_error_log {
    const px_plan_log_file *file;
    int64_t level;
};

struct px_plan_map_entry {
    px_slice key;
    px_plan_piece_list value;
};

struct px_plan_map_regex {
    px_plan_regex *regex;
    px_plan_piece_list value;
};

/* A ``map`` block. Looked for: exactly, by longest leading, longest trailing wildcard, regex in order. */
struct px_plan_map {
    px_slice name;
    px_plan_piece_list source;
    px_plan_piece_list default_;
    bool hostnames;
    px_plan_map_entry_list exact;
    px_plan_map_entry_list heads;
    px_plan_map_entry_list tails;
    px_plan_map_regex_list regexes;
    bool volatile_;
    int64_t slot;
    void *runtime;
};

/* ``set``: gives a variable its value, in the order of the file and before ``return``. */
struct px_plan_set_variable {
    int64_t slot;
    int64_t variable;
    px_plan_piece_list value;
};

/* A directory for temporary files; levels: how many digits of a file's name each directory below has. */
struct px_plan_temp_path {
    px_slice path;
    px_slice levels;
};

/* ``proxy_set_header``: a value that comes out empty means: do not send this header. */
struct px_plan_set_header {
    px_slice name;
    px_plan_piece_list value;
};

/* ``proxy_redirect``, ``proxy_cookie_*``: what a text begins with, or is, and what comes in its place. */
struct px_plan_rewrite_rule {
    bool by_default;
    px_plan_piece_list pattern;
    px_plan_regex *regex; /* NULL: None */
    px_plan_piece_list replacement;
};

/* ``proxy_cookie_flags``. */
struct px_plan_cookie_rule {
    px_plan_piece_list name;
    px_plan_regex *regex; /* NULL: None */
    px_plan_words_list flags;
};

/* ``proxy_bind``: the text of an address; one without variables is right. */
struct px_plan_proxy_bind {
    px_plan_piece_list address;
    bool transparent;
};

struct px_plan_proxy_pass {
    px_plan_piece_list *url; /* NULL: None */
    const px_plan_upstream *upstream; /* NULL: None */
    bool tls;
    px_slice host;
    px_slice port;
    px_slice uri; /* data is NULL: None */
    int64_t prefix_bytes;
};

struct px_plan_add_header {
    px_slice name;
    px_plan_piece_list value;
    bool always;
};

/* ``return``. 444 closes the connection. With 301, 302, 303, 307 and 308 the text is the Location. */
struct px_plan_return {
    int64_t status;
    px_plan_piece_list *text; /* NULL: None */
};

/* ``limit_except``: all methods but these have these settings. */
struct px_plan_limit_except {
    px_plan_bytes_list methods;
    const px_plan_settings *settings;
};

/* A ``location`` block; nested ones below it. Regex children keep the file's order. */
struct px_plan_location {
    int64_t kind;
    px_slice name;
    px_plan_regex *regex; /* NULL: None */
    const px_plan_settings *settings;
    bool slash_redirect;
    px_plan_set_variable_list sets;
    px_plan_return *ret; /* NULL: None */
    px_plan_proxy_pass *proxy; /* NULL: None */
    px_plan_limit_except *limit_except; /* NULL: None */
    px_plan_try_files *try_files; /* NULL: None */
    int64_t report;
    px_plan_location_list locations;
    void *runtime;
};

/* A ``server`` block of http. ``settings`` serve until a location is found, and where none is. */
struct px_plan_server {
    px_slice name;
    px_slice listen;
    const px_plan_settings *settings;
    px_plan_set_variable_list sets;
    px_plan_return *ret; /* NULL: None */
    px_plan_try_files *try_files; /* NULL: None */
    int64_t report;
    px_plan_location_list locations;
    void *runtime;
};

struct px_plan_server_name {
    px_slice name;
    const px_plan_server *server;
};

struct px_plan_server_regex {
    px_plan_regex *regex;
    const px_plan_server *server;
};

/* The servers of one address:port, looked for exactly, by leading and trailing wildcard, by regex. */
struct px_plan_listen_address {
    px_slice address;
    const px_plan_server *default_;
    px_plan_server_name_list exact;
    px_plan_server_name_list heads;
    px_plan_server_name_list tails;
    px_plan_server_regex_list regexes;
    void *runtime;
};

/* One listening socket. The master binds it; its descriptor arrives under ``key``. */
struct px_plan_listen {
    px_slice key;
    int64_t port;
    px_plan_listen_address_list addresses;
    void *runtime;
};

/* Addresses that begin alike. */
struct px_plan_network {
    px_slice address;
    int64_t bits;
};

/* What a Generation starts from; always the last object. */
struct px_plan_root {
    px_plan_listen_ref_list listens;
    px_plan_upstream_ref_list upstreams;
    px_plan_server_ref_list servers;
    int64_t slots;
    int64_t worker_connections;
    bool multi_accept;
    int64_t shutdown_timeout;
    px_plan_error_log_list error_log;
    px_plan_network_list debug_connection;
    void *runtime;
};

/* One address of a ``server`` line of an upstream. */
struct px_plan_peer {
    px_slice name;
    px_slice server;
    px_slice address;
    int64_t family;
    int64_t port;
    int64_t weight;
    int64_t max_conns;
    int64_t max_fails;
    int64_t fail_timeout;
    bool backup;
    bool down;
};

/* An ``upstream`` block, or the implicit one of ``proxy_pass http://host:port``, named host:port. */
struct px_plan_upstream {
    px_slice name;
    bool implicit;
    px_plan_peer_list peers;
    int64_t balance;
    px_plan_piece_list hash_key;
    int64_t keepalive;
    int64_t keepalive_requests;
    int64_t keepalive_time;
    int64_t keepalive_timeout;
    void *runtime;
};

struct px_plan_plan_object {
    px_slice kind;
    px_slice digest;
    px_slice body;
};

/* What travels to a worker. ``layout`` is the digest of all declarations: another layout is refused. */
struct px_plan_engine_plan {
    int64_t layout;
    px_plan_plan_object_list objects;
};

/* The values of one level of http: one field per directive. */
struct px_plan_settings {
    px_plan_piece_list server_tokens;
    px_slice default_type;
    int64_t keepalive_timeout;
    int64_t keepalive_timeout_header;
    int64_t keepalive_requests;
    int64_t keepalive_time;
    int64_t client_header_timeout;
    int64_t client_body_timeout;
    int64_t send_timeout;
    int64_t client_header_buffer_size;
    px_plan_buffers *large_client_header_buffers;
    int64_t client_max_body_size;
    int64_t client_body_buffer_size;
    bool underscores_in_headers;
    bool ignore_invalid_headers;
    bool merge_slashes;
    int64_t max_headers;
    int64_t keepalive_disable;
    int64_t keepalive_min_timeout;
    int64_t lingering_close;
    int64_t lingering_time;
    int64_t lingering_timeout;
    bool reset_timedout_connection;
    bool chunked_transfer_encoding;
    bool sendfile;
    int64_t sendfile_max_chunk;
    px_plan_buffers *output_buffers;
    bool uninitialized_variable_warn;
    const px_plan_types *types;
    px_plan_document_root *root;
    px_plan_index_file_list index;
    bool internal;
    bool etag;
    int64_t if_modified_since;
    int64_t max_ranges;
    px_plan_expires *expires;
    bool log_not_found;
    px_plan_disable_symlinks *disable_symlinks;
    px_plan_error_page_list error_page;
    bool recursive_error_pages;
    bool proxy_intercept_errors;
    bool absolute_redirect;
    bool server_name_in_redirect;
    bool port_in_redirect;
    px_plan_add_header_list add_header;
    px_plan_add_header_list add_trailer;
    bool proxy_pass_trailers;
    px_plan_words_list early_hints;
    px_plan_access_log_list access_log;
    px_plan_error_log_list error_log;
    const px_plan_log_cache *open_log_file_cache; /* NULL: None */
    px_plan_set_header_list proxy_set_header;
    px_plan_bytes_list proxy_hide_header;
    int64_t proxy_http_version;
    int64_t proxy_connect_timeout;
    int64_t proxy_send_timeout;
    int64_t proxy_read_timeout;
    bool proxy_buffering;
    int64_t proxy_buffer_size;
    px_plan_buffers *proxy_buffers;
    bool proxy_request_buffering;
    int64_t proxy_next_upstream;
    int64_t proxy_next_upstream_tries;
    int64_t proxy_next_upstream_timeout;
    bool proxy_socket_keepalive;
    px_plan_piece_list *proxy_method; /* NULL: None */
    px_plan_piece_list *proxy_set_body; /* NULL: None */
    bool proxy_pass_request_headers;
    bool proxy_pass_request_body;
    int64_t proxy_ignore_headers;
    px_plan_proxy_bind *proxy_bind; /* NULL: None */
    bool proxy_force_ranges;
    int64_t proxy_socket_rcvbuf;
    int64_t proxy_socket_sndbuf;
    px_plan_temp_path *client_body_temp_path;
    int64_t client_body_in_file_only;
    px_plan_temp_path *proxy_temp_path;
    int64_t proxy_max_temp_file_size;
    int64_t proxy_temp_file_write_size;
    px_plan_piece_list limit_rate;
    px_plan_piece_list limit_rate_after;
    px_plan_piece_list proxy_limit_rate;
    bool proxy_ignore_client_abort;
    px_plan_rewrite_rule_list proxy_redirect;
    px_plan_rewrite_rule_list proxy_cookie_domain;
    px_plan_rewrite_rule_list proxy_cookie_path;
    px_plan_cookie_rule_list proxy_cookie_flags;
    px_plan_limit_req_list limit_req;
    int64_t limit_req_status;
    int64_t limit_req_log_level;
    bool limit_req_dry_run;
    px_plan_limit_conn_list limit_conn;
    int64_t limit_conn_status;
    int64_t limit_conn_log_level;
    bool limit_conn_dry_run;
    px_plan_access_rule_list access_rules;
    int64_t satisfy;
    void *runtime;
};

#endif
