/* What the files of the engine share. */
#ifndef PX_ENGINE_PRIVATE_H
#define PX_ENGINE_PRIVATE_H

#include "engine.h"
#include "proxy/handler_proxy.h"

/* A listening socket, from the Generation that first had its key to the one that has it no more, and until
 * the connections it accepted are gone. px_listener.owner points to its first member. */
typedef struct px_engine_listening {
    px_listening shown;
    px_list link; /* in px_engine.listenings */
    px_engine *engine;
    px_listener *listener; /* NULL: closed */
    uint64_t connections;
    bool wanted; /* while switching: the new Generation has it */
    size_t key_len;
    uint8_t key[];
} px_engine_listening;

/* A Generation that is loaded and not yet in use. */
typedef struct px_prepared {
    px_list link;
    px_generation *generation; /* one reference */
    int *fds;                  /* of its listens, in their order; -1: open already */
    uint32_t count;
} px_prepared;

struct px_engine {
    px_worker worker;
    px_generation *active; /* one reference; NULL at first */
    px_list generations;
    px_list prepared;
    px_list listenings;
    uint64_t last_number;
    bool draining;
    bool keep_idle; /* while draining: idle connections of clients may have one more answer */
    bool crowded;   /* accepting stopped at worker_connections */
    bool starved;   /* accepting stopped for want of descriptors */
    uint64_t complained_ms, starved_ms; /* when each was told last */
    px_timer drain_timer;
    px_timer idle_timer; /* while draining: idle connections of clients go */
    px_log log_before;   /* px_log_main without a configuration */
};

/* engine_listen.c */
px_engine_listening *px_engine_find_listening(px_engine *engine, px_slice key);
/* Sockets and their connections go over to the Generation; those that it lacks close. False: nothing has
 * changed. */
bool px_engine_switch_listenings(px_engine *engine, px_prepared *prepared, px_engine_error *error);
/* Accepts no more. */
void px_engine_close_listenings(px_engine *engine);
/* Frees what is closed and has no connections. */
void px_engine_sweep_listenings(px_engine *engine);
/* px_worker's questions about worker_connections. */
bool px_engine_may_connect(px_worker *worker);
/* From now on whoever runs out of descriptors gets those of this engine's idle connections; NULL: nobody's. */
void px_engine_spare_descriptors(px_engine *engine);
void px_engine_on_room(px_worker *worker);

#endif
