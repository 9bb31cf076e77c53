/*
 * hand_fixture.h - what a worker has in hand, up to where Brevo would be asked.
 */
#pragma once

#include "server/deliver/hand.h"
#include "tests/unit/queue_fixture.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_hand, tear_down_hand)

#define TEST_ID "0a1b2c3d-4e5f-4a6b-8c7d-0123456789ab"
#define SINK_TEST "sink.test/" TEST_ID
#define SINK_EVENT                                                              \
    "{\"specversion\":\"1.0\",\"type\":\"com.twilio.eventstreams.test-event\"," \
    "\"source\":\"Sink\",\"id\":\"AC0123456789abcdef0123456789abcdef\","        \
    "\"data\":{\"test_id\":\"" TEST_ID "\"}}"
#define HEX "0123456789abcdef0123456789abcdef"

extern struct config config;
extern struct hand hand; /* of `queue` */

int set_up_hand(void **state);
int tear_down_hand(void **state);

/* One round of the worker's. */
void step(void);
/* That this test of a sink was remembered last; "": none. */
void expect_last_test(const char *id);
