/* $document_root, $realpath_root, $request_filename. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "proxy/docs.h"
#include "proxy/request.h"
#include "proxy/vars.h"

#define VARIABLE(name) px_slice px_var_##name(px_request *r, const px_op *op)

VARIABLE(document_root)
{
    (void)op;
    px_slice root;
    return px_docs_root(r, &root) ? root : PX_NO_VALUE;
}

VARIABLE(realpath_root)
{
    (void)op;
    px_file_name name;
    char real[PATH_MAX];
    if (px_docs_join(r, PX_SLICE(""), &name) != 0)
        return PX_NO_VALUE;
    if (realpath((const char *)name.data, real) != NULL)
        return px_arena_copy(&r->arena, px_slice_from(real, strlen(real)));
    px_request_log(r, PX_LOG_CRIT, "realpath() \"%s\" failed (%s)", name.data, px_log_errno(errno));
    return PX_NO_VALUE;
}

VARIABLE(request_filename)
{
    (void)op;
    px_file_name name;
    return px_docs_name(r, r->uri, &name) == 0 ? px_slice_from(name.data, name.len) : PX_NO_VALUE;
}
