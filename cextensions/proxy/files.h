/* The files that log lines go to, by path. One descriptor each, however many Objects and Generations write
 * to it; its number stays the same when the file is reopened, so that nobody has to be told. */
#ifndef PX_PROXY_FILES_H
#define PX_PROXY_FILES_H

#include "base/list.h"
#include "base/slice.h"

typedef struct px_file {
    px_list link; /* in px_worker.files */
    int fd;
    uint32_t references;
    uint8_t digest[16]; /* px_shm_digest of the path: names its regions in the Ledger */
    px_list sinks;      /* px_log_sink: what waits to be written to it */
    size_t path_len;
    char path[]; /* ends in NUL, for messages */
} px_file;

/* The file of that path with one reference more, or NULL. */
px_file *px_file_find(px_list *files, px_slice path);
/* A new one. fd is duplicated. NULL: errno. */
px_file *px_file_add(px_list *files, px_slice path, int fd);
void px_file_release(px_file **file);
/* Its descriptor becomes what fd is. False: errno, nothing changed. */
bool px_file_replace(px_file *file, int fd);

#endif
