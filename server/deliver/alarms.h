/*
 * alarms.h - what claims found that must not be, in the log.
 */
#pragma once

#include "server/deliver/hand.h"

/* What there is since the last time, and whether part of a cluster went away or came back. */
void alarms_tell(struct hand *hand);
