/*
 * config_fixture.h - a directory, an environment and a file for each test of the configuration.
 */
#pragma once

#include "server/config/config.h"
#include "tests/unit/unit.h"

#define ACCOUNT "AC0123456789abcdef0123456789abcdef"
#define FILE_NAME "c.yaml" /* tests run inside a directory of their own */
#define FLEX "connectors:\n  twilio_flex:\n"

/* A test that starts with everything `run` needs in the environment, and nothing else. */
#define CONFIG_TEST(name) cmocka_unit_test_setup(name, set_environment)

struct refusal {
    const char *text; /* of the file */
    const char *expected;
};

extern const char
    complete_file[]; /* every key, none at its default; needs ${FILE_TOKEN} */

int enter_directory(void **state);
int leave_directory(void **state);
int set_environment(void **state);
void set_variable(const char *name, const char *value);
void write_file(const char *name, const char *text, size_t size);

/* Loads, or fails the test. `text` NULL: without a file. config_done() the result. */
struct config load_for(enum config_command command, const char *text);
struct config load(const char *text); /* for `run` */
/* Loading `text` fails with exactly this error. */
void expect_refusal(enum config_command command, const char *text, const char *expected);
void expect_refusals(const struct refusal *refusals, size_t count); /* for `run` */
