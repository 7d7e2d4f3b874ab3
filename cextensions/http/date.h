/* Dates of header fields: written in one form, read in the three of RFC 9110 5.6.7. Seconds since 1970; no locale,
 * no time zone. */
#ifndef PX_HTTP_DATE_H
#define PX_HTTP_DATE_H

#include "base/slice.h"

#define PX_DATE_BYTES 29 /* "Mon, 23 Nov 2026 15:00:00 GMT" */
#define PX_DATE_NONE INT64_MIN

/* Writes PX_DATE_BYTES bytes. Years above 9999 are written as 9999. */
void px_date_put(uint8_t *into, int64_t seconds);
/* PX_DATE_NONE: no date. */
int64_t px_date_parse(px_slice text);

#endif
