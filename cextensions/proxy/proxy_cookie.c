/* See proxy_rules.h: Set-Cookie of an answer, by proxy_cookie_domain, _path and _flags. A cookie is taken apart
 * ("name=value", then attributes), and put together anew when something has changed. */
#include "proxy/proxy_rules.h"
#include "proxy/request.h"

#define TEXT(literal)                                                                                        \
    {                                                                                                        \
        (const uint8_t *)(literal), sizeof(literal) - 1                                                      \
    }

enum { SECURE, HTTPONLY, SAMESITE, FLAGS };

static const px_slice flag_names[FLAGS] = {TEXT("secure"), TEXT("httponly"), TEXT("samesite")};
static const px_slice flag_shown[FLAGS] = {TEXT("Secure"), TEXT("HttpOnly"), TEXT("SameSite")};

typedef struct attribute {
    px_slice key, value; /* value.data NULL: there is no "=" */
    bool gone;
} attribute;

typedef struct cookie {
    attribute *attributes; /* the first one is the cookie's name and value */
    uint32_t count;
    bool changed;
} cookie;

/* What is wanted of the flags: nothing, on, or off. */
typedef enum { AS_IT_IS, ON, OFF } wish;

typedef struct wishes {
    wish flags[FLAGS];
    px_slice samesite;
} wishes;

/* ---- apart ---- */

static px_slice without_spaces(px_slice text)
{
    while (text.len > 0 && text.data[0] == ' ') {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && text.data[text.len - 1] == ' ')
        text.len--;
    return text;
}

static attribute read_attribute(px_slice text)
{
    const uint8_t *sign = text.len > 0 ? memchr(text.data, '=', text.len) : NULL;
    if (sign == NULL)
        return (attribute){.key = without_spaces(text)};
    size_t len = (size_t)(sign - text.data);
    return (attribute){.key = without_spaces(px_slice_from(text.data, len)),
                       .value = without_spaces(px_slice_from(sign + 1, text.len - len - 1))};
}

static cookie take_apart(px_request *r, px_slice text)
{
    cookie parts = {0};
    uint32_t most = 1 + FLAGS;
    for (size_t i = 0; i < text.len; i++)
        most += text.data[i] == ';';
    parts.attributes = px_arena_alloc(&r->arena, most * sizeof *parts.attributes);
    for (;;) {
        const uint8_t *end = text.len > 0 ? memchr(text.data, ';', text.len) : NULL;
        size_t len = end != NULL ? (size_t)(end - text.data) : text.len;
        parts.attributes[parts.count++] = read_attribute(px_slice_from(text.data, len));
        if (end == NULL)
            return parts;
        text = px_slice_from(end + 1, text.len - len - 1);
    }
}

static px_slice put_together(px_request *r, const cookie *parts, size_t hint)
{
    px_buffer text;
    px_buffer_init(&text, &r->arena, hint + 64);
    for (uint32_t i = 0; i < parts->count; i++) {
        const attribute *one = &parts->attributes[i];
        if (one->gone)
            continue;
        if (text.len > 0)
            px_buffer_literal(&text, "; ");
        px_buffer_slice(&text, one->key);
        if (one->value.data == NULL)
            continue;
        px_buffer_byte(&text, '=');
        px_buffer_slice(&text, one->value);
    }
    return px_buffer_view(&text);
}

/* ---- domain and path ---- */

/* The whole domain, whatever its case; a dot in front stays. */
static bool rewrite_domain(px_request *r, const px_rewrite_rule *rule, px_slice *text)
{
    if (rule->regex != NULL)
        return px_rewrite_by_regex(r, rule, text);
    size_t dot = text->len > 0 && text->data[0] == '.';
    px_slice domain = {text->data + dot, text->len - dot};
    if (!px_slice_equal_caseless(domain, px_template_value(&rule->pattern, r)))
        return false;
    *text = px_rewrite_join(r, px_slice_from(text->data, dot), px_rewrite_replacement(r, rule));
    return true;
}

typedef bool rewriter(px_request *r, const px_rewrite_rule *rule, px_slice *text);

static void rewrite(px_request *r, cookie *parts, px_slice key, const px_rewrite_rule *rules, uint32_t count,
                    rewriter *rewrite_one)
{
    for (uint32_t i = 1; i < parts->count; i++) {
        attribute *one = &parts->attributes[i];
        if (one->value.data == NULL || !px_slice_equal_caseless(one->key, key))
            continue;
        for (uint32_t at = 0; at < count; at++) {
            if (rewrite_one(r, &rules[at], &one->value)) {
                parts->changed = true;
                break;
            }
        }
    }
}

