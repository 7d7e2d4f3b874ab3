/* See headers.h. */
#include "http/headers.h"

#include <stdio.h>
#include <stdlib.h>

/* A known name is found by one multiplication and compared by whole words. The multiplier that gives every
 * name a slot of its own is looked for when the program is loaded (some hundred tries, microseconds), so that
 * adding a name is one word in headers.h. */
#define SLOT_BITS 9
#define WORDS 3
#define NAME_LIMIT (8 * WORDS)
#define FIRST_MULTIPLIER 0x9e3779b1u
#define MOST_TRIES (1u << 20)

/* word equals a known name's when (word | fold) == lower: fold has 0x20 where the name has a letter. */
typedef struct known_name {
    uint64_t lower[WORDS], fold[WORDS];
    size_t len;
} known_name;

static const px_slice names[PX_HEADER_IDS] = {
#define NAME_ENTRY(id, name) [PX_HEADER_##id] = {(const uint8_t *)(name), sizeof(name) - 1},
    PX_HEADER_NAMES(NAME_ENTRY)
#undef NAME_ENTRY
};
static known_name known[PX_HEADER_IDS];
static uint8_t slots[1u << SLOT_BITS]; /* px_header_id, 0: nobody */
static uint32_t multiplier = FIRST_MULTIPLIER;

/* Length, first, last and middle letter tell all known names apart. len >= 2. */
static inline uint32_t slot_of(px_slice name)
{
    uint32_t key = (uint32_t)name.data[0] << 8 | (uint32_t)name.data[name.len / 2] << 16 |
                   (uint32_t)name.data[name.len - 1] << 24;
    return ((key | 0x20202000u) + (uint32_t)name.len) * multiplier >> (32 - SLOT_BITS);
}

static inline uint64_t load(const uint8_t *at, size_t size)
{
    uint64_t word = 0;
    memcpy(&word, at, size);
    return word;
}

/* All bytes of a name as words that overlap where the length is no multiple. 2 <= len <= NAME_LIMIT. */
static inline void to_words(px_slice name, uint64_t words[WORDS])
{
    size_t len = name.len;
    size_t size = len >= 8 ? 8 : len >= 4 ? 4 : 2;
    if (size == 8) {
        words[0] = load(name.data, 8);
        words[1] = load(name.data + len - 8, 8);
        words[2] = load(name.data + (len > 16 ? 8 : 0), 8);
    } else if (size == 4) {
        words[0] = load(name.data, 4);
        words[1] = words[2] = load(name.data + len - 4, 4);
    } else {
        words[0] = load(name.data, 2);
        words[1] = words[2] = load(name.data + len - 2, 2);
    }
}

static void remember_name(px_header_id id)
{
    uint8_t lower[NAME_LIMIT] = {0}, fold[NAME_LIMIT] = {0};
    px_slice name = names[id];
    for (size_t i = 0; i < name.len; i++) {
        lower[i] = px_ascii_lower(name.data[i]);
        fold[i] = lower[i] >= 'a' && lower[i] <= 'z' ? 0x20 : 0;
    }
    to_words(px_slice_from(lower, name.len), known[id].lower);
    to_words(px_slice_from(fold, name.len), known[id].fold);
    known[id].len = name.len;
}

static bool every_name_has_its_slot(void)
{
    memset(slots, 0, sizeof(slots));
    for (unsigned id = 1; id < PX_HEADER_IDS; id++) {
        uint32_t slot = slot_of(names[id]);
        if (slots[slot] != 0)
            return false;
        slots[slot] = (uint8_t)id;
    }
    return true;
}

_Static_assert(PX_HEADER_IDS <= 256, "a slot is one byte");

__attribute__((constructor)) static void build_slots(void)
{
    for (unsigned id = 1; id < PX_HEADER_IDS; id++)
        remember_name((px_header_id)id);
    for (unsigned tries = 0; tries < MOST_TRIES; tries++, multiplier += 0x3c6ef362u) {
        if (every_name_has_its_slot())
            return;
    }
    fputs("headers.h: two known names have the same length, first, middle and last letter\n", stderr);
    abort();
}

px_header_id px_header_lookup(px_slice name)
{
    if (name.len < 2 || name.len > NAME_LIMIT)
        return PX_HEADER_OTHER;
    uint8_t id = slots[slot_of(name)];
    const known_name *candidate = &known[id];
    if (candidate->len != name.len)
        return PX_HEADER_OTHER;
    uint64_t words[WORDS];
    to_words(name, words);
    uint64_t differs = 0;
    for (unsigned i = 0; i < WORDS; i++)
        differs |= (words[i] | candidate->fold[i]) ^ candidate->lower[i];
    return differs == 0 ? (px_header_id)id : PX_HEADER_OTHER;
}

