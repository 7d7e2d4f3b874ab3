/* See docs.h: files are opened, and looked at, as disable_symlinks says. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/links.h"
#include "proxy/docs.h"
#include "proxy/request.h"

_Static_assert((int)PX_LINKS_FOLLOWED == PX_SYMLINKS_FOLLOWED &&
                   (int)PX_LINKS_REFUSED == PX_SYMLINKS_REFUSED &&
                   (int)PX_LINKS_OF_OWNER == PX_SYMLINKS_OF_OWNER,
               "the Plan names them by these numbers");

typedef struct links_rule {
    px_links links;
    size_t from; /* bytes of the path that are taken as they are */
} links_rule;

/* from= stands for what it is the beginning of, part by part. */
static links_rule rule_of(px_request *r, px_slice path)
{
    const px_docs *docs = &r->settings->docs;
    px_links links = (px_links)r->settings->plan->disable_symlinks->rule;
    px_slice from = links == PX_LINKS_FOLLOWED ? PX_SLICE("") : px_template_value(&docs->symlinks_from, r);
    if (from.len == 0 || from.len > path.len || memcmp(from.data, path.data, from.len) != 0)
        return (links_rule){links, 0};
    if (from.len == path.len)
        return (links_rule){PX_LINKS_FOLLOWED, 0};
    bool slash = from.data[from.len - 1] == '/';
    if (path.data[from.len] != '/' && !slash)
        return (links_rule){links, 0};
    return (links_rule){links, path.data[from.len] == '/' ? from.len : from.len - 1};
}

int px_docs_open(px_request *r, px_slice path, int flags, uint32_t mode)
{
    links_rule rule = rule_of(r, path);
    return px_links_open((const char *)path.data, rule.from, rule.links, flags, mode);
}

int px_docs_stat(px_request *r, px_slice path, struct stat *facts)
{
    links_rule rule = rule_of(r, path);
    if (rule.links == PX_LINKS_FOLLOWED)
        return stat((const char *)path.data, facts);
    int fd =
        px_links_open((const char *)path.data, rule.from, rule.links, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0)
        return -1;
    int result = fstat(fd, facts);
    close(fd);
    return result;
}

const char *px_docs_call(const px_request *r, const char *usual)
{
    return r->settings->plan->disable_symlinks->rule == PX_SYMLINKS_FOLLOWED ? usual : "openat()";
}
