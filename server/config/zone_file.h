/*
 * zone_file.h - a time zone by its name, "Europe/Madrid", as the system's data have it.
 */
#pragma once

#include "mapping/zone.h"

/* False when there is none of this name, or its file cannot be read. "UTC" needs no file. */
bool zone_file_read(const char *name, struct zone *ret_zone) MUST_USE;
