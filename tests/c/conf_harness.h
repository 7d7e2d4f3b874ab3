/* For tests of proxy/: a worker with its shared memory, and configurations made of Plan structs by hand,
 * without Python and without msgpack. Text with $variables is written as in a configuration. */
#ifndef PX_TESTS_CONF_HARNESS_H
#define PX_TESTS_CONF_HARNESS_H

#include "engine_private.h"
#include "memory_stream.h"

#define MAKE_MOST 64

typedef struct conf_world {
    px_engine *engine;
    px_worker *worker;
    px_arena arena; /* of everything that is made here */
    px_object object;
    px_engine_error error;
    px_build build;
    px_plan_root root;
    px_generation generation;
    px_listener listener;
    px_listening listening;
    px_plan_types types;
    px_plan_log_file log_file;
    px_plan_settings settings; /* conf_settings makes copies of it */
} conf_world;

conf_world *conf_open(void);
/* Checks that nothing is left over. */
void conf_close(conf_world **world);

#define S(literal) PX_SLICE(literal)

/* "http://$host$uri$1" to pieces. $name of a map or a slot: conf_map_piece, conf_slot_piece. */
px_plan_piece_list conf_text(conf_world *world, const char *text);
px_plan_piece_list conf_piece(conf_world *world, px_plan_piece piece);
px_template conf_template(conf_world *world, const char *text);

/* A built copy of world->settings, which the test changes first. */
const px_plan_settings *conf_settings(conf_world *world);
px_plan_regex *conf_regex(conf_world *world, const char *pattern, bool caseless);

/* Locations: kind by how the name begins: "= /x", "^~ /x", "~ pattern", "~* pattern", "@name", "/x". Each
 * returns its own name as text (status 200) unless the caller changes that. */
px_plan_location conf_location(conf_world *world, const char *name);
/* Array of them to a list. */
px_plan_location_list conf_locations(conf_world *world, const px_plan_location *locations, uint32_t count);
px_plan_return *conf_return(conf_world *world, int status, const char *text);

/* A built server, and a listener whose default it is. */
px_plan_server *conf_server(conf_world *world, const char *name, px_plan_location_list locations);
void conf_listen(conf_world *world, const px_plan_listen_address *address);
void conf_listen_default(conf_world *world, const px_plan_server *server);

/* Peers are "127.0.0.1:PORT". */
px_plan_peer conf_peer(int port, int weight);
const px_plan_upstream *conf_upstream(conf_world *world, const char *name, const px_plan_peer *peers,
                                      uint32_t count);
/* balance: PX_BALANCE_*. */
const px_plan_upstream *conf_balanced(conf_world *world, const char *name, const px_plan_peer *peers,
                                      uint32_t count, int balance);
px_plan_proxy_pass *conf_proxy(conf_world *world, const px_plan_upstream *upstream, const char *uri,
                               int prefix_bytes);

/* A client with this request: a head with LF ends; runs until nothing moves. Close it with
 * memory_stream_close. */
memory_stream *conf_request(conf_world *world, const char *head);
void conf_settle(conf_world *world);
/* What lines the access log has, since the last call. Good until the next one. */
px_slice conf_log(conf_world *world);
px_slice conf_errors(conf_world *world);

#endif
