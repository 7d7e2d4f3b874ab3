/* What comes before an answer's head and behind its body: early hints that are passed on, trailers of a peer,
 * add_trailer. */
#ifndef PX_PROXY_TRAILERS_H
#define PX_PROXY_TRAILERS_H

#include "proxy/handler_proxy.h"

/* Before the head: an answer that gets fields behind it is sent in chunks. */
void px_trailers_announce(px_request *r);
/* Before the last of the body. */
void px_trailers_send(px_request *r);

/* The last of the peer's body is there: what stands behind it becomes the answer's. */
void px_proxy_take_trailers(px_proxy *proxy);
/* A 1xx of the peer. */
void px_proxy_on_informational(px_h1_client *client, const px_response_head_in *head);

#endif
