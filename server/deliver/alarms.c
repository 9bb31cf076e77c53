/*
 * alarms.c - what claims found that must not be, in the log.
 */
#include "server/deliver/alarms.h"

#include <inttypes.h>

#include "server/ops/log.h"

void
alarms_tell(struct hand *hand)
{
    const struct queue_alarms alarms = queue_take_alarms(hand->queue);

    if (alarms.groups_recreated > 0) {
        log_error("redis_emptied",
            "groups_recreated=%" PRId64
            " do=\"find out who empties this Redis: what it held "
            "is gone\"",
            alarms.groups_recreated);
    }
    if (alarms.records_missing > 0) {
        log_error("records_missing",
            "count=%" PRId64 " key=\"%s\""
            " do=\"find out who deletes or overwrites keys of this Redis\"",
            alarms.records_missing, alarms.missing_key);
    }
    if (alarms.moves > 0) {
        log_warn("redis_moved", "master=%s", alarms.master);
    }
    if (alarms.partitions_away > 0 && hand->partitions_away == 0) {
        log_error("redis_partly_away", "partitions=%" PRId64 " error=\"%s\"",
            alarms.partitions_away, queue_error(hand->queue));
    } else if (alarms.partitions_away == 0 && hand->partitions_away > 0) {
        log_info("redis_whole", "in_hand=%zu", hand->count);
    }
    hand->partitions_away = alarms.partitions_away;
}
