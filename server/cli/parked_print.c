/*
 * parked_print.c - parked records for a person, or as JSON.
 *
 * Keys and bytes came from outside: what a terminal would obey is escaped.
 */
#include "server/cli/parked_print.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <sysexits.h>

#include "mapping/timestamp.h"
#include "server/cli/cli.h"
#include "server/cli/cli_text.h"

enum {
    REASON_WIDTH = 24,
};

/* ---- text -------------------------------------------------------------------------------- */

static void
print_routes(const struct queue_parked *record)
{
    for (size_t i = 0; i < record->route_count; i++) {
        (void)fputs(i > 0 ? "," : "", stdout);
        cli_print_text(record->routes[i], 0);
    }
}

/* time, reason, attempts, key, routes, what went wrong */
static void
print_line(const struct queue_parked *record)
{
    char since[TIMESTAMP_TEXT_SIZE];

    timestamp_format(record->parked_ms, since);
    (void)printf("%s  ", since);
    cli_print_text(record->reason, REASON_WIDTH);
    (void)printf(" %3" PRId64 "  ", record->attempts);
    cli_print_text(record->key, 0);
    (void)fputs("  ", stdout);
    print_routes(record);
    if (record->detail.size > 0) {
        (void)fputs("  ", stdout);
        cli_print_text(record->detail, 0);
    }
    (void)fputc('\n', stdout);
}

static void
print_field(const char *name, struct slice value)
{
    (void)printf("%-11s ", name);
    cli_print_text(value, 0);
    (void)fputc('\n', stdout);
}

static void
print_whole_text(const struct queue_parked *record)
{
    char time[TIMESTAMP_TEXT_SIZE];

    print_field("key", record->key);
    print_field("reason", record->reason);
    timestamp_format(record->parked_ms, time);
    print_field("since", slice_of(time));
    timestamp_format(record->received_ms, time);
    print_field("received", slice_of(time));
    (void)printf("%-11s %" PRId64 "\n", "attempts", record->attempts);
    print_field("last error", record->detail);
    for (size_t i = 0; i < record->route_count; i++) {
        (void)fputs("\nroute ", stdout);
        cli_print_text(record->routes[i], 0);
        (void)printf(", %zu bytes (personal data)\n", record->bytes[i].size);
        cli_print_text(record->bytes[i], 0);
        (void)fputc('\n', stdout);
    }
}

/* ---- JSON -------------------------------------------------------------------------------- */

/* null: nothing there, or no text at all. */
static json_t *
text_or_null(struct slice text)
{
    json_t *value = text.size > 0 ? json_stringn(text.data, text.size) : NULL;

    return value != NULL ? value : json_null();
}

/* By route. Takes over the value; false when memory is out. */
static bool
set_route(json_t *object, struct slice route, json_t *value)
{
    char name[QUEUE_TEXT_MAX];

    if (!slice_to_text(route, name, sizeof(name))) {
        name[0] = '\0'; /* not ours */
    }
    return json_object_set_new(object, name, value) == 0;
}

/* {"taskrouter": 812} */
static json_t *
sizes_of(const struct queue_parked *record)
{
    json_t *sizes = json_object();

    for (size_t i = 0; i < record->route_count; i++) {
        if (!set_route(
                sizes, record->routes[i], json_integer((json_int_t)record->sizes[i]))) {
            json_decref(sizes);
            return NULL;
        }
    }
    return sizes;
}

static json_t *
describe(const struct queue_parked *record)
{
    char since[TIMESTAMP_TEXT_SIZE];
    char received[TIMESTAMP_TEXT_SIZE];

    timestamp_format(record->parked_ms, since);
    timestamp_format(record->received_ms, received);
    return json_pack("{s:o, s:o, s:s, s:s, s:I, s:o, s:o}", "key",
        text_or_null(record->key), "reason", text_or_null(record->reason), "since", since,
        "received", received, "attempts", (json_int_t)record->attempts, "last_error",
        text_or_null(record->detail), "routes", sizes_of(record));
}

static json_t *
describe_bytes(struct slice bytes)
{
    json_t *text =
        bytes.size > 0 ? json_stringn(bytes.data, bytes.size) : json_string("");

    if (text != NULL) {
        return json_pack("{s:o}", "text", text);
    }
    AUTO(buffer_done) struct buffer hex = {.max = 2 * (size_t)CLI_FILE_MAX};

    for (size_t i = 0; i < bytes.size && bytes.data != NULL; i++) {
        buffer_addf(&hex, "%02x", (unsigned)(unsigned char)bytes.data[i]);
    }
    return hex.failed ? NULL : json_pack("{s:s}", "hex", hex.data);
}

static json_t *
describe_whole(const struct queue_parked *record)
{
    json_t *whole = describe(record);
    json_t *bytes = json_object();
    bool made = true;

    for (size_t i = 0; i < record->route_count; i++) {
        made =
            set_route(bytes, record->routes[i], describe_bytes(record->bytes[i])) && made;
    }
    if (json_object_set_new(whole, "bytes", bytes) != 0 || !made) {
        json_decref(whole);
        return NULL;
    }
    return whole;
}

/* ---- both -------------------------------------------------------------------------------- */

int
parked_print_record(struct parked_print *print, const struct queue_parked *record)
{
    if (!print->json) {
        print_line(record);
        return 0;
    }
    json_t *value = describe(record);

    if (value == NULL) {
        return cli_out_of_memory();
    }
    (void)fputs(print->is_open ? ",\n    " : "{\n  \"records\": [\n    ", stdout);
    print->is_open = true;
    const int r = json_dumpf(value, stdout, JSON_COMPACT);

    json_decref(value);
    if (r != 0) {
        cli_error("cannot write: standard output");
        return EX_IOERR;
    }
    return 0;
}

void
parked_print_end(struct parked_print *print, const char *total, int64_t count)
{
    if (!print->json) {
        (void)printf("%" PRId64 " %s\n", count, total);
        return;
    }
    (void)fputs(print->is_open ? "\n  ],\n" : "{\n  \"records\": [],\n", stdout);
    (void)printf("  \"count\": %" PRId64 ",\n  \"result\": \"%s\"\n}\n", count, total);
}

int
parked_print_whole(bool json, const struct queue_parked *record)
{
    if (json) {
        return cli_print_json(describe_whole(record), stdout);
    }
    print_whole_text(record);
    return 0;
}
