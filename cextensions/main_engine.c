/* Serves a Plan with no Python around: for tests under sanitizers, for fuzzers, for profiles.
 *
 *     main_engine PLAN [PIDFILE]
 *
 * PLAN: a file with the msgpack of an EnginePlan. The sockets that it names are bound here, its logs are
 * opened here. PIDFILE is written when the sockets listen. SIGHUP reads the file again and puts it into
 * service; SIGUSR1 opens the logs again; SIGQUIT drains; SIGTERM and SIGINT end. What is alive at the end
 * is told on stderr; the exit status is 1 when something was left over. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "engine.h"
#include "main_segments.h"
#include "net/address.h"
#include "proxy/conf.h"

#define KEYS_MOST 1024

typedef struct server {
    px_engine *engine;
    const char *path;
    px_descriptor held[KEYS_MOST]; /* keys are malloc'ed */
    uint32_t count;
    px_watch signals;
    uint64_t generation;
    bool ending, draining;
} server;

static server self;

/* ---- what the Plan needs ---- */

static void *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        return NULL;
    }
    *len = (size_t)ftell(file);
    rewind(file);
    void *bytes = px_memory_alloc(*len + 1);
    if (fread(bytes, 1, *len, file) != *len) {
        perror(path);
        free(bytes);
        bytes = NULL;
    }
    fclose(file);
    return bytes;
}

/* "127.0.0.1:80", "[::1]:80", "unix:/path" */
static int bind_socket(const char *text)
{
    px_address address;
    memset(&address, 0, sizeof address);
    const char *colon = strrchr(text, ':');
    char host[64] = "";
    if (strncmp(text, "unix:", 5) == 0) {
        unlink(text + 5);
        px_address_make(&address, 1, px_slice_from(text + 5, strlen(text + 5)), 0);
    } else if (colon != NULL && (size_t)(colon - text) < sizeof host) {
        bool v6 = text[0] == '[';
        uint8_t ip[16];
        snprintf(host, sizeof host, "%.*s", (int)(colon - text) - (v6 ? 2 : 0), text + (v6 ? 1 : 0));
        if (inet_pton(v6 ? AF_INET6 : AF_INET, host, ip) == 1)
            px_address_make(&address, v6 ? 6 : 4, px_slice_from(ip, v6 ? 16 : 4), atoi(colon + 1));
    }
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd >= 0 && bind(fd, &address.any, address.len) == 0 && listen(fd, 511) == 0)
        return fd;
    fprintf(stderr, "main_engine: %s: %s\n", text, strerror(errno));
    exit(1);
}

static int open_log(const char *path)
{
    if (strcmp(path, "stderr") == 0)
        return dup(STDERR_FILENO);
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd >= 0)
        return fd;
    fprintf(stderr, "main_engine: %s: %s\n", path, strerror(errno));
    exit(1);
}

static int open_key(const char *key)
{
    return strncmp(key, "listen:", 7) == 0 ? bind_socket(key + 7) : open_log(key + 4);
}

static void need(const char *prefix, px_slice name)
{
    size_t len = strlen(prefix) + name.len;
    char *key = px_memory_zalloc(len + 1);
    snprintf(key, len + 1, "%s%.*s", prefix, PX_SLICE_ARGS(name));
    for (uint32_t i = 0; i < self.count; i++) {
        if (px_slice_equal(self.held[i].key, px_slice_from(key, len))) {
            free(key);
            return;
        }
    }
    if (self.count == KEYS_MOST)
        exit(1);
    self.held[self.count++] = (px_descriptor){px_slice_from(key, len), open_key(key)};
}

static const void *on_resolve(void *nobody, const uint8_t *digest, int kind)
{
    (void)nobody;
    (void)kind;
    return digest; /* only keys are looked at */
}

static bool is_kind(const px_plan_plan_object *object, const char *name)
{
    return px_slice_equal(object->kind, px_slice_from(name, strlen(name)));
}

