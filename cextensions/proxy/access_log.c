/* See access_log.h. */
#include "proxy/access_log.h"

#include "proxy/log_path.h"
#include "proxy/log_sink.h"
#include "proxy/request.h"

#define LINE_HINT 512

static const char upper_hex[] = "0123456789ABCDEF";

static bool is_plain(uint8_t c)
{
    return c >= 32 && c < 127 && c != '"' && c != '\\';
}

/* What JSON leaves as it is reaches beyond ASCII. */
static bool is_plain_json(uint8_t c)
{
    return c >= 32 && c != '"' && c != '\\';
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* A byte of word equals c: bit 7 there (and perhaps in bytes above it). */
static uint64_t equal_bytes(uint64_t word, uint8_t c)
{
    uint64_t zero = word ^ EACH(c);
    return (zero - EACH(1)) & ~zero;
}

/* How many bytes in front surely need no escape: eight at a time, which is most of every line. */
static size_t plain_words(px_slice value, bool json)
{
    size_t i = 0;
    for (; i + 8 <= value.len; i += 8) {
        uint64_t word;
        memcpy(&word, value.data + i, 8);
        uint64_t special = ((word - EACH(0x20)) & ~word) | equal_bytes(word, '"') | equal_bytes(word, '\\');
        if (!json)
            special |= word | (word + EACH(1)); /* from 0x7f on */
        if (special & EACH(0x80))
            break;
    }
    return i;
}

static void put_default(px_buffer *line, uint8_t c)
{
    uint8_t text[4] = {'\\', 'x', (uint8_t)upper_hex[c >> 4], (uint8_t)upper_hex[c & 15]};
    px_buffer_append(line, text, sizeof text);
}

static void put_json(px_buffer *line, uint8_t c)
{
    static const char shorts[32] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    uint8_t text[6] = {'\\', 'u', '0', '0', (uint8_t)('0' + (c >> 4)), (uint8_t)upper_hex[c & 15]};
    uint8_t brief = c >= 32 ? c : (uint8_t)shorts[c];
    if (brief != 0) {
        text[1] = brief;
        px_buffer_append(line, text, 2);
    } else {
        px_buffer_append(line, text, 6);
    }
}

void px_access_log_escape(px_buffer *line, px_slice value, int64_t escape)
{
    if (value.data == NULL) {
        if (escape == PX_ESCAPE_DEFAULT)
            px_buffer_byte(line, '-');
        return;
    }
    if (escape == PX_ESCAPE_NONE) {
        px_buffer_slice(line, value);
        return;
    }
    bool json = escape == PX_ESCAPE_JSON;
    size_t start = 0;
    for (size_t i = plain_words(value, json); i < value.len; i++) {
        uint8_t c = value.data[i];
        if (json ? is_plain_json(c) : is_plain(c))
            continue;
        px_buffer_append(line, value.data + start, i - start);
        start = i + 1;
        if (json)
            put_json(line, c);
        else
            put_default(line, c);
    }
    px_buffer_append(line, value.data + start, value.len - start);
}

static px_slice make_line(px_request *r, const px_access_log *log)
{
    px_buffer line;
    px_buffer_init(&line, &r->arena, LINE_HINT);
    for (uint32_t i = 0; i < log->format.count; i++) {
        const px_op *op = &log->format.ops[i];
        if (op->get == NULL)
            px_buffer_slice(&line, op->text);
        else
            px_access_log_escape(&line, op->get(r, op), log->escape);
    }
    px_buffer_byte(&line, '\n');
    return px_buffer_view(&line);
}

static bool is_wanted(px_request *r, const px_access_log *log)
{
    if (log->condition == NULL)
        return true;
    px_slice value = px_template_value(log->condition, r);
    return value.len > 1 || (value.len == 1 && value.data[0] != '0');
}

void px_access_log_write(px_request *r)
{
    for (uint32_t i = 0; i < r->settings->access_log_count; i++) {
        const px_access_log *log = &r->settings->access_logs[i];
        if (!is_wanted(r, log))
            continue;
        if (log->sink != NULL)
            px_log_sink_add(log->sink, make_line(r, log));
        else
            px_log_path_add(r, log, make_line(r, log));
    }
}

bool px_build_access_log(px_build *build, px_access_log *log, const px_plan_access_log *plan)
{
    log->escape = plan->escape;
    log->tests_root = plan->tests_root;
    if (plan->file != NULL)
        log->sink = plan->file->runtime;
    else if (!px_build_template(build, &log->path, &plan->path))
        return false;
    if (plan->condition != NULL) {
        px_template *condition = px_arena_zalloc(build->arena, sizeof *condition);
        if (!px_build_template(build, condition, plan->condition))
            return false;
        log->condition = condition;
    }
    return px_build_template(build, &log->format, &plan->format);
}
