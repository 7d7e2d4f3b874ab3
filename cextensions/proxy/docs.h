/* Where files are and which one a request means: root, alias, index, try_files, error_page as the configuration has
 * them, and the name of the file that a path stands for. */
#ifndef PX_PROXY_DOCS_H
#define PX_PROXY_DOCS_H

#include "proxy/template.h"

typedef struct px_build px_build;

typedef struct px_error_page {
    const px_plan_error_page *plan;
    px_template uri;
} px_error_page;

/* Part of px_settings. */
typedef struct px_docs {
    const px_plan_document_root *plan;
    px_template root;
    px_slice root_text; /* data NULL: root has variables */
    px_template *index;
    uint32_t index_count;
    px_error_page *error_pages;
    uint32_t error_page_count;
    px_template expires; /* when it is a variable's */
    px_template symlinks_from;
} px_docs;

typedef struct px_try_files {
    const px_plan_try_files *plan;
    px_template *names;
    px_template fallback;
} px_try_files;

/* A file's name in the request's arena, with a zero byte behind it. */
typedef struct px_file_name {
    uint8_t *data;
    size_t len;
} px_file_name;

static inline px_slice px_file_path(const px_file_name *name)
{
    return px_slice_from(name->data, name->len);
}

bool px_build_docs(px_build *build, px_docs *docs, const px_plan_settings *plan);
/* NULL plan gives NULL. */
bool px_build_try_files(px_build *build, const px_try_files **out, const px_plan_try_files *plan);

/* The name that stands for path (usually r->uri) with root or alias as r->settings has them. 0, or the status to
 * answer: there is no such name, which is logged. */
int px_docs_name(px_request *r, px_slice path, px_file_name *name);
/* The same for a file in the directory that path stands for. */
int px_docs_name_in(px_request *r, px_slice path, px_slice file, px_file_name *name);
/* The same for what stands behind root or alias. */
int px_docs_join(px_request *r, px_slice rest, px_file_name *name);
/* Root, or alias, alone: $document_root. */
bool px_docs_root(px_request *r, px_slice *root);

/* ---- docs_open.c: open() and stat(), as disable_symlinks says. A zero byte stands behind path. ---- */

struct stat;
int px_docs_open(px_request *r, px_slice path, int flags, uint32_t mode);
int px_docs_stat(px_request *r, px_slice path, struct stat *facts);
/* Of these two calls, for the error log: usual, or what was called in its place. */
const char *px_docs_call(const px_request *r, const char *usual);

/* Whether a ".." is among the segments of this path: no normalised one has it, but one that was made of
 * variables may. */
bool px_docs_climbs(px_slice path);

#endif
