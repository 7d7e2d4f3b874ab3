/* See wheel.h.
 *
 * Why the lowest level is next: at level L are the timers whose time agrees with elapsed_ms in all digits
 * (of base 64) above L and is larger in digit L. elapsed_ms only moves to the start of the next slot that
 * holds timers, or up to it, so that this stays true while it moves; reaching a slot above level 0 deals
 * its timers out to the levels below. */
#include "base/wheel.h"

#include <assert.h>
#include <stdbool.h>

#define DIGIT_BITS 6

typedef struct {
    unsigned level, slot;
    uint64_t start_ms;
} place;

void px_wheel_init(px_wheel *wheel, uint64_t now_ms)
{
    wheel->elapsed_ms = now_ms;
    wheel->running = 0;
    for (unsigned level = 0; level < PX_WHEEL_LEVELS; level++) {
        wheel->occupied[level] = 0;
        for (unsigned slot = 0; slot < PX_WHEEL_SLOTS; slot++)
            px_list_init(&wheel->slots[level][slot]);
    }
}

void px_wheel_link(px_wheel *wheel, px_timer *timer)
{
    uint64_t due_ms = timer->due_ms;
    assert(due_ms >= wheel->elapsed_ms);
    uint64_t differs = (due_ms ^ wheel->elapsed_ms) | 1;
    unsigned level = (63 - (unsigned)__builtin_clzll(differs)) / DIGIT_BITS;
    assert(level < PX_WHEEL_LEVELS);
    unsigned slot = (unsigned)(due_ms >> (level * DIGIT_BITS)) % PX_WHEEL_SLOTS;
    timer->slot_ms = due_ms;
    wheel->occupied[level] |= (uint64_t)1 << slot;
    px_list_append(&wheel->slots[level][slot], &timer->link);
}

static bool next_place(px_wheel *wheel, place *found)
{
    for (unsigned level = 0; level < PX_WHEEL_LEVELS; level++) {
        while (wheel->occupied[level] != 0) {
            unsigned slot = (unsigned)__builtin_ctzll(wheel->occupied[level]);
            if (px_list_empty(&wheel->slots[level][slot])) {
                wheel->occupied[level] &= wheel->occupied[level] - 1;
                continue;
            }
            unsigned shift = level * DIGIT_BITS;
            uint64_t above = wheel->elapsed_ms >> (shift + DIGIT_BITS) << DIGIT_BITS;
            *found = (place){level, slot, (above | slot) << shift};
            return true;
        }
    }
    return false;
}

uint64_t px_wheel_next(px_wheel *wheel)
{
    place next;
    return next_place(wheel, &next) ? next.start_ms : UINT64_MAX;
}

/* Timers that are due now are called, the others move down a level (or to where a later start put them). */
static void empty_slot(px_wheel *wheel, px_list *slot)
{
    px_list reached;
    px_list_init(&reached);
    px_list_splice(&reached, slot);
    while (!px_list_empty(&reached)) {
        px_timer *timer = PX_CONTAINER(reached.next, px_timer, link);
        px_list_unlink(&timer->link);
        if (timer->due_ms > wheel->elapsed_ms) {
            px_wheel_link(wheel, timer);
            continue;
        }
        timer->due_ms = 0;
        wheel->running--;
        timer->on_due(timer);
    }
}

void px_wheel_advance(px_wheel *wheel, uint64_t now_ms)
{
    place next;
    while (next_place(wheel, &next) && next.start_ms <= now_ms) {
        wheel->elapsed_ms = next.start_ms;
        wheel->occupied[next.level] &= ~((uint64_t)1 << next.slot);
        empty_slot(wheel, &wheel->slots[next.level][next.slot]);
    }
    if (wheel->elapsed_ms < now_ms)
        wheel->elapsed_ms = now_ms;
}
