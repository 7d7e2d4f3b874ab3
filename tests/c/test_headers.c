/* http/headers and http/bytes: names by number, lists, reasons, classes of bytes. */
#include "check.h"
#include "guard.h"

#include <ctype.h>

#include "http/bytes.h"
#include "http/headers.h"

static px_slice text(const char *bytes)
{
    return px_slice_from(bytes, strlen(bytes));
}

TEST(every_name, "every known name is found in any spelling, at the end of readable memory")
{
    for (unsigned id = 1; id < PX_HEADER_IDS; id++) {
        px_slice name = px_header_name((px_header_id)id);
        CHECK(name.len > 0);
        CHECK_INT(px_header_lookup(guard_end(name)), id);
        char changed[64];
        for (size_t i = 0; i < name.len; i++)
            changed[i] = (char)toupper(name.data[i]);
        CHECK_INT(px_header_lookup(guard_end(px_slice_from(changed, name.len))), id);
        for (size_t i = 0; i < name.len; i++)
            changed[i] = (char)tolower(name.data[i]);
        CHECK_INT(px_header_lookup(guard_start(px_slice_from(changed, name.len))), id);
    }
}

TEST(other_names, "a name that differs in one byte or in its length is another name")
{
    for (unsigned id = 1; id < PX_HEADER_IDS; id++) {
        px_slice name = px_header_name((px_header_id)id);
        uint8_t changed[64];
        memcpy(changed, name.data, name.len);
        for (size_t at = 0; at < name.len; at++) {
            for (int byte = 0; byte < 256; byte++) {
                if (px_ascii_lower((uint8_t)byte) == px_ascii_lower(name.data[at]))
                    continue;
                changed[at] = (uint8_t)byte;
                px_slice other = px_slice_from(changed, name.len);
                px_header_id got = px_header_lookup(other);
                CHECK(got == PX_HEADER_OTHER || px_slice_equal_caseless(px_header_name(got), other));
            }
            changed[at] = name.data[at];
        }
        changed[name.len] = 'x';
        CHECK(px_header_lookup(px_slice_from(changed, name.len + 1)) != id);
        CHECK(px_header_lookup(px_slice_from(changed, name.len - 1)) != id);
    }
}

