/* See log_sink.h. */
#include "proxy/log_sink.h"

#include <errno.h>
#include <unistd.h>

#include "base/gzip.h"
#include "base/memory.h"

#define GATHER_BYTES 65536
#define COMPLAIN_GAP_MS 60000
#define BUFFER_MOST ((int64_t)1 << 26)

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
    if (sink->gzip > 0 && len > 0) {
        px_slice member = px_gzip_member(sink->gzip, px_slice_from(bytes, len));
        bytes = member.data;
        len = member.len;
    }
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
    if (sink->file == NULL)
        return;
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
    if (px_log_region_take(&sink->worker->ledger, sink->file->digest, sink->buffer_bytes, sink->gzip,
                           &sink->region))
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

static void send_message(px_log_sink *sink, px_slice line)
{
    if (!px_syslog_send(sink->syslog, -1, px_slice_from(line.data, line.len - 1)))
        px_worker_count(sink->worker, PX_COUNTER_LOG_LINES_LOST, 1);
}

void px_log_sink_add(px_log_sink *sink, px_slice line)
{
    px_worker_count(sink->worker, PX_COUNTER_LOG_LINES, 1);
    if (sink->syslog != NULL) {
        send_message(sink, line);
        return;
    }
    if (!sink->started)
        take_buffer(sink);
    if (sink->region.ledger != NULL)
        add_buffered(sink, line);
    else
        add_gathered(sink, line);
}

static void on_release(void *argument)
{
    px_log_sink *sink = argument;
    if (sink->syslog != NULL) {
        px_syslog_close(sink->syslog);
        return;
    }
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

static bool build_syslog(px_build *build, px_log_sink *sink, const px_plan_log_file *plan)
{
    const px_plan_syslog *given = plan->syslog;
    px_address address;
    if (!px_address_make(&address, (int)given->family, given->address, (int)given->port))
        return px_build_fail(build, "the address of \"%.*s\" makes no sense", PX_SLICE_ARGS(plan->path));
    sink->syslog = px_arena_zalloc(build->arena, sizeof *sink->syslog);
    px_syslog_init(sink->syslog, &address, plan->path, build->arena);
    px_syslog_shape(sink->syslog, (int)given->facility, (int)given->severity, given->tag, given->hostname,
                    build->arena);
    return true;
}

static bool build_file(px_build *build, px_log_sink *sink, const px_plan_log_file *plan)
{
    sink->file = open_file(build, plan->path);
    if (sink->file == NULL)
        return false;
    sink->flush_ms = plan->flush > 0 ? (uint64_t)plan->flush : 0;
    sink->buffer_bytes =
        plan->buffer <= 0 ? 0 : (uint32_t)(plan->buffer < BUFFER_MOST ? plan->buffer : BUFFER_MOST);
    sink->gzip = plan->gzip < 0 || plan->gzip > 9 ? 9 : (int)plan->gzip;
    px_list_append(&sink->file->sinks, &sink->link);
    return true;
}

bool px_build_log_file(px_build *build, px_plan_log_file *plan)
{
    px_log_sink *sink = px_arena_zalloc(build->arena, sizeof *sink);
    plan->runtime = sink;
    sink->worker = build->worker;
    px_list_init(&sink->link);
    px_timer_init(&sink->flush, on_flush);
    px_task_init(&sink->turn_end, on_turn_end);
    if (!(plan->syslog != NULL ? build_syslog(build, sink, plan) : build_file(build, sink, plan)))
        return false;
    px_arena_on_clear(build->arena, on_release, sink);
    return true;
}

px_log_target px_log_sink_target(const px_log_sink *sink, int level)
{
    if (sink->syslog != NULL)
        return (px_log_target){.fd = -1, .level = level, .send = px_syslog_send_line, .to = sink->syslog};
    return (px_log_target){.fd = sink->file->fd, .level = level};
}
