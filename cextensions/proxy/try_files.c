/* The precontent step: try_files. */
#include <errno.h>
#include <sys/stat.h>

#include "proxy/debug.h"
#include "proxy/handler_static.h"

/* With an alias, a name that begins with what the alias replaces is cut, as nginx does: also the last one. */
static px_slice behind_alias(const px_request *r, const px_template *name, px_slice value)
{
    int64_t alias = r->settings->docs.plan->alias;
    size_t cut = alias > 0 ? (size_t)alias : 0;
    if (cut == 0 || px_template_constant(name) || value.len < cut || r->uri.len < cut ||
        memcmp(value.data, r->uri.data, cut) != 0)
        return value;
    return px_slice_from(value.data + cut, value.len - cut);
}

static bool is_there(px_request *r, px_slice rest, bool directory)
{
    px_file_name file;
    struct stat facts;
    if (px_docs_join(r, rest, &file) != 0)
        return false;
    if (px_docs_stat(r, px_file_path(&file), &facts) == 0)
        return S_ISDIR(facts.st_mode) == directory;
    if (!px_file_is_missing(errno))
        px_request_log(r, PX_LOG_CRIT, "%s \"%s\" failed (%s)", px_docs_call(r, "stat()"), file.data,
                       px_log_errno(errno));
    return false;
}

/* The path of the file that was found becomes the Request's. */
static void go_on_with(px_request *r, px_slice rest, bool directory)
{
    int64_t alias = r->settings->docs.plan->alias;
    px_buffer uri;
    if (alias == PX_ALIAS_NONE) {
        r->uri = rest;
    } else if (alias == PX_ALIAS_WHOLE) {
        if (directory)
            return;
        r->uri = rest;
        r->file_of_alias = true;
    } else {
        size_t kept = (size_t)alias < r->uri.len ? (size_t)alias : r->uri.len;
        px_buffer_init(&uri, &r->arena, kept + rest.len);
        px_buffer_append(&uri, r->uri.data, kept);
        px_buffer_slice(&uri, rest);
        r->uri = px_buffer_view(&uri);
    }
}

static px_step give_code(px_request *r, int code)
{
    return px_request_fail(r, code,
                           code == 404   ? PX_REASON_NOT_FOUND
                           : code >= 400 ? PX_REASON_RETURNED
                                         : PX_REASON_NONE);
}

static px_step fall_back(px_request *r, const px_try_files *files)
{
    if (files->plan->code >= 0)
        return files->plan->code == 0 ? PX_STEP_NEXT : give_code(r, (int)files->plan->code);
    px_slice value = px_template_value(&files->fallback, r);
    if (value.len == 0)
        value = PX_SLICE(""); /* of a variable that has no value */
    px_slice path = behind_alias(r, &files->fallback, value);
    if (path.len > 0 && path.data[0] == '@')
        return px_request_redirect_named(r, path) ? PX_STEP_AGAIN : PX_STEP_ANSWERED;
    px_slice args = px_split_args(&path);
    if (args.data == NULL)
        args = PX_SLICE(""); /* there, and empty, as in nginx */
    return px_request_redirect(r, path, args) ? PX_STEP_AGAIN : PX_STEP_ANSWERED;
}

px_step px_step_try_files(px_request *r)
{
    const px_try_files *files = r->location != NULL ? r->location->try_files : r->server->try_files;
    if (files == NULL || r->excepted)
        return PX_STEP_NEXT;
    for (uint32_t i = 0; i < files->plan->files.count; i++) {
        const px_template *name = &files->names[i];
        bool directory = files->plan->files.items[i].directory;
        px_slice value = px_template_value(name, r);
        px_slice rest = behind_alias(r, name, value);
        if (!px_template_constant(name) && (px_docs_climbs(value) || px_docs_climbs(rest)))
            continue;
        px_request_debug(r, "trying to use %s: \"%.*s\"", directory ? "dir" : "file", PX_SLICE_ARGS(rest));
        if (is_there(r, rest, directory)) {
            go_on_with(r, rest, directory);
            return PX_STEP_NEXT;
        }
    }
    return fall_back(r, files);
}
