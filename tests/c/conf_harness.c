#include "conf_harness.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "generated/variables.h"
#include "main_segments.h"
#include "proxy/log_sink.h"
#include "proxy/map.h"

static int access_fd, error_fd;

/* ---- the world ---- */

static void build_or_die(conf_world *world, bool good)
{
    if (good)
        return;
    fprintf(stderr, "conf_harness: %s\n", world->error.text);
    abort();
}

static void add_log(conf_world *world, px_plan_log_file *file, const char *path, int fd)
{
    file->path = px_slice_from(path, strlen(path));
    char key[32];
    snprintf(key, sizeof key, "log:%s", path);
    px_descriptor descriptor = {px_slice_from(key, strlen(key)), fd};
    world->build.descriptors = (px_descriptors){&descriptor, 1};
    build_or_die(world, px_build_log_file(&world->build, file));
    world->build.descriptors = (px_descriptors){NULL, 0};
}

static px_plan_buffers *buffers(conf_world *world, int number, int size)
{
    px_plan_buffers *made = px_arena_alloc(&world->arena, sizeof *made);
    *made = (px_plan_buffers){number, size};
    return made;
}

static px_plan_rewrite_rule default_redirect[] = {{.by_default = true}};

static px_plan_document_root *document_root(conf_world *world, const char *path)
{
    px_plan_document_root *root = px_arena_zalloc(&world->arena, sizeof *root);
    *root = (px_plan_document_root){.path = conf_text(world, path), .alias = PX_ALIAS_NONE};
    return root;
}

static void default_settings(conf_world *world)
{
    px_plan_settings *settings = &world->settings;
    px_plan_access_log *access = px_arena_zalloc(&world->arena, sizeof *access);
    px_plan_error_log *errors = px_arena_zalloc(&world->arena, sizeof *errors);
    px_plan_log_file *error_file = px_arena_zalloc(&world->arena, sizeof *error_file);
    add_log(world, &world->log_file, "access", access_fd);
    add_log(world, error_file, "errors", error_fd);
    *access = (px_plan_access_log){.file = &world->log_file,
                                   .format = conf_text(world, "$status $request $body_bytes_sent")};
    *errors = (px_plan_error_log){error_file, PX_LOG_INFO};
    settings->server_tokens = conf_text(world, "proxyd");
    settings->default_type = S("text/plain");
    settings->keepalive_timeout = 75000;
    settings->keepalive_requests = 1000;
    settings->keepalive_time = 3600000;
    settings->client_header_timeout = settings->client_body_timeout = settings->send_timeout = 60000;
    settings->client_header_buffer_size = 1024;
    settings->large_client_header_buffers = buffers(world, 4, 8192);
    settings->client_max_body_size = 1 << 20;
    settings->client_body_buffer_size = 8192;
    settings->types = &world->types;
    settings->access_log = (px_plan_access_log_list){access, 1};
    settings->error_log = (px_plan_error_log_list){errors, 1};
    settings->root = document_root(world, "/nonexistent");
    px_plan_index_file *index = px_arena_zalloc(&world->arena, sizeof *index);
    index->name = conf_text(world, "index.html");
    settings->index = (px_plan_index_file_list){index, 1};
    settings->expires = px_arena_zalloc(&world->arena, sizeof *settings->expires);
    settings->disable_symlinks = px_arena_zalloc(&world->arena, sizeof *settings->disable_symlinks);
    settings->if_modified_since = PX_IF_MODIFIED_SINCE_EXACT;
    settings->max_ranges = INT32_MAX;
    settings->etag = settings->log_not_found = settings->absolute_redirect = settings->port_in_redirect =
        true;
    settings->proxy_http_version = 11;
    settings->sendfile = true;
    settings->sendfile_max_chunk = 2 << 20;
    settings->output_buffers = buffers(world, 2, 32768);
    settings->proxy_redirect = (px_plan_rewrite_rule_list){default_redirect, 1};
    settings->proxy_pass_request_headers = settings->proxy_pass_request_body = true;
    settings->lingering_close = PX_LINGERING_ON;
    settings->lingering_time = 30000;
    settings->lingering_timeout = 5000;
    settings->max_headers = PX_MAX_HEADERS;
    settings->ignore_invalid_headers = settings->merge_slashes = settings->chunked_transfer_encoding = true;
    settings->proxy_connect_timeout = settings->proxy_send_timeout = settings->proxy_read_timeout = 60000;
    static px_plan_temp_path temporary;
    temporary = (px_plan_temp_path){.path = S("/tmp")};
    settings->client_body_temp_path = settings->proxy_temp_path = &temporary;
    settings->proxy_temp_file_write_size = 8192;
    settings->proxy_buffering = true;
    settings->proxy_buffer_size = 4096;
    settings->proxy_buffers = buffers(world, 8, 4096);
    settings->proxy_request_buffering = true;
    settings->proxy_next_upstream = PX_NEXT_ERROR | PX_NEXT_TIMEOUT;
}

