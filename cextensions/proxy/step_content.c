/* See handler_static.h: who answers a Request: its location's Handler, an index file, a file; and the end of what
 * nobody has. */
#include <errno.h>
#include <sys/stat.h>

#include "proxy/debug.h"
#include "proxy/handler_static.h"

static bool may_have_body(const px_request *r)
{
    px_method method = r->head.method;
    return method == PX_METHOD_GET || method == PX_METHOD_HEAD || method == PX_METHOD_POST;
}

bool px_file_is_missing(int error)
{
    return error == ENOENT || error == ENOTDIR || error == ENAMETOOLONG;
}

bool px_file_is_forbidden(int error)
{
    return error == EACCES || error == ELOOP;
}

/* ---- index ---- */

static px_step index_failed(px_request *r, const px_file_name *file, int error)
{
    if (px_file_is_forbidden(error)) {
        r->reason = PX_REASON_FORBIDDEN;
        px_request_log(r, PX_LOG_ERROR, "\"%s\" is forbidden (%s)", file->data, px_log_errno(error));
        return px_request_fail(r, 403, PX_REASON_FORBIDDEN);
    }
    r->reason = PX_REASON_NOT_FOUND;
    if (r->settings->plan->log_not_found)
        px_request_log(r, PX_LOG_ERROR, "\"%s\" is not found (%s)", file->data, px_log_errno(error));
    return px_request_fail(r, 404, PX_REASON_NOT_FOUND);
}

static px_step system_failed(px_request *r, const uint8_t *path, int error)
{
    r->reason = PX_REASON_FILE_FAILED;
    px_request_log(r, PX_LOG_CRIT, "%s \"%s\" failed (%s)", px_docs_call(r, "stat()"), path,
                   px_log_errno(error));
    return px_request_fail(r, 500, PX_REASON_FILE_FAILED);
}

/* The first index file is not there: is its directory? NEXT: yes, as far as can be seen. dir_bytes: of its name,
 * without the final "/". */
static px_step test_directory(px_request *r, px_file_name *file, size_t dir_bytes)
{
    struct stat facts;
    if (dir_bytes == 0)
        return PX_STEP_NEXT;
    uint8_t cut = file->data[dir_bytes];
    file->data[dir_bytes] = 0;
    int error = px_docs_stat(r, px_slice_from(file->data, dir_bytes), &facts) < 0 ? errno : 0;
    if (error == 0 && !S_ISDIR(facts.st_mode)) {
        r->reason = PX_REASON_FILE_FAILED;
        px_request_log(r, PX_LOG_ALERT, "\"%s\" is not a directory", file->data);
        return px_request_fail(r, 500, PX_REASON_FILE_FAILED);
    }
    if (error != 0 && error != ENOENT && !px_file_is_forbidden(error))
        return system_failed(r, file->data, error);
    file->data[dir_bytes] = cut;
    return error == ENOENT || error == ELOOP ? index_failed(r, file, error) : PX_STEP_NEXT;
}

static px_slice joined(px_request *r, px_slice a, px_slice b)
{
    px_buffer text;
    px_buffer_init(&text, &r->arena, a.len + b.len);
    px_buffer_slice(&text, a);
    px_buffer_slice(&text, b);
    return px_buffer_view(&text);
}

static px_step redirect(px_request *r, px_slice uri)
{
    px_slice args = r->args.len > 0 ? r->args : px_slice_from(NULL, 0);
    return px_request_redirect(r, uri, args) ? PX_STEP_AGAIN : PX_STEP_ANSWERED;
}

/* NEXT: this one is not there. */
static px_step try_index(px_request *r, px_slice name, bool constant, bool *directory_tested)
{
    px_file_name file;
    struct stat facts;
    if (name.len > 0 && name.data[0] == '/')
        return redirect(r, name);
    if (!constant && px_docs_climbs(name))
        return PX_STEP_NEXT;
    px_slice uri = joined(r, r->uri, name);
    int status = px_docs_name_in(r, r->uri, name, &file);
    if (status != 0)
        return px_request_fail(r, status, px_reason_of_name(status));
    if (px_docs_stat(r, px_file_path(&file), &facts) == 0)
        return redirect(r, uri);
    int error = errno;
    if (error == ENOTDIR || error == ENAMETOOLONG || px_file_is_forbidden(error))
        return index_failed(r, &file, error);
    if (!*directory_tested) {
        size_t dir = file.len - name.len;
        bool slash = dir > 0 && file.data[dir - 1] == '/'; /* not behind an alias without one */
        px_step step = test_directory(r, &file, dir - slash);
        if (step != PX_STEP_NEXT)
            return step;
        *directory_tested = true;
    }
    return error == ENOENT ? PX_STEP_NEXT : system_failed(r, file.data, error);
}

/* NEXT: none of them is there. */
static px_step run_index(px_request *r)
{
    const px_docs *docs = &r->settings->docs;
    bool directory_tested = false;
    for (uint32_t i = 0; i < docs->index_count; i++) {
        const px_template *name = &docs->index[i];
        px_step step =
            try_index(r, px_template_value(name, r), px_template_constant(name), &directory_tested);
        if (step != PX_STEP_NEXT)
            return step;
    }
    return PX_STEP_NEXT;
}

/* A directory that has no index. */
static px_step refuse_directory(px_request *r)
{
    px_file_name file;
    int status = px_docs_name(r, r->uri, &file);
    if (status != 0)
        return px_request_fail(r, status, px_reason_of_name(status));
    r->reason = PX_REASON_FORBIDDEN;
    px_request_log(r, PX_LOG_ERROR, "directory index of \"%s\" is forbidden", file.data);
    return px_request_fail(r, 403, PX_REASON_FORBIDDEN);
}

/* ---- the step ---- */

static px_step start_handler(px_request *r, const px_handler *handler)
{
    r->handler = handler;
    px_request_debug(r, "handler: %s", handler->name);
    return handler->start(r);
}

px_step px_step_content(px_request *r)
{
    const px_handler *handler = r->location != NULL ? r->location->handler : r->server->handler;
    if (handler != NULL)
        return start_handler(r, handler);
    if (!may_have_body(r))
        return px_request_fail(r, 405, PX_REASON_METHOD_NOT_ALLOWED);
    if (r->uri.len == 0 || r->uri.data[r->uri.len - 1] != '/')
        return start_handler(r, &px_handler_static);
    px_step step = run_index(r);
    return step == PX_STEP_NEXT ? refuse_directory(r) : step;
}