/* ---- flags ---- */

static bool is_word(px_slice text, px_slice prefix, px_slice word)
{
    return text.len == prefix.len + word.len &&
           px_slice_equal_caseless(px_slice_from(text.data, prefix.len), prefix) &&
           px_slice_equal_caseless(px_slice_from(text.data + prefix.len, word.len), word);
}

static bool read_samesite(px_slice text, px_slice *value)
{
    static const px_slice values[] = {TEXT("Strict"), TEXT("Lax"), TEXT("None")};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        if (is_word(text, PX_SLICE("samesite="), values[i])) {
            *value = values[i];
            return true;
        }
    }
    return false;
}

static void read_wish(px_request *r, px_slice text, wishes *wanted)
{
    if (text.len == 0)
        return;
    if (read_samesite(text, &wanted->samesite)) {
        wanted->flags[SAMESITE] = ON;
        return;
    }
    for (int flag = 0; flag < FLAGS; flag++) {
        if (flag != SAMESITE && is_word(text, PX_SLICE(""), flag_names[flag])) {
            wanted->flags[flag] = ON;
            return;
        }
        if (is_word(text, PX_SLICE("no"), flag_names[flag])) {
            if (wanted->flags[flag] != ON)
                wanted->flags[flag] = OFF;
            return;
        }
    }
    px_slice shown = px_request_one_line(r, text);
    px_request_log(r, PX_LOG_ERROR, "invalid proxy_cookie_flags flag \"%.*s\"", PX_SLICE_ARGS(shown));
}

static const px_cookie_rule *find_rule(px_request *r, px_slice name)
{
    const px_proxy_rules *rules = r->settings->proxy;
    for (uint32_t i = 0; i < rules->cookie_rule_count; i++) {
        const px_cookie_rule *rule = &rules->cookie_rules[i];
        if (rule->regex != NULL ? px_regex_match(r, rule->regex, name) == PX_MATCH_YES
                                : px_slice_equal_caseless(px_template_value(&rule->name, r), name))
            return rule;
    }
    return NULL;
}

static int flag_of(px_slice key)
{
    for (int flag = 0; flag < FLAGS; flag++)
        if (px_slice_equal_caseless(key, flag_names[flag]))
            return flag;
    return -1;
}

static void change_flags(cookie *parts, wishes *wanted)
{
    for (uint32_t i = 1; i < parts->count; i++) {
        attribute *one = &parts->attributes[i];
        int flag = flag_of(one->key);
        if (flag < 0 || wanted->flags[flag] == AS_IT_IS)
            continue;
        if (wanted->flags[flag] == OFF) {
            one->gone = true;
            continue;
        }
        if (flag == SAMESITE)
            *one = (attribute){.key = flag_shown[SAMESITE], .value = wanted->samesite};
        wanted->flags[flag] = AS_IT_IS;
    }
    for (int flag = 0; flag < FLAGS; flag++)
        if (wanted->flags[flag] == ON)
            parts->attributes[parts->count++] = (attribute){
                .key = flag_shown[flag], .value = flag == SAMESITE ? wanted->samesite : (px_slice){0}};
    parts->changed = true;
}

static bool wants_nothing(const wishes *wanted)
{
    for (int flag = 0; flag < FLAGS; flag++)
        if (wanted->flags[flag] != AS_IT_IS)
            return false;
    return true;
}

static void apply_flags(px_request *r, cookie *parts)
{
    const px_cookie_rule *rule = find_rule(r, parts->attributes[0].key);
    wishes wanted = {0};
    if (rule == NULL)
        return;
    for (uint32_t i = 0; i < rule->flag_count; i++)
        read_wish(r, px_template_value(&rule->flags[i], r), &wanted);
    if (!wants_nothing(&wanted))
        change_flags(parts, &wanted);
}

px_slice px_proxy_set_cookie(px_request *r, px_slice value)
{
    const px_proxy_rules *rules = r->settings->proxy;
    if (rules->domain_count + rules->path_count + rules->cookie_rule_count == 0)
        return value;
    cookie parts = take_apart(r, value);
    if (parts.attributes[0].value.data == NULL) /* no cookie */
        return value;
    rewrite(r, &parts, PX_SLICE("domain"), rules->domains, rules->domain_count, rewrite_domain);
    rewrite(r, &parts, PX_SLICE("path"), rules->paths, rules->path_count, px_rewrite_beginning);
    if (rules->cookie_rule_count > 0)
        apply_flags(r, &parts);
    return parts.changed ? put_together(r, &parts, value.len) : value;
}
