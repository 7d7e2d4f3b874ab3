/* Locks in shared memory that survive the death of whoever holds them: robust process-shared pthread
 * mutexes, always taken with a timeout, and the protocol by which exactly one process initialises them. */
#ifndef PX_SHM_ROBUST_H
#define PX_SHM_ROBUST_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "generated/shm_layout.h"

/* Memory that holds one: u64[PX_LOCK_WORDS] or more in the layout. */
static inline pthread_mutex_t *px_robust_at(uint64_t *memory)
{
    return (pthread_mutex_t *)(void *)memory;
}
_Static_assert(sizeof(pthread_mutex_t) <= PX_LOCK_WORDS * sizeof(uint64_t), "the lock fits");

/* Initialises it. False: the system has no such locks. */
bool px_robust_make(pthread_mutex_t *lock);

/* Calls make once over all processes that share state, also when the one that began dies. False: make
 * failed, or whoever makes it does not come to an end. state: PX_LOCK_RAW at first. */
bool px_robust_ready(_Atomic uint32_t *state, bool (*make)(void *argument), void *argument);

/* 0: it is ours. EOWNERDEAD: it is ours, its holder died: repair what it protects, then call
 * px_robust_repaired. Anything else (ETIMEDOUT): not ours. */
int px_robust_lock(pthread_mutex_t *lock, unsigned wait_ms);
/* After EOWNERDEAD, before it is unlocked: it is whole again. False: it was not in that state. */
static inline bool px_robust_repaired(pthread_mutex_t *lock)
{
    return pthread_mutex_consistent(lock) == 0;
}

#endif
