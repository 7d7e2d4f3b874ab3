/* Temporary files: for bytes that do not fit into memory. One that nobody is to find has no name (O_TMPFILE), so
 * that it is gone with its last descriptor, however the process ends. */
#ifndef PX_BASE_TEMPFILE_H
#define PX_BASE_TEMPFILE_H

#include "base/piece.h"

#define PX_TEMP_PATH_BYTES 4096

/* A new file below directory, open for reading and writing; -1: errno. levels: so many digits of the file's number
 * name each level of directories below, from its end. path gets the file's name with a final NUL, also on failure.
 * keep: it exists under that name, in its levels, which are made; else nobody sees it there. */
int px_temp_open(px_slice directory, px_slice levels, bool keep, char path[PX_TEMP_PATH_BYTES]);

/* Writes all of these pieces of memory at offset. 0, or errno. */
int px_temp_write(int fd, uint64_t offset, const px_piece *pieces, uint32_t count);

#endif
