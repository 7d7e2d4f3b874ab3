/* Lines of Prometheus' text format. A configuration decides how long the page gets (some 3 KB per busy server
 * or peer); PX_PAGE_MOST bounds it all the same. */
#ifndef PX_PROXY_METRICS_PAGE_H
#define PX_PROXY_METRICS_PAGE_H

#include "base/buffer.h"

#define PX_PAGE_MOST (16u << 20)

typedef struct px_page {
    px_buffer text;
    const char *family; /* the last one that was begun */
    bool cut;           /* it is too long: the rest is left out */
} px_page;

/* HELP and TYPE, unless this is the family that was begun last. False: the page is too long already. */
bool px_page_family(px_page *to, const char *name, const char *type, const char *help);
/* "proxyd_", name and suffix. */
void px_page_name(px_page *to, const char *name, const char *suffix);
/* name="value", behind "{" or ",": escaped, and what is no UTF-8 as question marks. The caller writes "}". */
void px_page_label(px_page *to, const char *name, px_slice value, bool first);
/* A space, the value, the end of the line. */
void px_page_value(px_page *to, uint64_t value);
void px_page_seconds(px_page *to, uint64_t ms);
void px_page_put(px_page *to, const char *text);

#endif
