/* proxy/adhoc.c: upstreams that the configuration does not name are found again, bounded, and outlive who keeps
 * them. */
#include "proxy/adhoc.h"

#include <stdio.h>

#include "check.h"
#include "conf_harness.h"

static uint32_t live_pools(const px_worker *worker)
{
    uint32_t pools = 0;
    for (int i = 0; i < PX_IDLE_BUCKETS; i++)
        for (const px_list *at = worker->idle_pools[i].next; at != &worker->idle_pools[i]; at = at->next)
            pools++;
    return pools;
}

static px_adhoc *take(conf_world *world, int number)
{
    char text[32];
    px_address address;
    int len = snprintf(text, sizeof text, "127.0.%d.%d:80", number / 250, number % 250 + 1);
    px_slice name = px_slice_from(text, (size_t)len);
    CHECK(px_address_parse(&address, name, 0));
    return px_adhoc_take(&world->generation, name, &address);
}

TEST(is_found_again, "the same address gives the same upstream, with the name that was asked for")
{
    conf_world *world = conf_open();
    px_adhoc *first = take(world, 1), *second = take(world, 1), *other = take(world, 2);
    CHECK(first == second);
    CHECK(first != other);
    const px_upstream *upstream = px_adhoc_upstream(first);
    CHECK_INT(upstream->count, 1);
    CHECK(upstream->single);
    CHECK(px_slice_equal(upstream->peers[0].plan->name, PX_SLICE("127.0.0.2:80")));
    CHECK_INT(upstream->peers[0].slot, -1);
    px_adhoc_release(&first);
    px_adhoc_release(&second);
    px_adhoc_release(&other);
    px_adhoc_clear(&world->generation.adhoc);
    CHECK_INT(live_pools(world->worker), 0);
    conf_close(&world);
}

TEST(is_bounded, "thousands of addresses leave no more than a few behind")
{
    conf_world *world = conf_open();
    for (int i = 0; i < 5000; i++) {
        px_adhoc *adhoc = take(world, i);
        px_adhoc_release(&adhoc);
        CHECK(live_pools(world->worker) <= PX_ADHOC_MOST);
    }
    CHECK_INT(live_pools(world->worker), PX_ADHOC_MOST);
    px_adhoc_clear(&world->generation.adhoc);
    CHECK_INT(live_pools(world->worker), 0);
    conf_close(&world);
}

TEST(outlives_the_cache, "who uses one keeps it, also when it was forgotten, or the generation is gone")
{
    conf_world *world = conf_open();
    px_adhoc *held = take(world, 0);
    for (int i = 1; i <= 2 * PX_ADHOC_MOST; i++) {
        px_adhoc *adhoc = take(world, i);
        px_adhoc_release(&adhoc);
    }
    CHECK_INT(live_pools(world->worker), PX_ADHOC_MOST + 1);
    px_adhoc *anew = take(world, 0);
    CHECK(anew != held);
    px_adhoc_clear(&world->generation.adhoc);
    CHECK(px_slice_equal(px_adhoc_upstream(held)->plan->name, PX_SLICE("127.0.0.1:80")));
    px_adhoc_release(&held);
    px_adhoc_release(&anew);
    CHECK_INT(live_pools(world->worker), 0);
    conf_close(&world);
}
