/* base/links: which symbolic links of a path are followed. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/links.h"

/* A folder of its own for each test:  file  dir/inner  up -> dir/../file  to_dir -> dir  loop -> loop  gone -> none */
typedef struct folder {
    char path[PATH_MAX];
    char name[PATH_MAX + 64];
} folder;

static const char *in(folder *f, const char *name)
{
    snprintf(f->name, sizeof f->name, "%s/%s", f->path, name);
    return f->name;
}

static void make_file(folder *f, const char *name)
{
    int fd = open(in(f, name), O_WRONLY | O_CREAT, 0644);
    REQUIRE(fd >= 0);
    close(fd);
}

static void make_link(folder *f, const char *name, const char *target)
{
    REQUIRE(symlink(target, in(f, name)) == 0);
}

static void make_folder(folder *f)
{
    char template[] = "/tmp/proxyd-links-XXXXXX";
    REQUIRE(mkdtemp(template) != NULL && realpath(template, f->path) != NULL);
    REQUIRE(mkdir(in(f, "dir"), 0755) == 0);
    make_file(f, "file");
    make_file(f, "dir/inner");
    make_link(f, "up", "dir/../file");
    make_link(f, "to_dir", "dir");
    make_link(f, "loop", "loop");
    make_link(f, "gone", "none");
}

static void remove_folder(folder *f)
{
    static const char *const names[] = {"up",      "to_dir",      "loop",      "gone",
                                        "foreign", "foreign_dir", "dir/inner", "file"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(in(f, names[i]));
    CHECK_INT(rmdir(in(f, "dir")), 0);
    CHECK_INT(rmdir(f->path), 0);
}

/* 0, or what went wrong. */
static int opened(folder *f, const char *name, px_links rule, int flags)
{
    int fd = px_links_open(in(f, name), 0, rule, flags, 0644);
    if (fd < 0)
        return errno;
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
    return 0;
}

TEST(links_refused, "no link is followed: ELOOP for the last part, ENOTDIR for one before")
{
    static const struct {
        const char *name;
        int error;
    } rows[] = {{"file", 0},
                {"dir", 0},
                {"dir/", 0},
                {"dir//inner", 0},
                {"dir/../file", 0},
                {"./file", 0},
                {"up", ELOOP},
                {"to_dir", ELOOP},
                {"to_dir/", ENOTDIR},
                {"gone", ELOOP},
                {"to_dir/inner", ENOTDIR},
                {"loop", ELOOP},
                {"none", ENOENT},
                {"none/x", ENOENT},
                {"file/x", ENOTDIR},
                {"loop/x", ENOTDIR}};
    folder f;
    make_folder(&f);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CHECK_INT(opened(&f, rows[i].name, PX_LINKS_REFUSED, O_RDONLY), rows[i].error);
    remove_folder(&f);
}

TEST(links_of_owner, "a link is followed to what belongs to its owner, and only there")
{
    folder f;
    make_folder(&f);
    CHECK_INT(opened(&f, "up", PX_LINKS_OF_OWNER, O_RDONLY), 0);
    CHECK_INT(opened(&f, "to_dir/inner", PX_LINKS_OF_OWNER, O_RDONLY), 0);
    CHECK_INT(opened(&f, "to_dir/", PX_LINKS_OF_OWNER, O_RDONLY), 0);
    CHECK_INT(opened(&f, "gone", PX_LINKS_OF_OWNER, O_RDONLY), ENOENT);
    CHECK_INT(opened(&f, "loop", PX_LINKS_OF_OWNER, O_RDONLY), ELOOP);
    CHECK_INT(opened(&f, "file/x", PX_LINKS_OF_OWNER, O_RDONLY), ENOTDIR);
    if (geteuid() == 0) {
        make_link(&f, "foreign", "file");
        make_link(&f, "foreign_dir", "dir");
        REQUIRE(lchown(in(&f, "foreign"), 65534, 65534) == 0);
        REQUIRE(lchown(in(&f, "foreign_dir"), 65534, 65534) == 0);
        CHECK_INT(opened(&f, "foreign", PX_LINKS_OF_OWNER, O_RDONLY), ELOOP);
        CHECK_INT(opened(&f, "foreign_dir/inner", PX_LINKS_OF_OWNER, O_RDONLY), ENOTDIR);
        REQUIRE(chown(in(&f, "file"), 65534, 65534) == 0);
        CHECK_INT(opened(&f, "foreign", PX_LINKS_OF_OWNER, O_RDONLY), 0);
        CHECK_INT(opened(&f, "up", PX_LINKS_OF_OWNER, O_RDONLY), ELOOP);
    }
    remove_folder(&f);
}

TEST(links_from, "what the path begins with is opened as it is")
{
    folder f;
    make_folder(&f);
    size_t from = strlen(in(&f, "to_dir"));
    for (px_links rule = PX_LINKS_REFUSED; rule <= PX_LINKS_OF_OWNER; rule++) {
        int fd = px_links_open(in(&f, "to_dir/inner"), from, rule, O_RDONLY, 0);
        CHECK(fd >= 0);
        close(fd);
    }
    CHECK(px_links_open(in(&f, "to_dir/../up"), from, PX_LINKS_REFUSED, O_RDONLY, 0) < 0 && errno == ELOOP);
    CHECK(px_links_open(in(&f, "file/x"), strlen(in(&f, "file")), PX_LINKS_REFUSED, O_RDONLY, 0) < 0 &&
          errno == ENOTDIR);
    remove_folder(&f);
}

TEST(links_created, "what is opened to be made is never found through a link")
{
    folder f;
    make_folder(&f);
    for (px_links rule = PX_LINKS_REFUSED; rule <= PX_LINKS_OF_OWNER; rule++) {
        CHECK_INT(opened(&f, "gone", rule, O_WRONLY | O_CREAT), ELOOP);
        CHECK_INT(opened(&f, "up", rule, O_WRONLY | O_CREAT), ELOOP);
        CHECK_INT(opened(&f, "file", rule, O_WRONLY | O_CREAT | O_APPEND), 0);
    }
    CHECK_INT(opened(&f, "dir/inner", PX_LINKS_REFUSED, O_WRONLY | O_CREAT), 0);
    remove_folder(&f);
}

TEST(links_long_names, "a part that no file can have is an error, and nothing is written past the end")
{
    folder f;
    char name[400];
    make_folder(&f);
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = 0;
    CHECK_INT(opened(&f, name, PX_LINKS_REFUSED, O_RDONLY), ENAMETOOLONG);
    CHECK_INT(opened(&f, name, PX_LINKS_OF_OWNER, O_RDONLY), ENAMETOOLONG);
    remove_folder(&f);
}
