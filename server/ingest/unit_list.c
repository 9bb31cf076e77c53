/*
 * unit_list.c - durable units that wait, in the order in which they came.
 */
#include "server/ingest/unit_list.h"

#include <errno.h>
#include <sys/param.h>

void
unit_list_init(struct unit_list *list)
{
    *list = (struct unit_list){.due_us = INT64_MAX};
    list->end = &list->first;
}

void
unit_list_add(struct unit_list *list, struct durable_unit *unit)
{
    for (size_t i = 0; i < unit->put_count; i++) {
        list->bytes += unit->puts[i].bytes.size;
    }
    list->puts += unit->put_count;
    list->count++;
    list->due_us = MIN(list->due_us, unit->deadline_us);
    unit->next = NULL;
    *list->end = unit;
    list->end = &unit->next;
}

static struct durable_unit *
take(struct unit_list *list, struct durable_unit **link)
{
    struct durable_unit *unit = *link;

    *link = unit->next;
    if (list->end == &unit->next) {
        list->end = link;
    }
    for (size_t i = 0; i < unit->put_count; i++) {
        list->bytes -= unit->puts[i].bytes.size;
    }
    list->puts -= unit->put_count;
    list->count--;
    return unit;
}

struct durable_unit *
unit_list_take(struct unit_list *list)
{
    return take(list, &list->first);
}

void
unit_list_fail_due(struct unit_list *list, int64_t now_us)
{
    struct durable_unit **link = &list->first;

    if (now_us < list->due_us) {
        return;
    }
    list->due_us = INT64_MAX;
    while (*link != NULL) {
        struct durable_unit *unit = *link;

        if (unit->deadline_us <= now_us) {
            (void)take(list, link);
            unit->done(unit, -ETIMEDOUT);
        } else {
            list->due_us = MIN(list->due_us, unit->deadline_us);
            link = &unit->next;
        }
    }
}
