/*
 * commit_list.c - the units of a group commit, and the puts of its round.
 */
#include "queue/commit_list.h"

#include <assert.h>
#include <errno.h>
#include <sys/param.h>

static void
forget_units(struct commit_list *list)
{
    list->first = NULL;
    list->end = &list->first;
    list->behind_round = &list->first;
    put_batch_clear(&list->round);
}

void
commit_list_init(struct commit_list *list)
{
    *list = (struct commit_list){0};
    forget_units(list);
}

void
commit_list_add(struct commit_list *list, struct commit_unit *unit)
{
    for (size_t i = 0; i < unit->put_count; i++) {
        assert(put_is_valid(&unit->puts[i]));
        list->waiting_bytes += unit->puts[i].bytes.size;
    }
    list->waiting_puts += unit->put_count;
    list->due_us =
        list->count > 0 ? MIN(list->due_us, unit->deadline_us) : unit->deadline_us;
    unit->next = NULL;
    unit->puts_sent = 0;
    unit->puts_stored = 0;
    *list->end = unit;
    list->end = &unit->next;
    list->count++;
}

const struct commit_unit *
commit_list_next(const struct commit_list *list)
{
    return *list->behind_round;
}

bool
commit_list_is_full(const struct commit_list *list)
{
    return list->waiting_puts >= GROUP_COMMIT_WAITING_EVENTS_MAX ||
           list->waiting_bytes >= GROUP_COMMIT_WAITING_BYTES_MAX;
}

int64_t
commit_list_rounds(const struct commit_list *list)
{
    return (int64_t)MAX(list->waiting_puts / GROUP_COMMIT_EVENTS_MAX,
        list->waiting_bytes / GROUP_COMMIT_BYTES_MAX);
}

/* The next put of a unit goes out, or never will. */
static void
stop_waiting(struct commit_list *list, struct commit_unit *unit)
{
    list->waiting_puts--;
    list->waiting_bytes -= unit->puts[unit->puts_sent].bytes.size;
    unit->puts_sent++;
}

static void
finish_unit(struct commit_list *list, struct commit_unit *unit, int status)
{
    list->count--;
    while (unit->puts_sent < unit->put_count) {
        stop_waiting(list, unit);
    }
    unit->done(unit, status); /* may add units; may free this one */
}

static void
remove_unit(struct commit_list *list, struct commit_unit **link)
{
    struct commit_unit *unit = *link;

    *link = unit->next;
    if (list->end == &unit->next) {
        list->end = link;
    }
    if (list->behind_round == &unit->next) {
        list->behind_round = link;
    }
}

/* ---- the round --------------------------------------------------------------------------- */

/* False: the round is full. */
static bool
gather_unit(struct commit_list *list, struct commit_unit *unit, unsigned partitions)
{
    while (unit->puts_sent < unit->put_count) {
        if (!put_batch_add(&list->round, &unit->puts[unit->puts_sent], partitions)) {
            return false;
        }
        stop_waiting(list, unit);
    }
    return true;
}

void
commit_list_gather(struct commit_list *list, unsigned partitions)
{
    bool has_room = true;

    while (*list->behind_round != NULL && has_room) {
        struct commit_unit *unit = *list->behind_round;
        const size_t before = unit->puts_sent;

        if (unit->put_count == 0) {
            remove_unit(list, list->behind_round);
            finish_unit(list, unit, 0);
            continue;
        }
        has_room = gather_unit(list, unit, partitions);
        if (unit->puts_sent > before) {
            list->behind_round = &unit->next;
        }
    }
}

static int
status_of(const struct put_batch *round, size_t at, size_t count, int status)
{
    for (size_t i = 0; i < count && status == 0; i++) {
        status = round->statuses[at + i];
    }
    return status;
}

void
commit_list_end_round(struct commit_list *list, int status)
{
    size_t at = 0;

    while (at < list->round.count) {
        struct commit_unit *unit = list->first;

        if (list->round.puts[at] == NULL) {
            at++; /* its unit was out of time */
            continue;
        }
        const size_t sent = unit->puts_sent - unit->puts_stored;
        const int r = status_of(&list->round, at, sent, status);

        at += sent;
        unit->puts_stored += sent;
        if (r == 0 && unit->puts_stored < unit->put_count) {
            break; /* a large one: it goes on in the next round */
        }
        remove_unit(list, &list->first);
        finish_unit(list, unit, r);
    }
    list->behind_round = &list->first;
    put_batch_clear(&list->round);
}

/* ---- failures ---------------------------------------------------------------------------- */

void
commit_list_fail_all(struct commit_list *list, int status)
{
    struct commit_unit *unit = list->first;

    forget_units(list);
    while (unit != NULL) {
        struct commit_unit *next = unit->next;

        finish_unit(list, unit, status);
        unit = next;
    }
}

/* The answers to its puts will find nobody. */
static void
leave_round(struct commit_list *list, const struct commit_unit *unit)
{
    const size_t count = unit->puts_sent - unit->puts_stored;
    size_t at = 0;

    if (count == 0) {
        return;
    }
    while (list->round.puts[at] != &unit->puts[unit->puts_stored]) {
        at++;
    }
    for (size_t i = 0; i < count; i++) {
        list->round.puts[at + i] = NULL;
    }
}

void
commit_list_fail_due(struct commit_list *list, int64_t now_us)
{
    struct commit_unit **link = &list->first;

    if (now_us < list->due_us) {
        return;
    }
    list->due_us = INT64_MAX;
    while (*link != NULL) {
        struct commit_unit *unit = *link;

        if (unit->deadline_us <= now_us) {
            leave_round(list, unit);
            remove_unit(list, link);
            finish_unit(list, unit, -ETIMEDOUT);
        } else {
            list->due_us = MIN(list->due_us, unit->deadline_us);
            link = &unit->next;
        }
    }
}