TEST(no_names, "what is too short, too long or unknown has number 0 and no spelling")
{
    static const char *const names[] = {
        "", "x", "a-name-that-is-longer-than-any-known-one", "X-Request-Id", "Hos", "Hostt"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        CHECK_INT(px_header_lookup(guard_end(text(names[i]))), PX_HEADER_OTHER);
    CHECK_INT(px_header_lookup(px_slice_from(NULL, 0)), PX_HEADER_OTHER);
    CHECK_INT(px_header_name(PX_HEADER_OTHER).len, 0);
    CHECK_INT(px_header_name(PX_HEADER_IDS).len, 0);
}

static bool join(void *argument, px_slice token)
{
    char *all = argument;
    size_t len = strlen(all);
    snprintf(all + len, 256 - len, "[%.*s]", PX_SLICE_ARGS(token));
    return strchr(all, '!') == NULL;
}

TEST(lists, "a list is cut at commas; blanks around and empty elements do not count")
{
    static const struct {
        const char *value, *want;
    } cases[] = {
        {"", ""},
        {"a", "[a]"},
        {" a ", "[a]"},
        {"a,b", "[a][b]"},
        {"a ,\tb\t, c", "[a][b][c]"},
        {",, a,,b ,", "[a][b]"},
        {" , \t,", ""},
        {"a b, c=\"d e\"", "[a b][c=\"d e\"]"},
        {"a, !, b", "[a][!]"}, /* the visitor stopped it */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char all[256] = "";
        px_header_each_token(guard_end(text(cases[i].value)), join, all);
        CHECK_STRING(all, cases[i].want);
    }
}

TEST(has_token, "a list names a token only as a whole element, in any case")
{
    CHECK(px_header_has_token(text("keep-alive, Upgrade"), PX_SLICE("upgrade")));
    CHECK(px_header_has_token(text("close"), PX_SLICE("close")));
    CHECK(!px_header_has_token(text("closed, not-close"), PX_SLICE("close")));
    CHECK(!px_header_has_token(text("close now"), PX_SLICE("close")));
    CHECK(!px_header_has_token(text(""), PX_SLICE("close")));
    CHECK(!px_header_has_token(px_slice_from(NULL, 0), PX_SLICE("close")));
}

TEST(trim, "blanks at both ends go, others stay")
{
    CHECK_SLICE(px_header_trim(text(" \ta b\t ")), "a b");
    CHECK_SLICE(px_header_trim(text("\r\na")), "\r\na");
    CHECK_SLICE(px_header_trim(text(" \t ")), "");
    CHECK_SLICE(px_header_trim(px_slice_from(NULL, 0)), "");
}

TEST(reasons, "a status has nginx's reason")
{
    CHECK_SLICE(px_status_reason(200), "OK");
    CHECK_SLICE(px_status_reason(302), "Moved Temporarily");
    CHECK_SLICE(px_status_reason(405), "Not Allowed");
    CHECK_SLICE(px_status_reason(413), "Request Entity Too Large");
    CHECK_SLICE(px_status_reason(503), "Service Temporarily Unavailable");
    CHECK_SLICE(px_status_reason(504), "Gateway Time-out");
    CHECK_SLICE(px_status_reason(101), "Switching Protocols");
    CHECK_SLICE(px_status_reason(299), "");
    CHECK_SLICE(px_status_reason(0), "");
    CHECK_SLICE(px_status_reason(-1), "");
}

static bool in(const char *set, int byte)
{
    return byte != 0 && strchr(set, byte) != NULL;
}

TEST(classes, "the classes of bytes are those of the grammar")
{
    for (int byte = 0; byte < 256; byte++) {
        bool alpha = byte < 128 && isalpha(byte), digit = byte < 128 && isdigit(byte);
        bool visible = byte > 0x20 && byte != 0x7f;
        uint8_t want = 0;
        want |= alpha || digit || in("!#$%&'*+-.^_`|~", byte) ? PX_BYTE_TOKEN : 0;
        want |= (alpha && isupper(byte)) || in("_-", byte) ? PX_BYTE_METHOD : 0;
        want |= visible ? PX_BYTE_VISIBLE : 0;
        want |= visible || byte == ' ' || byte == '\t' ? PX_BYTE_TEXT : 0;
        want |= alpha || digit || in("+-.", byte) ? PX_BYTE_SCHEME : 0;
        want |= alpha || digit || in("-_~!$&'()*+,;=", byte) ? PX_BYTE_NAME : 0;
        want |= byte <= 0x20 || byte >= 0x7f || in("\"#%<>?\\^`{|}", byte) ? PX_BYTE_ESCAPE : 0;
        if (!CHECK_INT(px_byte_class[byte], want))
            fprintf(stderr, "byte %d\n", byte);
        int hex = byte < 128 && isxdigit(byte) ? (int)strtol((char[]){(char)byte, 0}, NULL, 16) : -1;
        CHECK_INT(px_byte_hex((uint8_t)byte), hex);
        CHECK_INT(px_byte_is_digit((uint8_t)byte), digit);
    }
}

TEST(scans, "a scan stops at the first byte out of its class, wherever that is")
{
    uint8_t bytes[50];
    for (int byte = 0; byte < 256; byte++) {
        for (size_t at = 0; at < sizeof(bytes); at++) {
            memset(bytes, 'a', sizeof(bytes));
            bytes[at] = (uint8_t)byte;
            px_slice all = guard_end(px_slice_from(bytes, sizeof(bytes)));
            const uint8_t *end = all.data + all.len;
            const uint8_t *in_text = px_byte_is((uint8_t)byte, PX_BYTE_TEXT) ? end : all.data + at;
            const uint8_t *visible = px_byte_is((uint8_t)byte, PX_BYTE_VISIBLE) ? end : all.data + at;
            CHECK(px_scan_text(all.data, end) == in_text);
            CHECK(px_scan_visible(all.data, end) == visible);
        }
    }
    px_slice none = guard_end(px_slice_from("", 0));
    CHECK(px_scan_text(none.data, none.data) == none.data);
    CHECK(px_scan_visible(none.data, none.data) == none.data);
}
