/* See links.h. */
#include "base/links.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DIRECTORY (O_PATH | O_DIRECTORY | O_CLOEXEC)

static int failed(int error)
{
    errno = error;
    return -1;
}

static void close_keeping_errno(int fd)
{
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
}

static int open_at(int at, const char *name, int flags, mode_t mode)
{
    int fd;
    do
        fd = openat(at, name, flags, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

static bool same_owner(int fd, uid_t owner)
{
    struct stat facts;
    return fstat(fd, &facts) == 0 && facts.st_uid == owner;
}

/* Owner and text of a link; size: of the text. */
static int read_link(int at, const char *name, uid_t *owner, char *text, size_t size)
{
    struct stat facts;
    int link = open_at(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
    if (link < 0)
        return -1;
    ssize_t len = -1;
    if (fstat(link, &facts) == 0 && S_ISLNK(facts.st_mode))
        len = readlinkat(link, "", text, size);
    close(link);
    if (len < 0)
        return failed(ENOTDIR); /* no link: then no directory was there */
    if ((size_t)len == size)
        return failed(ENAMETOOLONG);
    text[len] = 0;
    *owner = facts.st_uid;
    return 0;
}

static int open_owned(int at, const char *name, int flags)
{
    char target[PATH_MAX];
    uid_t owner;
    if (read_link(at, name, &owner, target, sizeof target) < 0)
        return -1;
    int fd = open_at(at, target, flags, 0);
    if (fd < 0 || same_owner(fd, owner))
        return fd;
    close(fd);
    return failed(flags & O_DIRECTORY ? ENOTDIR : ELOOP);
}

/* One part of a path. */
static int open_part(int at, const char *name, size_t len, px_links rule, int flags, mode_t mode)
{
    char part[NAME_MAX + 1];
    if (len > NAME_MAX)
        return failed(ENAMETOOLONG);
    memcpy(part, name, len);
    part[len] = 0;
    int fd = open_at(at, part, flags | O_NOFOLLOW, mode);
    bool link = fd < 0 && (errno == ELOOP || errno == ENOTDIR);
    return link && rule == PX_LINKS_OF_OWNER && !(flags & O_CREAT) ? open_owned(at, part, flags) : fd;
}

/* Part by part. Takes the descriptor at. */
static int walk(int at, const char *path, px_links rule, int flags, mode_t mode)
{
    while (at != -1) {
        path += strspn(path, "/");
        size_t len = strcspn(path, "/");
        bool last = path[len] == 0;
        int fd = last ? open_part(at, len > 0 ? path : ".", len > 0 ? len : 1, rule, flags, mode)
                      : open_part(at, path, len, rule, DIRECTORY, 0);
        close_keeping_errno(at);
        if (last)
            return fd;
        at = fd;
        path += len;
    }
    return -1;
}

/* What the path begins with, links or not. */
static int open_start(const char *path, size_t from)
{
    char start[PATH_MAX];
    if (from >= sizeof start)
        return failed(ENAMETOOLONG);
    memcpy(start, path, from);
    start[from] = 0;
    return open_at(AT_FDCWD, from > 0 ? start : *path == '/' ? "/" : ".", DIRECTORY, 0);
}

/* In one call. -1: not so; walk says what is wrong, or the kernel is too old. */
static int open_at_once(const char *path, int flags, mode_t mode)
{
    struct open_how how = {
        .flags = (unsigned)flags, .mode = flags & O_CREAT ? mode : 0, .resolve = RESOLVE_NO_SYMLINKS};
    return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

int px_links_open(const char *path, size_t from, px_links rule, int flags, mode_t mode)
{
    flags |= O_CLOEXEC;
    if (rule == PX_LINKS_FOLLOWED)
        return open_at(AT_FDCWD, path, flags, mode);
    int fd = rule == PX_LINKS_REFUSED && from == 0 ? open_at_once(path, flags, mode) : -1;
    return fd >= 0 ? fd : walk(open_start(path, from), path + from, rule, flags, mode);
}
