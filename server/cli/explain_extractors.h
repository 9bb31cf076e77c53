/*
 * explain_extractors.h - why an extractor of `csat.extractors` applies, or why not.
 */
#pragma once

#include <jansson.h>

#include "mapping/base.h"
#include "mapping/rules.h"

/* Adds `extractors` to what is said of a task's record, or of an answer. False: memory is out. */
bool explain_extractors(
    const json_t *payload, const struct rules *rules, json_t *record) MUST_USE;
