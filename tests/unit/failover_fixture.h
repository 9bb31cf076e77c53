/*
 * failover_fixture.h - a Redis, another that can take its place, and Sentinels.
 *
 * Before each test both are empty masters, and all Sentinels name `redis`.
 */
#pragma once

#include "tests/unit/commit_fixture.h"
#include "tests/unit/sentinel_fixture.h"

extern struct redis_fixture other; /* the replica, or the next master */
extern uint16_t redis_port;
extern uint16_t other_port;
extern uint16_t closed_port; /* nobody listens there */

int failover_start(void **state);
int failover_stop(void **state);
int failover_set_up(void **state); /* commit_tear_down() belongs to it */

void become_replica(struct redis_fixture *fixture, uint16_t of);
void all_name(uint16_t port); /* as after a failover: with a higher epoch */

/* Timeouts of 2 s: several Sentinels may be asked within. `options_text`: "?name=value" or "". */
struct queue *open_via_sentinels(const char *options_text);
struct group_commit *open_patient_commit(const char *options_text);
