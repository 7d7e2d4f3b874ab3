/* Descriptors are running out: who has some that can be spared (idle connections) is asked to close them. Set by
 * the engine; everything that opens something may ask. */
#ifndef PX_BASE_SPARE_H
#define PX_BASE_SPARE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

/* Closes some; false: there was nothing to close. NULL: nobody can be asked. */
extern bool (*px_spare_descriptors)(void);

/* A call failed with errno. Whether it is worth to try it again now: no descriptor was left, and some are. Keeps
 * errno. */
static inline bool px_spare_made_room(void)
{
    int error = errno;
    bool made =
        (error == EMFILE || error == ENFILE) && px_spare_descriptors != NULL && px_spare_descriptors();
    errno = error;
    return made;
}

#endif
