/* See files.h. */
#include "proxy/files.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/memory.h"
#include "generated/shm_layout.h"

px_file *px_file_find(px_list *files, px_slice path)
{
    for (px_list *at = files->next; at != files; at = at->next) {
        px_file *file = PX_CONTAINER(at, px_file, link);
        if (px_slice_equal(path, px_slice_from(file->path, file->path_len))) {
            file->references++;
            return file;
        }
    }
    return NULL;
}

px_file *px_file_add(px_list *files, px_slice path, int fd)
{
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (own < 0)
        return NULL;
    px_file *file = px_memory_zalloc(sizeof *file + path.len + 1);
    file->fd = own;
    file->references = 1;
    file->path_len = path.len;
    memcpy(file->path, path.data, path.len);
    px_shm_digest(path.data, path.len, file->digest);
    px_list_init(&file->sinks);
    px_list_append(files, &file->link);
    return file;
}

void px_file_release(px_file **file)
{
    px_file *released = *file;
    *file = NULL;
    if (released == NULL || --released->references > 0)
        return;
    px_list_unlink(&released->link);
    close(released->fd);
    free(released);
}

bool px_file_replace(px_file *file, int fd)
{
    return dup3(fd, file->fd, O_CLOEXEC) >= 0;
}
