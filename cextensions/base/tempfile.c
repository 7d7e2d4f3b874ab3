/* See tempfile.h. */
#include "base/tempfile.h"
#include "base/spare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IOV_USED 32
#define NAME_DIGITS 10
#define COLLISIONS_MOST 1000
/* As far as nginx jumps when a name is taken: other workers, and those before this one, count from 0 too. */
#define COLLISION_STEP 123456u

static uint32_t last_number;

/* Where the n-th level's digits are: they are taken from the end of the name. */
static void put_levels(char *at, const char *name, px_slice levels)
{
    size_t end = NAME_DIGITS;
    for (size_t i = 0; i < levels.len; i++) {
        size_t digits = levels.data[i] < end ? levels.data[i] : end;
        end -= digits;
        memcpy(at, name + end, digits);
        at += digits;
        *at++ = '/';
    }
    memcpy(at, name, NAME_DIGITS + 1);
}

static size_t bytes_of_levels(px_slice levels)
{
    size_t bytes = 0;
    for (size_t i = 0; i < levels.len; i++)
        bytes += levels.data[i] + 1u;
    return bytes;
}

/* False: it does not fit. */
static bool make_path(px_slice directory, px_slice levels, uint32_t number, char *path)
{
    char name[NAME_DIGITS + 1];
    if (directory.len + 1 + bytes_of_levels(levels) + sizeof name > PX_TEMP_PATH_BYTES) {
        path[0] = 0;
        errno = ENAMETOOLONG;
        return false;
    }
    snprintf(name, sizeof name, "%010u", (unsigned)number);
    memcpy(path, directory.data, directory.len);
    path[directory.len] = '/';
    put_levels(path + directory.len + 1, name, levels);
    return true;
}

/* The directories between the place itself, which is there, and the file. */
static bool make_levels(char *path, size_t directory_len)
{
    for (char *slash = strchr(path + directory_len + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int made = mkdir(path, 0700);
        *slash = '/';
        if (made < 0 && errno != EEXIST)
            return false;
    }
    return true;
}

static int open_new(char *path, size_t directory_len)
{
    int flags = O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC;
    int fd = open(path, flags, 0600);
    if (fd < 0 && errno == ENOENT && make_levels(path, directory_len))
        fd = open(path, flags, 0600);
    return fd;
}

static int open_named(px_slice directory, px_slice levels, char *path)
{
    int fd = open_new(path, directory.len);
    for (int i = 0; fd < 0 && errno == EEXIST && i < COLLISIONS_MOST; i++) {
        last_number += COLLISION_STEP;
        make_path(directory, levels, last_number, path);
        fd = open_new(path, directory.len);
    }
    return fd;
}

static int open_nameless(char *path, size_t directory_len)
{
    path[directory_len] = 0;
    int fd = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    path[directory_len] = '/';
    return fd;
}

static int open_once(px_slice directory, px_slice levels, bool keep, char path[PX_TEMP_PATH_BYTES])
{
    if (!make_path(directory, levels, ++last_number, path))
        return -1;
    if (keep)
        return open_named(directory, levels, path);
    int fd = open_nameless(path, directory.len);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd;
    fd = open_named(directory, levels, path); /* a file system that has no O_TMPFILE */
    if (fd >= 0)
        unlink(path);
    return fd;
}

int px_temp_open(px_slice directory, px_slice levels, bool keep, char path[PX_TEMP_PATH_BYTES])
{
    int fd = open_once(directory, levels, keep, path);
    if (fd < 0 && px_spare_made_room())
        fd = open_once(directory, levels, keep, path);
    return fd;
}

/* ---- writing ---- */

static int write_all(int fd, uint64_t offset, struct iovec *iov, int count)
{
    while (count > 0) {
        ssize_t n = pwritev(fd, iov, count, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : ENOSPC;
        offset += (uint64_t)n;
        while (count > 0 && (size_t)n >= iov->iov_len) {
            n -= (ssize_t)iov->iov_len;
            iov++;
            count--;
        }
        if (count > 0) {
            iov->iov_base = (uint8_t *)iov->iov_base + n;
            iov->iov_len -= (size_t)n;
        }
    }
    return 0;
}

int px_temp_write(int fd, uint64_t offset, const px_piece *pieces, uint32_t count)
{
    for (uint32_t at = 0; at < count;) {
        struct iovec iov[IOV_USED];
        int n = 0;
        uint64_t bytes = 0;
        for (; n < IOV_USED && at < count; n++, at++) {
            iov[n] = (struct iovec){(void *)(uintptr_t)pieces[at].data, pieces[at].len};
            bytes += pieces[at].len;
        }
        int error = write_all(fd, offset, iov, n);
        if (error != 0)
            return error;
        offset += bytes;
    }
    return 0;
}