static int make_file(void)
{
    return memfd_create("log", MFD_CLOEXEC);
}

conf_world *conf_open(void)
{
    conf_world *world = px_memory_zalloc(sizeof *world);
    int ledgers = px_main_ledgers(), peers = px_main_peers();
    world->engine = px_engine_new(0, ledgers, peers, &world->error);
    close(ledgers);
    close(peers);
    build_or_die(world, world->engine != NULL);
    world->worker = &world->engine->worker;
    px_arena_init(&world->arena, 65536);
    world->object = (px_object){.references = 1, .worker = world->worker};
    world->build = (px_build){
        .worker = world->worker, .object = &world->object, .arena = &world->arena, .error = &world->error};
    access_fd = make_file();
    error_fd = make_file();
    build_or_die(world, px_build_types(&world->build, &world->types));
    world->root = (px_plan_root){.slots = 8, .worker_connections = 512};
    world->generation =
        (px_generation){.references = 1, .worker = world->worker, .plan = &world->root, .log = &px_log_main};
    px_list_init(&world->generation.link);
    px_list_init(&world->generation.requests);
    default_settings(world);
    conf_settle(world);
    return world;
}

void conf_close(conf_world **world)
{
    conf_world *closed = *world;
    *world = NULL;
    px_idle_close_all(closed->worker);
    conf_settle(closed);
    if (closed->worker->requests != 0 || closed->generation.references != 1 ||
        closed->object.references != 1) {
        fprintf(stderr,
                "conf_harness: %llu requests left, %u references of the generation, %u of the server\n",
                (unsigned long long)closed->worker->requests, closed->generation.references,
                closed->object.references);
        abort();
    }
    px_arena_clear(&closed->arena);
    if (!px_list_empty(&closed->worker->files) || px_regexes_count(closed->worker->regexes) != 0)
        abort();
    px_engine_delete(&closed->engine);
    if (px_block_live() != 0)
        abort();
    close(access_fd);
    close(error_fd);
    free(closed);
}

/* ---- templates ---- */

static const struct {
    int number;
    const char *name;
} variables[] = {
#define VARIABLE_NAME(constant, text) {constant, text},
    PX_VARIABLE_LIST(VARIABLE_NAME)
#undef VARIABLE_NAME
};

static px_plan_piece variable(px_slice name)
{
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        size_t len = strlen(variables[i].name);
        bool family = variables[i].name[len - 1] == '_';
        if (family ? name.len > len && memcmp(name.data, variables[i].name, len) == 0
                   : px_slice_equal(name, px_slice_from(variables[i].name, len)))
            return (px_plan_piece){.text = px_slice_from(name.data + len, name.len - len),
                                   .variable = variables[i].number,
                                   .slot = -1,
                                   .capture = -1};
    }
    fprintf(stderr, "conf_harness: no variable $%.*s\n", PX_SLICE_ARGS(name));
    abort();
}

static size_t name_length(const char *text)
{
    size_t len = 0;
    while ((text[len] >= 'a' && text[len] <= 'z') || (text[len] >= '0' && text[len] <= '9') ||
           text[len] == '_')
        len++;
    return len;
}

