/* An engine with no sockets, for targets above http/: Plans are loaded from records, exchanges run over a
 * carrier in memory (a px_stream whose other side is this file). No peer is ever connected to. */
#ifndef PX_FUZZ_WORLD_H
#define PX_FUZZ_WORLD_H

#include "fuzz.h"

#include "proxy/request.h"

/* Call it first; later calls do nothing. */
void world_open(void);
px_worker *world_worker(void);

/* Whether answers must have a status from 100 and fields free of CR, LF and NUL: yes, but for Plans that
 * say otherwise themselves. */
extern bool world_sound_answers;

/* Loads a Plan written as records of kind (1 byte), number (1), length (2, big-endian) and bytes; the
 * digest of an object is its number and 15 zeros. What the Plan needs is there: each socket and each log.
 * NULL: refused, with a reason. */
px_generation *world_load(px_slice records);

/* Loads the one Plan of a target from a file that seeds.py wrote; it has a listening socket. Later calls give the
 * same generation, whatever the path. Released at exit, when nothing may be left. */
px_generation *world_load_file(const char *path);

/* Runs one request (one whole, valid head, and a body) through a listening socket of the generation to its
 * end. before_end: called when the answer was given and the Request is still there; may be NULL. Gives the
 * answer's status, 0 for none. */
int world_exchange(px_generation *generation, const px_listen *listen, px_slice head, px_slice body,
                   void (*before_end)(px_request *request, void *argument), void *argument);

/* After everything was released: nothing may be left. */
void world_check_empty(void);

#endif
