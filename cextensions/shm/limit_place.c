/* See limit_place.h. */
#include "shm/limit_place.h"

/* The free record, or else one without connections; -1: all have some. */
static int unused(px_limit_bucket *bucket)
{
    px_limit_record *records = px_limit_records(bucket);
    int found = -1;
    for (int i = 0; i < (int)PX_LIMIT_WAYS; i++) {
        if (px_limit_load(records[i].first) == 0)
            return i;
        if (px_limit_load(records[i].value) == 0)
            found = i;
    }
    return found;
}

/* Those of this home's keys in a bucket that have no connections leave it. True: others stay. */
static bool clear_guests(px_limit_table *table, px_limit_bucket *bucket, uint32_t home)
{
    px_limit_record *records = px_limit_records(bucket);
    bool any = false;
    for (unsigned i = 0; i < PX_LIMIT_WAYS; i++) {
        px_limit_key key = {px_limit_load(records[i].first), 0};
        if (key.first == 0 || px_limit_bucket_of(table, key) != home)
            continue;
        if (px_limit_load(records[i].value) > 0)
            any = true;
        else
            px_limit_free(table, &records[i]);
    }
    return any;
}

/* Goes on to the bucket that is so far behind the home, which stays locked. */
static bool go_to(px_limit_table *table, px_limit_place *place, uint32_t away, px_limit_repair *repair)
{
    place->number = place->home_number + away;
    place->bucket = px_limit_lock(table, place->number, repair);
    return place->bucket != NULL;
}

static void go_home(px_limit_place *place)
{
    if (place->bucket != place->home && place->bucket != NULL)
        px_limit_unlock(place->bucket);
    place->bucket = place->home;
    place->number = place->home_number;
}

static uint32_t farthest_away(const px_limit_table *table, const px_limit_place *place)
{
    uint32_t behind = table->bucket_count - 1 - place->home_number;
    return behind < PX_LIMIT_REACH ? behind : PX_LIMIT_REACH;
}

/* Looks as far as keys of the home may be, and finds out how far that still is. */
static bool find(px_limit_table *table, px_limit_place *place, px_limit_key key, px_limit_repair *repair)
{
    uint32_t reach = px_limit_load(*px_limit_reach(place->home)), most = farthest_away(table, place),
             seen = 0;
    place->at = px_limit_find(place->home, key);
    if (place->at >= 0 || reach == 0)
        return true;
    for (uint32_t away = 1; away <= reach && away <= most; away++) {
        if (!go_to(table, place, away, repair))
            return false;
        seen = clear_guests(table, place->bucket, place->home_number) ? away : seen;
        place->at = px_limit_find(place->bucket, key);
        if (place->at >= 0)
            return true;
        go_home(place);
    }
    px_limit_store(*px_limit_reach(place->home), seen);
    return true;
}

/* Goes to the nearest room for a new key. */
static bool find_room(px_limit_table *table, px_limit_place *place, px_limit_repair *repair)
{
    uint32_t most = farthest_away(table, place);
    place->at = unused(place->home);
    for (uint32_t away = 1; place->at < 0 && away <= most; away++) {
        go_home(place);
        if (!go_to(table, place, away, repair))
            return false;
        place->at = unused(place->bucket);
    }
    return true;
}

/* Order: how far away the key is, then its record. Whoever dies in between has only made others look farther. */
static void make(px_limit_table *table, px_limit_place *place, px_limit_key key, uint64_t now_ms)
{
    uint32_t away = place->number - place->home_number;
    if (px_limit_load(*px_limit_reach(place->home)) < away)
        px_limit_store(*px_limit_reach(place->home), away);
    px_limit_make(table, &px_limit_records(place->bucket)[place->at], key, now_ms);
}

static bool find_or_make(px_limit_table *table, px_limit_place *place, px_limit_key key, uint64_t now_ms,
                         px_limit_repair *repair)
{
    if (!find(table, place, key, repair))
        return false;
    if (place->at >= 0)
        return true;
    if (!find_room(table, place, repair))
        return false;
    if (place->at >= 0)
        make(table, place, key, now_ms);
    return true;
}

bool px_limit_place_find(px_limit_table *table, px_limit_key key, uint64_t now_ms, px_limit_repair *repair,
                         px_limit_place *place)
{
    uint32_t home = px_limit_bucket_of(table, key);
    px_limit_bucket *bucket = px_limit_lock(table, home, repair);
    if (bucket == NULL)
        return false;
    *place = (px_limit_place){bucket, bucket, home, home, -1};
    bool good = find_or_make(table, place, key, now_ms, repair);
    if (!good)
        px_limit_place_leave(place);
    return good;
}

void px_limit_place_leave(const px_limit_place *place)
{
    if (place->bucket != place->home && place->bucket != NULL)
        px_limit_unlock(place->bucket);
    px_limit_unlock(place->home);
}
