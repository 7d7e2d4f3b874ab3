/* See regex.h. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "proxy/regex.h"

#include <pcre2.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/memory.h"
#include "proxy/request.h"

/* Backtracking is bounded, so that no path that a client sends can hold the worker: about 10 ms at worst. */
#define MATCH_LIMIT 200000
#define DEPTH_LIMIT 2000
#define HEAP_LIMIT_KIB 1024
#define JIT_STACK_LEAST (32 * 1024)
#define JIT_STACK_MOST (512 * 1024)
#define PATTERN_MOST 65535
#define GROUPS 64 /* pairs of the match data: the highest group that can be captured, and one */
#define BUCKETS 256

struct px_regex {
    px_list link; /* in its bucket */
    px_regexes *all;
    uint64_t hash;
    uint32_t references;
    bool caseless, fast; /* fast: pcre2_jit_match may be called directly */
    pcre2_code *code;
    size_t pattern_len;
    uint8_t pattern[];
};

struct px_regexes {
    pcre2_match_context *limits;
    pcre2_match_data *match;
    pcre2_jit_stack *stack;
    uint32_t count;
    px_list buckets[BUCKETS];
};

px_regexes *px_regexes_new(void)
{
    px_regexes *all = px_memory_zalloc(sizeof *all);
    all->limits = pcre2_match_context_create(NULL);
    all->match = pcre2_match_data_create(GROUPS, NULL);
    all->stack = pcre2_jit_stack_create(JIT_STACK_LEAST, JIT_STACK_MOST, NULL);
    pcre2_set_match_limit(all->limits, MATCH_LIMIT);
    pcre2_set_depth_limit(all->limits, DEPTH_LIMIT);
    pcre2_set_heap_limit(all->limits, HEAP_LIMIT_KIB);
    pcre2_jit_stack_assign(all->limits, NULL, all->stack);
    for (int i = 0; i < BUCKETS; i++)
        px_list_init(&all->buckets[i]);
    return all;
}

void px_regexes_delete(px_regexes **regexes)
{
    px_regexes *all = *regexes;
    *regexes = NULL;
    pcre2_jit_stack_free(all->stack);
    pcre2_match_data_free(all->match);
    pcre2_match_context_free(all->limits);
    free(all);
}

uint32_t px_regexes_count(const px_regexes *regexes)
{
    return regexes->count;
}

static px_regex *find(px_regexes *all, px_slice pattern, bool caseless, uint64_t hash)
{
    px_list *bucket = &all->buckets[hash % BUCKETS];
    for (px_list *at = bucket->next; at != bucket; at = at->next) {
        px_regex *regex = PX_CONTAINER(at, px_regex, link);
        if (regex->hash == hash && regex->caseless == caseless &&
            px_slice_equal(pattern, px_slice_from(regex->pattern, regex->pattern_len)))
            return regex;
    }
    return NULL;
}

static void on_release(void *argument)
{
    px_regex *regex = argument;
    if (--regex->references > 0)
        return;
    px_list_unlink(&regex->link);
    regex->all->count--;
    pcre2_code_free(regex->code);
    free(regex);
}

/* pcre2_jit_match skips checks; one of them is that the subject of a UTF pattern is UTF-8. */
static bool may_skip_checks(const pcre2_code *code)
{
    uint32_t options = 0;
    size_t jit_bytes = 0;
    pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &options);
    pcre2_pattern_info(code, PCRE2_INFO_JITSIZE, &jit_bytes);
    return jit_bytes > 0 && (options & PCRE2_UTF) == 0;
}

