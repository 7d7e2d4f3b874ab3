/* Regular expressions: PCRE2 with JIT and with match limits. Compiled patterns are shared: the same pattern
 * in another server or another Generation is the same px_regex. What a match captured is kept in the
 * Request (request.h). */
#ifndef PX_PROXY_REGEX_H
#define PX_PROXY_REGEX_H

#include "base/arena.h"
#include "generated/plan.h"

#define PX_CAPTURES 10 /* $0 (not reachable) and $1 to $9 */

typedef struct px_request px_request;
typedef struct px_regex px_regex;
typedef struct px_regexes px_regexes; /* all of a worker */

px_regexes *px_regexes_new(void);
/* No px_regex may be left. */
void px_regexes_delete(px_regexes **regexes);
uint32_t px_regexes_count(const px_regexes *regexes);

/* Compiles plan->pattern, or finds it compiled already, and sets plan->runtime; given back when the arena
 * is cleared. False: error (of size bytes) says why. */
bool px_regex_prepare(px_regexes *regexes, px_arena *arena, px_plan_regex *plan, char *error, size_t size);

typedef enum px_match { PX_MATCH_NO, PX_MATCH_YES, PX_MATCH_FAILED } px_match;

/* Matches subject; on YES the request's captures and slots are set (subject must live as long as the
 * request). FAILED: a limit was reached; it is logged, the caller answers 500 or goes on as with NO. */
px_match px_regex_match(px_request *request, const px_plan_regex *plan, px_slice subject);

#endif
