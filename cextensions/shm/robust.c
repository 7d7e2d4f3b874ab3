/* See robust.h. */
#include "shm/robust.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define READY_TRIES 2000 /* of a millisecond each */

bool px_robust_make(pthread_mutex_t *lock)
{
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
    int error = pthread_mutex_init(lock, &kind);
    pthread_mutexattr_destroy(&kind);
    return error == 0;
}

static void sleep_a_millisecond(void)
{
    struct timespec ms = {0, 1000000};
    nanosleep(&ms, NULL);
}

/* Whether this process is to make the lock: nobody has begun, or who began is dead. */
static bool take_making(_Atomic uint32_t *shared, uint32_t state)
{
    uint32_t self = (uint32_t)getpid();
    bool abandoned = state == self /* a dead process had our number */ ||
                     (state != PX_LOCK_RAW && kill((pid_t)state, 0) < 0 && errno == ESRCH);
    if (state != PX_LOCK_RAW && !abandoned)
        return false;
    return atomic_compare_exchange_strong(shared, &state, self);
}

bool px_robust_ready(_Atomic uint32_t *shared, bool (*make)(void *argument), void *argument)
{
    for (int tries = 0; tries < READY_TRIES; tries++) {
        uint32_t state = atomic_load_explicit(shared, memory_order_acquire);
        if (state == PX_LOCK_READY)
            return true;
        if (take_making(shared, state)) {
            if (!make(argument))
                return false;
            atomic_store_explicit(shared, PX_LOCK_READY, memory_order_release);
            return true;
        }
        sleep_a_millisecond();
    }
    return false;
}

int px_robust_lock(pthread_mutex_t *lock, unsigned wait_ms)
{
    int error = pthread_mutex_trylock(lock);
    if (error != EBUSY)
        return error;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)wait_ms * 1000000;
    while (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    return pthread_mutex_clocklock(lock, CLOCK_MONOTONIC, &until);
}