static px_regex *compile(px_regexes *all, px_slice pattern, bool caseless, char *error, size_t size)
{
    int code_error = 0;
    size_t at = 0;
    if (pattern.len > PATTERN_MOST) {
        snprintf(error, size, "a regular expression is longer than %d bytes", PATTERN_MOST);
        return NULL;
    }
    pcre2_code *code =
        pcre2_compile(pattern.data, pattern.len, caseless ? PCRE2_CASELESS : 0, &code_error, &at, NULL);
    if (code == NULL) {
        PCRE2_UCHAR text[128] = "";
        pcre2_get_error_message(code_error, text, sizeof text);
        snprintf(error, size, "pcre2_compile() failed: %s in \"%.*s\" at %zu", (char *)text,
                 PX_SLICE_ARGS(pattern), at);
        return NULL;
    }
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* without it, matching is slower, nothing else */
    px_regex *regex = px_memory_zalloc(sizeof *regex + pattern.len);
    regex->all = all;
    regex->caseless = caseless;
    regex->fast = may_skip_checks(code);
    regex->code = code;
    regex->pattern_len = pattern.len;
    memcpy(regex->pattern, pattern.data, pattern.len);
    return regex;
}

bool px_regex_prepare(px_regexes *regexes, px_arena *arena, px_plan_regex *plan, char *error, size_t size)
{
    for (uint32_t i = 0; i < plan->groups.count; i++) {
        int64_t number = plan->groups.items[i].number;
        if (number < 0 || number >= GROUPS || plan->groups.items[i].slot < 0) {
            snprintf(error, size, "a named group has a number above %d", GROUPS - 1);
            return false;
        }
    }
    uint64_t hash = px_hash(plan->pattern);
    px_regex *regex = find(regexes, plan->pattern, plan->caseless, hash);
    if (regex == NULL) {
        regex = compile(regexes, plan->pattern, plan->caseless, error, size);
        if (regex == NULL)
            return false;
        regex->hash = hash;
        px_list_append(&regexes->buckets[hash % BUCKETS], &regex->link);
        regexes->count++;
    }
    regex->references++;
    px_arena_on_clear(arena, on_release, regex);
    plan->runtime = regex;
    return true;
}

static px_slice group_of(const size_t *pairs, uint32_t count, int64_t group, px_slice subject)
{
    if (group >= count || pairs[2 * group] == PCRE2_UNSET || pairs[2 * group + 1] < pairs[2 * group])
        return px_slice_from("", 0);
    return px_slice_from(subject.data + pairs[2 * group], pairs[2 * group + 1] - pairs[2 * group]);
}

static void keep_captures(px_request *request, const px_plan_regex *plan, px_slice subject, uint32_t count)
{
    const size_t *pairs = pcre2_get_ovector_pointer(((px_regex *)plan->runtime)->all->match);
    request->capture_count = count < PX_CAPTURES ? (uint8_t)count : PX_CAPTURES;
    for (uint32_t i = 0; i < request->capture_count; i++)
        request->captures[i] = group_of(pairs, count, i, subject);
    for (uint32_t i = 0; i < plan->groups.count; i++) {
        const px_plan_regex_group *group = &plan->groups.items[i];
        px_request_set_slot(request, (uint64_t)group->slot, group_of(pairs, count, group->number, subject));
    }
}

px_match px_regex_match(px_request *request, const px_plan_regex *plan, px_slice subject)
{
    const px_regex *regex = plan->runtime;
    px_regexes *all = regex->all;
    const uint8_t *bytes = subject.len > 0 ? subject.data : (const uint8_t *)"";
    int count = regex->fast ? pcre2_jit_match(regex->code, bytes, subject.len, 0, 0, all->match, all->limits)
                            : pcre2_match(regex->code, bytes, subject.len, 0, 0, all->match, all->limits);
    if (count == PCRE2_ERROR_NOMATCH)
        return PX_MATCH_NO;
    if (count < 0) {
        px_request_log(request, PX_LOG_ALERT, "pcre2_match() failed: %d on \"%.*s\" using \"%.*s\"", count,
                       PX_SLICE_ARGS(subject), PX_SLICE_ARGS(plan->pattern));
        return PX_MATCH_FAILED;
    }
    keep_captures(request, plan, subject, count == 0 ? GROUPS : (uint32_t)count);
    return PX_MATCH_YES;
}
