/* See spool.h. */
#include "proxy/spool.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/tempfile.h"
#include "proxy/request.h"

static void on_clear(void *argument)
{
    px_spool *spool = argument;
    px_block_release(&spool->file);
}

static void on_clear_remove(void *argument)
{
    px_spool *spool = argument;
    unlink((const char *)spool->path.data);
    px_block_release(&spool->file);
}

static bool failed(px_request *r, const char *call, const char *path, int error, const char *while_what)
{
    r->reason = PX_REASON_TEMP_FILE_FAILED;
    px_request_log(r, PX_LOG_CRIT, "%s \"%s\" failed (%s)%s", call, path, px_log_errno(error), while_what);
    return false;
}

bool px_spool_open(px_spool *spool, px_request *r, const px_plan_temp_path *place, const px_spool_kind *kind)
{
    char path[PX_TEMP_PATH_BYTES];
    int fd = px_temp_open(place->path, place->levels, kind->named, path);
    if (fd < 0)
        return failed(r, "open()", path, errno, kind->while_what);
    spool->file = px_block_of_file(fd);
    spool->bytes = 0;
    spool->while_what = kind->while_what;
    spool->path = px_arena_copy(&r->arena, px_slice_from(path, strlen(path) + 1)); /* with its NUL */
    spool->path.len--;
    px_arena_on_clear(&r->arena, kind->removed ? on_clear_remove : on_clear, spool);
    px_request_log(r, kind->level, "%s %s%s", kind->told, path, kind->while_what);
    return true;
}

bool px_spool_write(px_spool *spool, px_request *r, const px_piece *pieces, uint32_t count)
{
    int error = px_temp_write(px_block_fd(spool->file), spool->bytes, pieces, count);
    if (error != 0)
        return failed(r, "pwrite()", (const char *)spool->path.data, error, spool->while_what);
    for (uint32_t i = 0; i < count; i++)
        spool->bytes += pieces[i].len;
    return true;
}
