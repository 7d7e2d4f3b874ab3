/* Opening files by paths whose symbolic links are not to be followed, or not all of them. */
#ifndef PX_BASE_LINKS_H
#define PX_BASE_LINKS_H

#include <stddef.h>
#include <sys/types.h>

typedef enum px_links {
    PX_LINKS_FOLLOWED,
    PX_LINKS_REFUSED,
    PX_LINKS_OF_OWNER /* followed to what belongs to the owner of the link */
} px_links;

/* open(), with O_CLOEXEC. The first `from` bytes of the path, up to a slash or 0, are opened as they are. Of the rest
 * each part is looked up below the descriptor of the part before it, and a link is read from the descriptor whose
 * owner was asked for: whoever exchanges files meanwhile gains nothing.
 *
 * Returns a descriptor, or -1 and errno: ELOOP where the last part is a link that is not to be followed, ENOTDIR
 * where another one is. With O_CREAT, no last part that is a link is followed. */
int px_links_open(const char *path, size_t from, px_links rule, int flags, mode_t mode);

#endif
