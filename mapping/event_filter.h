/*
 * event_filter.h - which complete events are left out, whoever they are about.
 */
#pragma once

#include "mapping/event.h"

/* The EVENT_REASON_* of the first rule that leaves `event` out; NULL when none does. */
const char *event_filter(const struct event *event, const struct rules *rules);
/* Whether what a record says of a ticket is of any concern: it is ours, and no survey's task. */
bool event_concerns_tickets(const struct event *event, const struct rules *rules);
