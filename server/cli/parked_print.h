/*
 * parked_print.h - parked records for a person, or as JSON; one at a time, so that a list of any
 * length needs no memory.
 */
#pragma once

#include "queue/parked.h"

struct parked_print {
    bool json;
    bool is_open; /* JSON: the list has begun */
};

/* 0, or a sysexits code with the error printed. */
int parked_print_record(
    struct parked_print *print, const struct queue_parked *record) MUST_USE;
/* The end of a list. `total` names the count: "listed", "replayed". */
void parked_print_end(struct parked_print *print, const char *total, int64_t count);

/*
 * All of one record of queue_parked_find(), its bytes included: personal data. In text control characters are escaped;
 * in JSON bytes that are no UTF-8 are hexadecimal. 0 or a sysexits code.
 */
int parked_print_whole(bool json, const struct queue_parked *record) MUST_USE;
