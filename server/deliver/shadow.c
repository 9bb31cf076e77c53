/*
 * shadow.c - one line of JSON for each delivery that is not made.
 */
#include "server/deliver/shadow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mapping/overwrite.h"
#include "mapping/timestamp.h"
#include "server/deliver/contact_assumed.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"

enum {
    RETRY_MS = 2 * 1000,
    FILE_MODE = 0600,
};

void
shadow_init(struct shadow *shadow, const struct config *config)
{
    *shadow = (struct shadow){.config = config};
    if (config_is_shadow(config)) {
        log_warn("shadow",
            "path=\"%s/" SHADOW_FILE "\" do=\"nothing is sent to Brevo, what would be is "
            "written there; brevo.mode: live sends\"",
            config->state_dir);
    }
}

/* ---- the line ----------------------------------------------------------------------------- */

/* Borrows `body`, NULL for none. */
static bool
add_request(
    json_t *requests, const struct job *job, enum brevo_endpoint endpoint, json_t *body)
{
    AUTO(buffer_done) struct buffer path = {.max = BREVO_URL_SIZE_MAX};

    brevo_url(&path, "", endpoint, job->identifier.type, job->identifier.value);
    return !path.failed &&
           json_array_append_new(requests,
               json_pack("{s:s, s:s, s:O*}", "method", brevo_endpoint_method(endpoint),
                   "path", path.data, "body", body)) == 0;
}

static bool
add_contact(json_t *requests, const struct job *job, const struct rules *rules)
{
    return add_request(requests, job, BREVO_CONTACT_UPSERT, job->contact) &&
           json_object_update_new(json_array_get(requests, json_array_size(requests) - 1),
               json_pack("{s:o*}", "overwrites",
                   overwrite_to_json(&job->reading.event, rules))) == 0;
}

static json_t *
list_requests(const struct job *job, const struct rules *rules, bool is_asked)
{
    json_t *requests = json_array();

    if (!add_request(requests, job, BREVO_CONTACT_LOOKUP, NULL) ||
        (is_asked && !add_contact(requests, job, rules)) ||
        (job->mute == NULL && !add_request(requests, job, BREVO_EVENT, job->event))) {
        json_decref(requests);
        return NULL;
    }
    return requests;
}

/* With its line end. NULL when memory is out; the caller frees it. */
static char *
write_line(
    const struct job *job, const struct config *config, bool is_asked, size_t *ret_size)
{
    char now[TIMESTAMP_TEXT_SIZE];

    timestamp_format(clock_unix_ms(), now);
    json_t *told = json_pack("{s:s, s:s, s:s, s:s, s:o}", "recorded", now, "record",
        job->record->key, "event", job_event_name(job, config), "assumed",
        contact_assumed(config), "requests",
        list_requests(job, &config->rules, is_asked));
    const size_t size = json_dumpb(told, NULL, 0, REQUEST_DUMP);
    char *line = size > 0 ? malloc(size + 1) : NULL;

    if (line != NULL && json_dumpb(told, line, size, REQUEST_DUMP) == size) {
        line[size] = '\n';
        *ret_size = size + 1;
    } else {
        free(line);
        line = NULL;
    }
    json_decref(told);
    return line;
}

/* ---- the file ----------------------------------------------------------------------------- */

static bool
write_path(const char *directory, const char *suffix, char path[SHADOW_PATH_SIZE])
{
    return snprintf(path, SHADOW_PATH_SIZE, "%s/" SHADOW_FILE "%s", directory, suffix) <
           SHADOW_PATH_SIZE;
}

/* Whether it is still the file of that name: another worker may have put it aside. */
static bool
is_current(int fd, const char *path)
{
    struct stat ours;
    struct stat named;

    return fstat(fd, &ours) == 0 && stat(path, &named) == 0 &&
           ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
}

/* All of the line or nothing of it. 0 or -errno. */
static int
append(int fd, const char *line, size_t size)
{
    const off_t end = lseek(fd, 0, SEEK_END);
    const ssize_t written = write(fd, line, size);

    if (written == (ssize_t)size) {
        return 0;
    }
    const int error = written < 0 ? errno : ENOSPC;

    return end >= 0 && ftruncate(fd, end) == 0 ? -error : -EIO;
}

static int
put_aside_if_full(int fd, const char *path, const char *old_path)
{
    struct stat status;

    if (fstat(fd, &status) != 0) {
        return -errno;
    }
    return status.st_size < SHADOW_FILE_MAX || rename(path, old_path) == 0 ? 0 : -errno;
}

/* Under the file's lock, which is not waited for: its holder may be stopped. 0 or -errno. */
static int
keep_line(const char *directory, const char *line, size_t size)
{
    char path[SHADOW_PATH_SIZE];
    char old_path[SHADOW_PATH_SIZE];

    if (!write_path(directory, "", path) || !write_path(directory, ".old", old_path)) {
        return -ENAMETOOLONG;
    }
    const int fd =
        open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);

    if (fd < 0) {
        return -errno;
    }
    int r = flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno;

    if (r == 0) {
        r = is_current(fd, path) ? append(fd, line, size) : -EWOULDBLOCK;
    }
    if (r == 0) {
        (void)put_aside_if_full(
            fd, path, old_path); /* else it grows, and is tried again */
    }
    (void)close(fd);
    return r;
}

/* ---- the job ------------------------------------------------------------------------------ */

static void
wait_for_the_file(struct shadow *shadow, struct job *job, int error)
{
    if (error != EWOULDBLOCK && !shadow->is_failing) {
        log_error("shadow_unwritten",
            "path=\"%s/" SHADOW_FILE "\" error=\"%s\" do=\"make room, or give it to the "
            "worker's user: events wait meanwhile\"",
            shadow->config->state_dir, strerror(error));
        shadow->is_failing = true;
    }
    job_delay(job, "shadow_unwritten", RETRY_MS);
}

void
shadow_keep(struct shadow *shadow, struct job *job)
{
    const struct config *config = shadow->config;
    bool is_asked = false;
    const bool is_complete = contact_assumed_say(config, &job->reading.event,
        job->contact, job->mute == NULL ? job->event : NULL, &is_asked);
    size_t size = 0;
    char *line = is_complete ? write_line(job, config, is_asked, &size) : NULL;

    if (line == NULL) {
        job_lack_memory(job);
        return;
    }
    const int r = keep_line(config->state_dir, line, size);

    free(line);
    if (r != 0) {
        wait_for_the_file(shadow, job, -r);
        return;
    }
    shadow->is_failing = false;
    job->settlement.completes_effect = true;
    job_filter(job, JOB_REASON_SHADOW);
}
