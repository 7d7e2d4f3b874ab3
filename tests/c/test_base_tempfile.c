/* base/tempfile. */
#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/tempfile.h"

static char place[] = "/tmp/proxyd-tempfile-XXXXXX";

static px_slice here(void)
{
    static bool made;
    if (!made && mkdtemp(place) == NULL)
        abort();
    made = true;
    return px_slice_from(place, strlen(place));
}

static int entries(const char *path)
{
    int count = 0;
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;)
        count += entry->d_name[0] != '.';
    if (directory != NULL)
        closedir(directory);
    return count;
}

TEST(nameless, "a file that nobody is to find has a name for the log alone")
{
    char path[PX_TEMP_PATH_BYTES];
    int fd = px_temp_open(here(), px_slice_from("\x01\x02", 2), false, path);
    CHECK(fd >= 0);
    CHECK(strncmp(path, place, strlen(place)) == 0 && strcmp(path + strlen(place), "/1/00/0000000001") == 0);
    CHECK_INT(entries(place), 0);
    close(fd);
}

TEST(named, "a file that stays is where its number's digits say, and a name that is taken is passed over")
{
    char path[PX_TEMP_PATH_BYTES], taken[PX_TEMP_PATH_BYTES + 32];
    int fd = px_temp_open(here(), px_slice_from("\x01\x02", 2), true, path);
    CHECK(fd >= 0);
    CHECK(strcmp(path + strlen(place), "/2/00/0000000002") == 0);
    struct stat found;
    CHECK(stat(path, &found) == 0 && (found.st_mode & 0777) == 0600);
    close(fd);
    snprintf(taken, sizeof taken, "%s/3", place);
    mkdir(taken, 0700);
    snprintf(taken, sizeof taken, "%s/3/00", place);
    mkdir(taken, 0700);
    snprintf(taken, sizeof taken, "%s/3/00/0000000003", place);
    CHECK(mkdir(taken, 0700) == 0);
    fd = px_temp_open(here(), px_slice_from("\x01\x02", 2), true, path);
    CHECK(fd >= 0);
    CHECK(strcmp(path + strlen(place), "/9/45/0000123459") == 0);
    close(fd);
}

TEST(refused, "a place that is not there, or whose name is too long, says so")
{
    char path[PX_TEMP_PATH_BYTES], lengthy[PX_TEMP_PATH_BYTES];
    CHECK_INT(px_temp_open(PX_SLICE("/nonexistent"), PX_SLICE(""), false, path), -1);
    CHECK_INT(errno, ENOENT);
    CHECK(strncmp(path, "/nonexistent/", 13) == 0);
    CHECK_INT(px_temp_open(PX_SLICE("/nonexistent"), PX_SLICE("\x01"), true, path), -1);
    CHECK_INT(errno, ENOENT);
    memset(lengthy, 'x', sizeof lengthy);
    CHECK_INT(px_temp_open(px_slice_from(lengthy, sizeof lengthy), PX_SLICE(""), false, path), -1);
    CHECK_INT(errno, ENAMETOOLONG);
}

TEST(written, "many pieces are written behind each other at their offset, and a full disk is an errno")
{
    char path[PX_TEMP_PATH_BYTES], back[600];
    int fd = px_temp_open(here(), PX_SLICE(""), false, path);
    px_piece pieces[100];
    for (int i = 0; i < 100; i++)
        pieces[i] = (px_piece){(const uint8_t *)"abcdef", (size_t)(1 + i % 6), NULL};
    CHECK_INT(px_temp_write(fd, 10, pieces, 100), 0);
    ssize_t n = pread(fd, back, sizeof back, 10);
    ssize_t at = 0;
    for (int i = 0; i < 100; i++) {
        CHECK(memcmp(back + at, "abcdef", (size_t)(1 + i % 6)) == 0);
        at += 1 + i % 6;
    }
    CHECK_INT(n, at);
    CHECK_INT(px_temp_write(fd, 0, pieces, 0), 0);
    close(fd);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before, small = {100, RLIM_INFINITY};
    getrlimit(RLIMIT_FSIZE, &before);
    small.rlim_max = before.rlim_max;
    fd = px_temp_open(here(), PX_SLICE(""), false, path);
    setrlimit(RLIMIT_FSIZE, &small);
    CHECK_INT(px_temp_write(fd, 0, pieces, 100), EFBIG);
    setrlimit(RLIMIT_FSIZE, &before);
    close(fd);
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", place);
    CHECK_INT(system(command), 0);
}