px_slice px_header_name(px_header_id id)
{
    return (unsigned)id < PX_HEADER_IDS ? names[id] : PX_SLICE("");
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

px_slice px_header_trim(px_slice text)
{
    while (text.len > 0 && is_blank(text.data[0])) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && is_blank(text.data[text.len - 1]))
        text.len--;
    return text;
}

/* Takes the next non-empty element from the front of *rest. False: there is none. */
static bool next_token(px_slice *rest, px_slice *token)
{
    while (rest->len > 0) {
        const uint8_t *comma = memchr(rest->data, ',', rest->len);
        size_t len = comma != NULL ? (size_t)(comma - rest->data) : rest->len;
        size_t step = comma != NULL ? len + 1 : len;
        *token = px_header_trim(px_slice_from(rest->data, len));
        *rest = px_slice_from(rest->data + step, rest->len - step);
        if (token->len > 0)
            return true;
    }
    return false;
}

bool px_header_has_token(px_slice value, px_slice token)
{
    px_slice element;
    while (next_token(&value, &element)) {
        if (px_slice_equal_caseless(element, token))
            return true;
    }
    return false;
}

void px_header_each_token(px_slice value, bool (*visit)(void *argument, px_slice token), void *argument)
{
    px_slice element;
    while (next_token(&value, &element)) {
        if (!visit(argument, element))
            return;
    }
}

/* nginx's words where it has its own (302, 405, 408, 413, 414, 416, 503, 504): scripts and tests look for
 * them. */
px_slice px_status_reason(int status)
{
    switch (status) {
#define REASON(code, text)                                                                                   \
    case code:                                                                                               \
        return PX_SLICE(text);
        REASON(100, "Continue")
        REASON(101, "Switching Protocols")
        REASON(102, "Processing")
        REASON(103, "Early Hints")
        REASON(200, "OK")
        REASON(201, "Created")
        REASON(202, "Accepted")
        REASON(203, "Non-Authoritative Information")
        REASON(204, "No Content")
        REASON(205, "Reset Content")
        REASON(206, "Partial Content")
        REASON(207, "Multi-Status")
        REASON(208, "Already Reported")
        REASON(226, "IM Used")
        REASON(300, "Multiple Choices")
        REASON(301, "Moved Permanently")
        REASON(302, "Moved Temporarily")
        REASON(303, "See Other")
        REASON(304, "Not Modified")
        REASON(305, "Use Proxy")
        REASON(307, "Temporary Redirect")
        REASON(308, "Permanent Redirect")
        REASON(400, "Bad Request")
        REASON(401, "Unauthorized")
        REASON(402, "Payment Required")
        REASON(403, "Forbidden")
        REASON(404, "Not Found")
        REASON(405, "Not Allowed")
        REASON(406, "Not Acceptable")
        REASON(407, "Proxy Authentication Required")
        REASON(408, "Request Time-out")
        REASON(409, "Conflict")
        REASON(410, "Gone")
        REASON(411, "Length Required")
        REASON(412, "Precondition Failed")
        REASON(413, "Request Entity Too Large")
        REASON(414, "Request-URI Too Large")
        REASON(415, "Unsupported Media Type")
        REASON(416, "Requested Range Not Satisfiable")
        REASON(417, "Expectation Failed")
        REASON(421, "Misdirected Request")
        REASON(422, "Unprocessable Content")
        REASON(423, "Locked")
        REASON(424, "Failed Dependency")
        REASON(425, "Too Early")
        REASON(426, "Upgrade Required")
        REASON(428, "Precondition Required")
        REASON(429, "Too Many Requests")
        REASON(431, "Request Header Fields Too Large")
        REASON(451, "Unavailable For Legal Reasons")
        REASON(500, "Internal Server Error")
        REASON(501, "Not Implemented")
        REASON(502, "Bad Gateway")
        REASON(503, "Service Temporarily Unavailable")
        REASON(504, "Gateway Time-out")
        REASON(505, "HTTP Version Not Supported")
        REASON(506, "Variant Also Negotiates")
        REASON(507, "Insufficient Storage")
        REASON(508, "Loop Detected")
        REASON(510, "Not Extended")
        REASON(511, "Network Authentication Required")
#undef REASON
    }
    return PX_SLICE("");
}
