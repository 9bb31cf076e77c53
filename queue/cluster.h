/*
 * cluster.h - the slots of a Redis Cluster, and what its nodes say about them.
 *
 * See https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/.
 */
#pragma once

#include "queue/redis.h"

/* CRC16 (XMODEM), as a cluster uses it. */
uint16_t cluster_crc16(struct slice bytes);
/* Where the keys "fb:{<partition>}:..." are. */
unsigned cluster_slot(unsigned partition);
/*
 * "MOVED <slot> <host>:<port>", from the node `redis` is connected to. False: it is no such error,
 * or names no address that could be used.
 */
bool cluster_read_moved(
    const struct redis *redis, struct slice error, struct redis_address *ret_address);
