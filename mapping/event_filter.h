/*
 * event_filter.h - which complete events are left out, whoever they are about.
 */
#pragma once

#include "mapping/event.h"

/* The EVENT_REASON_* of the first rule that leaves `event` out; NULL when none does. */
const char *event_filter(const struct event *event, const struct rules *rules);

/*
 * Whether an event whose customer was read is about somebody rules->only_contacts leaves out. Any
 * of the customer's addresses counts, whichever one Brevo would be given.
 */
bool event_is_for_another(const struct event *event, const struct rules *rules);
