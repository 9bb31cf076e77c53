/*
 * upload.c - the body of one request while it arrives, in bounded memory.
 */
#include "server/net/upload.h"

#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

static void
drop(struct upload *upload)
{
    upload->budget->total -= upload->capacity;
    free(upload->data);
    upload->data = NULL;
    upload->size = 0;
    upload->capacity = 0;
}

static size_t
capacity_for(const struct upload *upload, size_t size)
{
    const size_t limit = MIN(upload->expected, upload->budget->body_max);
    size_t capacity = MAX(upload->capacity, (size_t)UPLOAD_FAIR_SHARE);

    if (size <= upload->capacity) {
        return upload->capacity;
    }
    while (capacity < size) {
        capacity *= 2;
    }
    return MIN(capacity, limit);
}

static bool
is_affordable(const struct upload *upload, size_t capacity)
{
    const struct upload_budget *budget = upload->budget;

    return capacity - upload->capacity <= budget->total_max - budget->total;
}

static bool
reserve(struct upload *upload, size_t size)
{
    const size_t capacity = capacity_for(upload, size);

    if (capacity == upload->capacity) {
        return true;
    }
    if (!is_affordable(upload, capacity)) {
        return false;
    }
    char *data = realloc(upload->data, capacity + 1);

    if (data == NULL) {
        return false;
    }
    upload->budget->total += capacity - upload->capacity;
    upload->data = data;
    upload->capacity = capacity;
    return true;
}

void
upload_begin(struct upload *upload, struct upload_budget *budget, size_t expected)
{
    *upload = (struct upload){
        .budget = budget,
        .expected = expected,
        .too_large = expected != SIZE_MAX && expected > budget->body_max,
    };
}

bool
upload_has_room(const struct upload *upload, size_t size)
{
    if (upload->too_large || upload->no_room ||
        upload->received + size > upload->budget->body_max) {
        return true; /* it will not be kept */
    }
    return is_affordable(upload, capacity_for(upload, upload->size + size));
}

void
upload_add(struct upload *upload, const char *data, size_t size)
{
    upload->received += size;
    if (upload->received > upload->budget->body_max) {
        upload->too_large = true;
    }
    if (!upload->too_large && !upload->no_room && !reserve(upload, upload->size + size)) {
        upload->no_room = true;
    }
    if (upload->too_large || upload->no_room) {
        drop(upload);
        return;
    }
    memcpy(upload->data + upload->size, data, size);
    upload->size += size;
    upload->data[upload->size] = '\0';
}

void
upload_give_up(struct upload *upload)
{
    upload->no_room = true;
    drop(upload);
}

bool
upload_is_endless(const struct upload *upload)
{
    const size_t limit = upload->budget->body_max * UPLOAD_READ_AWAY_FACTOR;

    return upload->received > limit ||
           (upload->expected != SIZE_MAX && upload->expected > limit);
}

void
upload_done(struct upload *upload)
{
    if (upload->budget != NULL) {
        drop(upload);
    }
    *upload = (struct upload){0};
}
