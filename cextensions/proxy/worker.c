/* See worker.h. */
#include "proxy/worker.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/log.h"

static void draw(px_worker *worker)
{
    if (getrandom(worker->random, sizeof worker->random, 0) != (ssize_t)sizeof worker->random) {
        px_log_write(&px_log_main, PX_LOG_EMERG, 0, "getrandom() failed");
        abort();
    }
    worker->random_left = sizeof worker->random / sizeof worker->random[0];
}

void px_worker_random(px_worker *worker, uint8_t out[16])
{
    if (worker->random_left < 2)
        draw(worker);
    worker->random_left -= 2;
    memcpy(out, &worker->random[worker->random_left], 16);
}