static void open_all(px_slice bytes)
{
    px_arena arena;
    px_plan_reader in;
    px_plan_engine_plan plan = {0};
    px_arena_init(&arena, 65536);
    px_plan_reader_init(&in, bytes, &arena, NULL, NULL);
    if (px_plan_read_engine_plan(&in, &plan)) {
        for (uint32_t i = 0; i < plan.objects.count; i++) {
            const px_plan_plan_object *object = &plan.objects.items[i];
            px_plan_listen listens = {0};
            px_plan_log_file log = {0};
            px_plan_reader_init(&in, object->body, &arena, on_resolve, NULL);
            if (is_kind(object, "Listen") && px_plan_read_listen(&in, &listens))
                need("", listens.key);
            else if (is_kind(object, "LogFile") && px_plan_read_log_file(&in, &log) && log.syslog == NULL)
                need("log:", log.path);
        }
    }
    px_arena_clear(&arena);
}

/* ---- service ---- */

static bool load(void)
{
    px_engine_error error = {""};
    size_t len = 0;
    void *bytes = read_file(self.path, &len);
    if (bytes == NULL)
        return false;
    open_all(px_slice_from(bytes, len));
    uint64_t number =
        px_engine_prepare(self.engine, px_slice_from(bytes, len), self.held, self.count, &error);
    free(bytes);
    if (number == 0 || !px_engine_activate(self.engine, number, &error)) {
        fprintf(stderr, "main_engine: %s\n", error.text);
        return false;
    }
    self.generation = number;
    return true;
}

static void reopen(void)
{
    px_engine_error error = {""};
    for (uint32_t i = 0; i < self.count; i++) {
        if (memcmp(self.held[i].key.data, "log:", 4) != 0)
            continue;
        close(self.held[i].fd);
        self.held[i].fd = open_key((const char *)self.held[i].key.data);
    }
    if (!px_engine_reopen(self.engine, self.held, self.count, &error))
        fprintf(stderr, "main_engine: %s\n", error.text);
}

static void on_signal(px_watch *watch, uint32_t events)
{
    struct signalfd_siginfo signal;
    (void)events;
    while (read(watch->fd, &signal, sizeof signal) == (ssize_t)sizeof signal) {
        if (signal.ssi_signo == SIGHUP) {
            load();
        } else if (signal.ssi_signo == SIGUSR1) {
            reopen();
        } else if (signal.ssi_signo == SIGQUIT) {
            self.draining = true;
            px_engine_drain(self.engine, 0, 0);
        } else {
            self.ending = true;
        }
        px_loop_stop(px_engine_loop(self.engine));
    }
}

static bool is_over(void)
{
    px_engine_live live = px_engine_count_live(self.engine);
    return self.ending || (self.draining && live.connections == 0 && live.tunnels == 0);
}

static void watch_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGQUIT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    self.signals.on_event = on_signal;
    px_loop_watch_level(px_engine_loop(self.engine), &self.signals,
                        signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), EPOLLIN);
}

static void write_pid(const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    fprintf(file, "%d\n", (int)getpid());
    fclose(file);
}

static int finish(void)
{
    int fd = self.signals.fd;
    px_loop_unwatch(px_engine_loop(self.engine), &self.signals, true);
    close(fd);
    px_engine_live before = px_engine_count_live(self.engine);
    px_engine_delete(&self.engine);
    for (uint32_t i = 0; i < self.count; i++) {
        close(self.held[i].fd);
        free((void *)(uintptr_t)self.held[i].key.data);
    }
    uint64_t left = px_h1_server_live() + px_h1_client_live() + px_block_live();
    fprintf(stderr,
            "main_engine: ended with %llu connections, %llu requests, %llu idle upstream; left over: %llu\n",
            (unsigned long long)before.connections, (unsigned long long)before.requests,
            (unsigned long long)before.idle_upstream, (unsigned long long)left);
    return left == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    px_engine_error error = {""};
    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: main_engine PLAN [PIDFILE]\n");
        return 2;
    }
    self.path = argv[1];
    int ledgers = px_main_ledgers(), peers = px_main_peers();
    self.engine = px_engine_new(0, ledgers, peers, &error);
    close(ledgers);
    close(peers);
    if (self.engine == NULL) {
        fprintf(stderr, "main_engine: %s\n", error.text);
        return 1;
    }
    watch_signals();
    if (!load())
        return 1;
    if (argc == 3)
        write_pid(argv[2]);
    while (!is_over()) {
        /* While draining, look again each second: connections end without telling anybody here. */
        uint64_t until = self.draining ? px_loop_now_ms(px_engine_loop(self.engine)) + 100 : UINT64_MAX;
        px_loop_run(px_engine_loop(self.engine), until);
    }
    return finish();
}
