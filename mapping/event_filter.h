/*
 * event_filter.h - which complete events are left out, whoever they are about.
 */
#pragma once

#include "mapping/event.h"

/* The EVENT_REASON_* of the first rule that leaves `event` out; NULL when none does. */
const char *event_filter(const struct event *event, const struct rules *rules);
/* Whether what a record says of a ticket is of any concern: it is ours. */
bool event_concerns_tickets(const struct event *event, const struct rules *rules);

/*
 * The verdict once the customer is known: delivered, unless it is somebody rules->only_contacts
 * leaves out. Any of the customer's addresses counts, whichever one Brevo would be given.
 */
void event_accept(struct event_reading *reading, const struct rules *rules);
