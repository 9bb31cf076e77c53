/*
 * zone_file.c - a time zone by its name.
 */
#include "server/config/zone_file.h"

#include <stdio.h>
#include <string.h>

#include "server/ops/file.h"

enum {
    NAME_MAX_SIZE = 64,
};

static const char directory[] = "/usr/share/zoneinfo";

/* Within the directory, and no file of another kind there. */
static bool
is_name(const char *name)
{
    const size_t size = strlen(name);

    return size > 0 && size <= NAME_MAX_SIZE && name[0] != '/' && name[0] != '.' &&
           strstr(name, "/.") == NULL &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                        "0123456789/_+-.") == size;
}

bool
zone_file_read(const char *name, struct zone *ret_zone)
{
    AUTO(buffer_done) struct buffer bytes = {0};
    char path[sizeof directory + 1 + NAME_MAX_SIZE];

    *ret_zone = (struct zone){0};
    if (strcmp(name, "UTC") == 0) {
        return true;
    }
    if (!is_name(name)) {
        return false;
    }
    (void)snprintf(path, sizeof path, "%s/%s", directory, name); /* fits */
    return file_read(path, ZONE_FILE_MAX, &bytes) == 0 &&
           zone_read(buffer_slice(&bytes), ret_zone);
}
