/* Answers from files: the content step, and what its files share.
 *
 *     docs.c            names of files: root, alias
 *     docs_open.c       opening them: disable_symlinks
 *     step_content.c    which Handler, index, and the end of what nobody has
 *     handler_static.c  one file
 *     conditions.h      If-Match and its like
 *     range.h           Range */
#ifndef PX_PROXY_HANDLER_STATIC_H
#define PX_PROXY_HANDLER_STATIC_H

#include "proxy/docs.h"
#include "proxy/request.h"

extern const px_handler px_handler_static;

/* Whether the path of a file is not there at all. */
bool px_file_is_missing(int error);
/* Whether it may be there, for others. */
bool px_file_is_forbidden(int error);

#endif
