/* What proxy_* directives say about requests and answers beside fields and times: the method, the body, where
 * a connection comes from, what Location and Set-Cookie become. Derived from Settings when these are read.
 *
 *     conf_proxy.c       builds them
 *     proxy_request.c    method, body, local address of a request to a peer
 *     proxy_rewrite.c    Location, Refresh
 *     proxy_cookie.c     Set-Cookie */
#ifndef PX_PROXY_PROXY_RULES_H
#define PX_PROXY_PROXY_RULES_H

#include "net/address.h"
#include "proxy/conf.h"

#define PX_METHOD_MOST 32 /* bytes of what proxy_method may make */

/* What a text begins with, or is, and what comes in its place. */
typedef struct px_rewrite_rule {
    bool by_default;            /* of proxy_redirect: as proxy_pass has it */
    const px_plan_regex *regex; /* NULL: pattern */
    px_template pattern, replacement;
} px_rewrite_rule;

typedef struct px_cookie_rule {
    const px_plan_regex *regex; /* NULL: name */
    px_template name;
    px_template *flags;
    uint32_t flag_count;
} px_cookie_rule;

typedef struct px_proxy_rules {
    px_template *method, *body; /* NULL: the client's */
    px_template *bind;          /* NULL: none */
    px_address *local;          /* of a constant bind */
    bool transparent;           /* the bind is */
    uint64_t local_mark;
    px_rewrite_rule *redirects, *domains, *paths;
    uint32_t redirect_count, domain_count, path_count;
    px_cookie_rule *cookie_rules;
    uint32_t cookie_rule_count;
    px_template *early_hints;
    uint32_t early_hint_count;
} px_proxy_rules;

bool px_build_proxy_rules(px_build *build, px_settings *settings);

/* Whether a field of an answer is obeyed: PX_IGNORE_X_ACCEL_REDIRECT and its like, of proxy_ignore_headers. */
bool px_proxy_obeys(const px_request *r, int64_t field);

/* The method for the peer; NULL data: what the configuration made is none, which was logged. */
px_slice px_proxy_method(px_request *r);

/* Where connections to the peer shall come from. */
typedef struct px_proxy_local {
    const px_address *address; /* NULL: anywhere */
    px_slice text;
    uint64_t mark; /* of connections made so */
    px_address made;
} px_proxy_local;
void px_proxy_local_find(px_request *r, px_proxy_local *local);

/* The client's body is read and left: the configuration has another, or none, for the peer. */
bool px_proxy_leaves_body(const px_request *r);

/* What clients get of these fields of an answer. Memory of the request. */
px_slice px_proxy_location(px_request *r, px_slice value);
px_slice px_proxy_refresh(px_request *r, px_slice value);
px_slice px_proxy_set_cookie(px_request *r, px_slice value);

/* ---- between these files ---- */

/* True: *text is another one. */
bool px_rewrite_beginning(px_request *r, const px_rewrite_rule *rule, px_slice *text);
bool px_rewrite_by_regex(px_request *r, const px_rewrite_rule *rule, px_slice *text);
px_slice px_rewrite_replacement(px_request *r, const px_rewrite_rule *rule);
px_slice px_rewrite_join(px_request *r, px_slice first, px_slice rest);

#endif
