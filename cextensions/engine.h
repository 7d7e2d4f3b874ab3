/* The whole C side of one worker as a handful of functions. Called by python/ and by the C tests' main().
 * One thread. */
#ifndef PX_ENGINE_H
#define PX_ENGINE_H

#include "base/loop.h"
#include "base/slice.h"
#include "proxy/handover.h"

typedef struct px_engine px_engine;

/* worker: index from 0, and of its Ledger. NULL: error->text says why. */
px_engine *px_engine_new(int worker, int ledgers_fd, int peers_fd, px_engine_error *error);
void px_engine_delete(px_engine **engine);
px_loop *px_engine_loop(px_engine *engine);

/* plan: msgpack of EnginePlan. Gives the generation's number (> 0), or 0: nothing changed, error->text says
 * why. */
uint64_t px_engine_prepare(px_engine *engine, px_slice plan, const px_descriptor *descriptors, uint32_t count,
                           px_engine_error *error);
bool px_engine_activate(px_engine *engine, uint64_t generation, px_engine_error *error);
void px_engine_discard(px_engine *engine, uint64_t generation);
bool px_engine_reopen(px_engine *engine, const px_descriptor *descriptors, uint32_t count,
                      px_engine_error *error);
/* Accepts no more and lets what runs finish; after timeout_ms (0: never) ends all. Idle connections of clients
 * are closed after idle_ms: who asks before is told that the answer is the last one of the connection. */
void px_engine_drain(px_engine *engine, uint64_t timeout_ms, uint64_t idle_ms);

typedef struct px_engine_live {
    uint64_t connections, requests, tunnels, idle_upstream, generations, objects, timers, blocks;
} px_engine_live;
px_engine_live px_engine_count_live(const px_engine *engine);

#endif