px_plan_piece_list conf_text(conf_world *world, const char *text)
{
    px_plan_piece *pieces = px_arena_zalloc(&world->arena, MAKE_MOST * sizeof *pieces);
    uint32_t count = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, "$");
        px_plan_piece piece = {.text = px_slice_from(text, len), .variable = -1, .slot = -1, .capture = -1};
        if (len == 0 && text[1] >= '1' && text[1] <= '9') {
            piece.capture = text[1] - '0';
            len = 2;
        } else if (len == 0) {
            size_t name = name_length(text + 1);
            piece = variable(px_slice_from(text + 1, name));
            len = name + 1;
        }
        pieces[count++] = piece;
        text += len;
    }
    return (px_plan_piece_list){pieces, count};
}

px_plan_piece_list conf_piece(conf_world *world, px_plan_piece piece)
{
    px_plan_piece *made = px_arena_alloc(&world->arena, sizeof *made);
    *made = piece;
    return (px_plan_piece_list){made, 1};
}

px_template conf_template(conf_world *world, const char *text)
{
    px_template made;
    px_plan_piece_list pieces = conf_text(world, text);
    build_or_die(world, px_build_template(&world->build, &made, &pieces));
    return made;
}

/* ---- configurations ---- */

const px_plan_settings *conf_settings(conf_world *world)
{
    px_plan_settings *settings = px_arena_alloc(&world->arena, sizeof *settings);
    *settings = world->settings;
    build_or_die(world, px_build_settings(&world->build, settings));
    return settings;
}

px_plan_regex *conf_regex(conf_world *world, const char *pattern, bool caseless)
{
    px_plan_regex *regex = px_arena_zalloc(&world->arena, sizeof *regex);
    regex->pattern = px_slice_from(pattern, strlen(pattern));
    regex->caseless = caseless;
    return regex;
}

static bool strip(const char **text, const char *prefix)
{
    size_t len = strlen(prefix);
    if (strncmp(*text, prefix, len) != 0)
        return false;
    *text += len;
    return true;
}

px_plan_return *conf_return(conf_world *world, int status, const char *text)
{
    px_plan_return *made = px_arena_zalloc(&world->arena, sizeof *made);
    made->status = status;
    if (text != NULL) {
        made->text = px_arena_alloc(&world->arena, sizeof *made->text);
        *made->text = conf_text(world, text);
    }
    return made;
}

px_plan_location conf_location(conf_world *world, const char *name)
{
    px_plan_location location = {.kind = PX_LOCATION_PREFIX, .settings = conf_settings(world)};
    const char *text = name;
    if (strip(&text, "= "))
        location.kind = PX_LOCATION_EXACT;
    else if (strip(&text, "^~ "))
        location.kind = PX_LOCATION_PREFIX_FINAL;
    else if (text[0] == '@')
        location.kind = PX_LOCATION_NAMED;
    else if (strip(&text, "~* ")) {
        location.kind = PX_LOCATION_REGEX;
        location.regex = conf_regex(world, text, true);
    } else if (strip(&text, "~ ")) {
        location.kind = PX_LOCATION_REGEX;
        location.regex = conf_regex(world, text, false);
    }
    location.name = px_slice_from(text, strlen(text));
    px_plan_return *ret = conf_return(world, 200, "");
    *ret->text = conf_piece(
        world, (px_plan_piece){
                   .text = px_slice_from(name, strlen(name)), .variable = -1, .slot = -1, .capture = -1});
    location.ret = ret;
    return location;
}

px_plan_location_list conf_locations(conf_world *world, const px_plan_location *locations, uint32_t count)
{
    px_plan_location *copies = px_arena_alloc(&world->arena, count * sizeof *copies);
    memcpy(copies, locations, count * sizeof *copies);
    return (px_plan_location_list){copies, count};
}

px_plan_server *conf_server(conf_world *world, const char *name, px_plan_location_list locations)
{
    px_plan_server *server = px_arena_zalloc(&world->arena, sizeof *server);
    server->name = px_slice_from(name, strlen(name));
    server->settings = conf_settings(world);
    server->locations = locations;
    build_or_die(world, px_build_server(&world->build, server));
    return server;
}

void conf_listen(conf_world *world, const px_plan_listen_address *address)
{
    px_plan_listen *listen = px_arena_zalloc(&world->arena, sizeof *listen);
    px_plan_listen_address *copy = px_arena_alloc(&world->arena, sizeof *copy);
    *copy = *address;
    listen->key = S("listen:127.0.0.1:80");
    listen->port = 80;
    listen->addresses = (px_plan_listen_address_list){copy, 1};
    build_or_die(world, px_build_listen(&world->build, listen));
    world->listening = (px_listening){world->worker, &world->generation, listen->runtime};
    world->listener = (px_listener){.loop = world->worker->loop, .fd = -1, .owner = &world->listening};
    world->listener.references = 1;
}

