/* See access_log.h. */
#include "proxy/access_log.h"

#include <errno.h>
#include <unistd.h>

#include "proxy/request.h"

#define GATHER_BYTES 65536
#define LINE_HINT 512
#define COMPLAIN_GAP_MS 60000
#define BUFFER_MOST ((int64_t)1 << 26)

/* ---- sinks ---- */

static void write_failed(px_log_sink *sink, int error)
{
    uint64_t now = px_loop_now_ms(sink->worker->loop);
    px_worker_count(sink->worker, PX_COUNTER_LOG_LINES_LOST, 1);
    if (sink->complained_ms != 0 && now - sink->complained_ms < COMPLAIN_GAP_MS)
        return;
    sink->complained_ms = now;
    px_log_at(&px_log_main, PX_LOG_ALERT, 0, "write() to \"%s\" failed (%s)", sink->file->path,
              px_log_errno(error));
}

static void write_all(px_log_sink *sink, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(sink->file->fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            write_failed(sink, n < 0 ? errno : ENOSPC);
            return;
        }
        bytes += n;
        len -= (size_t)n;
    }
}

void px_log_sink_flush(px_log_sink *sink)
{
    px_timer_stop(sink->worker->loop, &sink->flush);
    if (sink->region.ledger != NULL && !px_log_region_write(&sink->region, sink->file->fd))
        write_failed(sink, errno);
    write_all(sink, sink->gathered, sink->gathered_len);
    sink->gathered_len = 0;
}

static void on_turn_end(px_task *task)
{
    px_log_sink_flush(PX_CONTAINER(task, px_log_sink, turn_end));
}

static void on_flush(px_timer *timer)
{
    px_log_sink_flush(PX_CONTAINER(timer, px_log_sink, flush));
}

static void take_buffer(px_log_sink *sink)
{
    sink->started = true;
    if (sink->buffer_bytes == 0)
        return;
    if (px_log_region_take(&sink->worker->ledger, sink->file->digest, sink->buffer_bytes, &sink->region))
        return;
    sink->region.ledger = NULL;
    px_worker_count(sink->worker, PX_COUNTER_LOG_BUFFERS_REFUSED, 1);
    px_log_at(&px_log_main, PX_LOG_WARN, 0,
              "no room in shared memory for a buffer of \"%s\": it is written unbuffered", sink->file->path);
}

static void add_buffered(px_log_sink *sink, px_slice line)
{
    if (px_log_region_add(&sink->region, line)) {
        if (sink->flush_ms > 0 && !px_timer_running(&sink->flush))
            px_timer_start(sink->worker->loop, &sink->flush, sink->flush_ms);
        return;
    }
    px_log_sink_flush(sink);
    if (px_log_region_add(&sink->region, line)) {
        if (sink->flush_ms > 0)
            px_timer_start(sink->worker->loop, &sink->flush, sink->flush_ms);
        return;
    }
    write_all(sink, line.data, line.len); /* longer than the buffer */
}

static void add_gathered(px_log_sink *sink, px_slice line)
{
    if (sink->gathered == NULL)
        sink->gathered = px_memory_alloc(GATHER_BYTES);
    if (line.len > GATHER_BYTES - sink->gathered_len)
        px_log_sink_flush(sink);
    if (line.len > GATHER_BYTES) {
        write_all(sink, line.data, line.len);
        return;
    }
    memcpy(sink->gathered + sink->gathered_len, line.data, line.len);
    sink->gathered_len += line.len;
    px_loop_defer(sink->worker->loop, &sink->turn_end);
}

void px_log_sink_add(px_log_sink *sink, px_slice line)
{
    if (!sink->started)
        take_buffer(sink);
    px_worker_count(sink->worker, PX_COUNTER_LOG_LINES, 1);
    if (sink->region.ledger != NULL)
        add_buffered(sink, line);
    else
        add_gathered(sink, line);
}

static void on_release(void *argument)
{
    px_log_sink *sink = argument;
    px_log_sink_flush(sink);
    px_task_cancel(&sink->turn_end);
    if (sink->region.ledger != NULL)
        px_log_region_free(&sink->region);
    free(sink->gathered);
    px_list_unlink(&sink->link);
    px_file_release(&sink->file);
}

static px_file *open_file(px_build *build, px_slice path)
{
    px_file *file = px_file_find(&build->worker->files, path);
    if (file != NULL)
        return file;
    px_buffer key;
    px_buffer_init(&key, build->arena, path.len + 4);
    px_buffer_literal(&key, "log:");
    px_buffer_slice(&key, path);
    int fd = px_descriptor_find(build->descriptors, px_buffer_view(&key));
    if (fd < 0) {
        px_build_fail(build, "no descriptor came for the log \"%.*s\"", PX_SLICE_ARGS(path));
        return NULL;
    }
    file = px_file_add(&build->worker->files, path, fd);
    if (file == NULL)
        px_build_fail(build, "the descriptor of the log \"%.*s\" cannot be kept (%s)", PX_SLICE_ARGS(path),
                      px_log_errno(errno));
    return file;
}

bool px_build_log_file(px_build *build, px_plan_log_file *plan)
{
    px_log_sink *sink = px_arena_zalloc(build->arena, sizeof *sink);
    plan->runtime = sink;
    sink->worker = build->worker;
    sink->file = open_file(build, plan->path);
    if (sink->file == NULL)
        return false;
    sink->flush_ms = plan->flush > 0 ? (uint64_t)plan->flush : 0;
    sink->buffer_bytes =
        plan->buffer <= 0 ? 0 : (uint32_t)(plan->buffer < BUFFER_MOST ? plan->buffer : BUFFER_MOST);
    px_list_init(&sink->link);
    px_list_append(&sink->file->sinks, &sink->link);
    px_timer_init(&sink->flush, on_flush);
    px_task_init(&sink->turn_end, on_turn_end);
    px_arena_on_clear(build->arena, on_release, sink);
    return true;
}

/* ---- lines ---- */

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

static void write_line(px_request *r, const px_access_log *log)
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
    px_log_sink_add(log->sink, px_buffer_view(&line));
}

void px_access_log_write(px_request *r)
{
    for (uint32_t i = 0; i < r->settings->access_log_count; i++)
        write_line(r, &r->settings->access_logs[i]);
}
