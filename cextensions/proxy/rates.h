/* limit_rate, limit_rate_after and proxy_limit_rate: how fast an answer goes to its client, and comes from its
 * peer. */
#ifndef PX_PROXY_RATES_H
#define PX_PROXY_RATES_H

#include "proxy/conf.h"

typedef struct px_request px_request;

/* A size that may have variables. */
typedef struct px_size_value {
    px_template text;
    bool constant;
    uint64_t bytes; /* when it is constant */
} px_size_value;

typedef struct px_rates {
    px_size_value limit, after, from_peer;
    bool none; /* the client may have answers as fast as it can */
} px_rates;

bool px_build_rates(px_build *build, px_settings *settings);

/* "8k", "1m", digits; false: it is no size. */
bool px_size_parse(px_slice text, uint64_t *bytes);
/* 0 for what is no size, which is logged. */
uint64_t px_size_of(const px_size_value *value, px_request *r);
/* Tells the Stream how fast the answer that is about to begin may go. */
void px_rates_apply(px_request *r);

#endif