void conf_listen_default(conf_world *world, const px_plan_server *server)
{
    px_plan_listen_address address = {.address = S(""), .default_ = server};
    conf_listen(world, &address);
}

px_plan_peer conf_peer(int port, int weight)
{
    static const uint8_t ip[4] = {127, 0, 0, 1};
    static char names[MAKE_MOST][24];
    static unsigned next;
    char *name = names[next++ % MAKE_MOST];
    snprintf(name, sizeof names[0], "127.0.0.1:%d", port);
    return (px_plan_peer){.name = px_slice_from(name, strlen(name)),
                          .server = px_slice_from(name, strlen(name)),
                          .address = px_slice_from(ip, 4),
                          .family = 4,
                          .port = port,
                          .weight = weight,
                          .max_fails = 1,
                          .fail_timeout = 10000};
}

const px_plan_upstream *conf_upstream(conf_world *world, const char *name, const px_plan_peer *peers,
                                      uint32_t count)
{
    return conf_balanced(world, name, peers, count, PX_BALANCE_ROUND_ROBIN);
}

const px_plan_upstream *conf_balanced(conf_world *world, const char *name, const px_plan_peer *peers,
                                      uint32_t count, int balance)
{
    px_plan_upstream *upstream = px_arena_zalloc(&world->arena, sizeof *upstream);
    px_plan_peer *copies = px_arena_alloc(&world->arena, count * sizeof *copies);
    memcpy(copies, peers, count * sizeof *copies);
    upstream->name = px_slice_from(name, strlen(name));
    upstream->peers = (px_plan_peer_list){copies, count};
    upstream->balance = balance;
    upstream->keepalive = 8;
    upstream->keepalive_requests = 1000;
    upstream->keepalive_time = 3600000;
    upstream->keepalive_timeout = 60000;
    build_or_die(world, px_build_upstream(&world->build, upstream));
    return upstream;
}

px_plan_proxy_pass *conf_proxy(conf_world *world, const px_plan_upstream *upstream, const char *uri,
                               int prefix_bytes)
{
    px_plan_proxy_pass *proxy = px_arena_zalloc(&world->arena, sizeof *proxy);
    proxy->upstream = upstream;
    proxy->host = upstream->name;
    proxy->port = S("80");
    proxy->prefix_bytes = prefix_bytes;
    if (uri != NULL)
        proxy->uri = px_slice_from(uri, strlen(uri));
    return proxy;
}

/* ---- exchanges ---- */

void conf_settle(conf_world *world)
{
    for (int i = 0; i < 3; i++)
        px_loop_run(world->worker->loop, 0);
}

memory_stream *conf_request(conf_world *world, const char *head)
{
    memory_stream *stream =
        memory_stream_open(world->worker->loop, &px_request_stream_user, &world->listener);
    stream->stream.settings = &world->listening.listen->settings->h1;
    stream->client.address = (px_endpoint){.ip = {192, 0, 2, 7}, .ip_len = 4, .port = 54321};
    stream->client.address_text = S("192.0.2.7");
    stream->client.number = 7;
    memory_stream_request(stream, head);
    conf_settle(world);
    return stream;
}

static px_slice read_log(conf_world *world, int fd, off_t *from)
{
    static char text[2][65536];
    char *into = text[fd == access_fd];
    conf_settle(world);
    ssize_t n = pread(fd, into, sizeof text[0], *from);
    *from += n > 0 ? n : 0;
    return px_slice_from(into, n > 0 ? (size_t)n : 0);
}

px_slice conf_log(conf_world *world)
{
    static off_t from;
    static conf_world *of;
    if (of != world)
        from = 0;
    of = world;
    return read_log(world, access_fd, &from);
}

px_slice conf_errors(conf_world *world)
{
    static off_t from;
    static conf_world *of;
    if (of != world)
        from = 0;
    of = world;
    return read_log(world, error_fd, &from);
}
