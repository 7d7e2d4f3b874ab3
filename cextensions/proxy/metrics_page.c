/* See metrics_page.h. */
#include "proxy/metrics_page.h"

#include "proxy/vars.h"

void px_page_put(px_page *to, const char *text)
{
    px_buffer_append(&to->text, text, strlen(text));
}

void px_page_seconds(px_page *to, uint64_t ms)
{
    uint8_t text[PX_SECONDS_BYTES];
    px_buffer_append(&to->text, text, px_put_seconds(text, ms));
}

bool px_page_family(px_page *to, const char *name, const char *type, const char *help)
{
    if (to->text.len > PX_PAGE_MOST)
        to->cut = true;
    if (to->cut)
        return false;
    if (to->family != NULL && strcmp(to->family, name) == 0)
        return true;
    to->family = name;
    px_page_put(to, "# HELP proxyd_");
    px_page_put(to, name);
    px_page_put(to, " ");
    px_page_put(to, help);
    px_page_put(to, "\n# TYPE proxyd_");
    px_page_put(to, name);
    px_page_put(to, " ");
    px_page_put(to, type);
    px_page_put(to, "\n");
    return true;
}

/* How many bytes the UTF-8 character at the beginning has; 0: it is none. */
static size_t character(const uint8_t *at, size_t left)
{
    size_t len = at[0] < 0x80 ? 1 : at[0] >= 0xc2 && at[0] < 0xe0 ? 2 : (at[0] & 0xf0) == 0xe0 ? 3 : 4;
    if (len > left || (len == 4 && (at[0] < 0xf0 || at[0] > 0xf4)))
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
    bool surrogate = at[0] == 0xed && at[1] > 0x9f, beyond = at[0] == 0xf4 && at[1] > 0x8f;
    return overlong || surrogate || beyond ? 0 : len;
}

void px_page_label(px_page *to, const char *name, px_slice value, bool first)
{
    px_page_put(to, first ? "{" : ",");
    px_page_put(to, name);
    px_page_put(to, "=\"");
    for (size_t i = 0, n; i < value.len; i += n) {
        n = character(value.data + i, value.len - i);
        if (n == 0) {
            px_page_put(to, "?");
            n = 1;
        } else if (value.data[i] == '\n') {
            px_page_put(to, "\\n");
        } else {
            if (value.data[i] == '"' || value.data[i] == '\\')
                px_page_put(to, "\\");
            px_buffer_append(&to->text, value.data + i, n);
        }
    }
    px_page_put(to, "\"");
}

void px_page_value(px_page *to, uint64_t value)
{
    px_page_put(to, " ");
    px_buffer_uint(&to->text, value);
    px_page_put(to, "\n");
}

void px_page_name(px_page *to, const char *name, const char *suffix)
{
    px_page_put(to, "proxyd_");
    px_page_put(to, name);
    px_page_put(to, suffix);
}
