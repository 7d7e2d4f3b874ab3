/* See docs.h. */
#include "proxy/docs.h"

#include "proxy/request.h"

/* ---- what is built when a configuration is loaded ---- */

static bool build_templates(px_build *build, px_template **out, const px_plan_index_file_list *files)
{
    px_template *templates = px_arena_zalloc(build->arena, files->count * sizeof *templates);
    *out = templates;
    for (uint32_t i = 0; i < files->count; i++)
        if (!px_build_template(build, &templates[i], &files->items[i].name))
            return false;
    return true;
}

static bool build_error_pages(px_build *build, px_docs *docs, const px_plan_error_page_list *pages)
{
    docs->error_pages = px_arena_zalloc(build->arena, pages->count * sizeof *docs->error_pages);
    docs->error_page_count = pages->count;
    for (uint32_t i = 0; i < pages->count; i++) {
        docs->error_pages[i].plan = &pages->items[i];
        if (!px_build_template(build, &docs->error_pages[i].uri, &pages->items[i].uri))
            return false;
    }
    return true;
}

bool px_build_docs(px_build *build, px_docs *docs, const px_plan_settings *plan)
{
    docs->plan = plan->root;
    if (!px_build_template(build, &docs->root, &plan->root->path))
        return false;
    if (px_template_constant(&docs->root))
        docs->root_text = docs->root.count == 0 ? PX_SLICE("") : docs->root.ops[0].text;
    docs->index_count = plan->index.count;
    return build_templates(build, &docs->index, &plan->index) &&
           build_error_pages(build, docs, &plan->error_page) &&
           px_build_template(build, &docs->expires, &plan->expires->value) &&
           px_build_template(build, &docs->symlinks_from, &plan->disable_symlinks->start);
}

bool px_build_try_files(px_build *build, const px_try_files **out, const px_plan_try_files *plan)
{
    *out = NULL;
    if (plan == NULL)
        return true;
    px_try_files *files = px_arena_zalloc(build->arena, sizeof *files);
    files->plan = plan;
    files->names = px_arena_zalloc(build->arena, plan->files.count * sizeof *files->names);
    for (uint32_t i = 0; i < plan->files.count; i++)
        if (!px_build_template(build, &files->names[i], &plan->files.items[i].name))
            return false;
    *out = files;
    return px_build_template(build, &files->fallback, &plan->fallback);
}

/* ---- names ---- */

bool px_docs_climbs(px_slice path)
{
    if (path.len == 0) /* a variable without a value points nowhere */
        return false;
    const uint8_t *at = path.data, *end = path.data + path.len;
    while (at < end) {
        const uint8_t *next = memchr(at, '/', (size_t)(end - at));
        size_t len = (size_t)((next == NULL ? end : next) - at);
        if (len == 2 && at[0] == '.' && at[1] == '.')
            return true;
        if (next == NULL)
            return false;
        at = next + 1;
    }
    return false;
}

/* What a client can put into a root with variables must not lead out of it. */
static bool append_root(px_request *r, const px_docs *docs, px_buffer *text)
{
    for (uint32_t i = 0; i < docs->root.count; i++) {
        const px_op *op = &docs->root.ops[i];
        px_slice value = px_op_value(op, r);
        if (op->get != NULL && value.len > 0 &&
            (px_docs_climbs(value) || memchr(value.data, 0, value.len) != NULL)) {
            px_request_log(r, PX_LOG_ERROR, "\"%.*s\" in the name of a file leads out of its directory",
                           PX_SLICE_ARGS(value));
            return false;
        }
        px_buffer_slice(text, value);
    }
    return true;
}

bool px_docs_root(px_request *r, px_slice *root)
{
    const px_docs *docs = &r->settings->docs;
    if (docs->root_text.data != NULL) {
        *root = docs->root_text;
        return true;
    }
    px_buffer text, full;
    px_buffer_init(&text, &r->arena, 256);
    if (!append_root(r, docs, &text))
        return false;
    *root = px_buffer_view(&text);
    if (docs->plan->prefix.len == 0 || (root->len > 0 && root->data[0] == '/'))
        return true;
    px_buffer_init(&full, &r->arena, docs->plan->prefix.len + root->len);
    px_buffer_slice(&full, docs->plan->prefix);
    px_buffer_slice(&full, *root);
    *root = px_buffer_view(&full);
    return true;
}

static int join(px_request *r, px_slice rest, px_slice file, px_file_name *name)
{
    px_slice root;
    if (!px_docs_root(r, &root))
        return 404;
    name->len = root.len + rest.len + file.len;
    name->data = px_arena_alloc(&r->arena, name->len + 1);
    if (root.len > 0)
        memcpy(name->data, root.data, root.len);
    if (rest.len > 0)
        memcpy(name->data + root.len, rest.data, rest.len);
    if (file.len > 0)
        memcpy(name->data + root.len + rest.len, file.data, file.len);
    name->data[name->len] = 0;
    return 0;
}

/* A path that did not come from the client may have been made of what did. */
static bool is_unsafe(px_request *r, px_slice path)
{
    bool zero = path.len > 0 && memchr(path.data, 0, path.len) != NULL;
    if (!r->internal || (!zero && !px_docs_climbs(path)))
        return false;
    px_request_log(r, PX_LOG_ERROR, "unsafe URI \"%.*s\" was detected", PX_SLICE_ARGS(path));
    return true;
}

/* "/img" with an alias that ends with a slash would map "/img../secret" to what lies beside its directory. */
static bool leaves_alias(px_request *r, px_slice rest)
{
    if (!px_docs_climbs(rest))
        return false;
    px_request_log(r, PX_LOG_ERROR, "\"%.*s\" leads out of the alias of its location: end both with a slash",
                   PX_SLICE_ARGS(r->uri));
    return true;
}

int px_docs_name_in(px_request *r, px_slice path, px_slice file, px_file_name *name)
{
    int64_t alias = r->settings->docs.plan->alias;
    size_t skip = alias > 0 ? (size_t)alias : 0;
    if (alias == PX_ALIAS_WHOLE)
        skip = r->file_of_alias ? 0 : path.len;
    if (is_unsafe(r, path))
        return 404;
    if (skip <= path.len) {
        px_slice rest = skip == 0 ? path : px_slice_from(path.data + skip, path.len - skip);
        return alias > 0 && leaves_alias(r, rest) ? 404 : join(r, rest, file, name);
    }
    px_request_log(r, PX_LOG_ALERT,
                   "\"alias\" cannot be used for \"%.*s\", which is shorter than what it replaces",
                   PX_SLICE_ARGS(path));
    return 500;
}

int px_docs_name(px_request *r, px_slice path, px_file_name *name)
{
    return px_docs_name_in(r, path, PX_SLICE(""), name);
}

int px_docs_join(px_request *r, px_slice rest, px_file_name *name)
{
    return join(r, rest, PX_SLICE(""), name);
}
