/*
 * cluster_fixture.c - two nodes of a cluster, and a slot that moves from one to the other.
 */
#include "tests/unit/cluster_fixture.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "queue/cluster.h"

enum {
    BUS = 10000, /* a node's other port, above its first */
    PORT_MIN = 20000,
    PORT_MAX = 32000 - BUS, /* both below those the kernel gives to clients */
    ID_SIZE = 64,
};

struct redis_fixture first;
struct redis_fixture second;

static char slot[8];

static bool
is_free(uint16_t port)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons(port)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const bool bound = bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;

    (void)close(fd);
    return bound;
}

static uint16_t
node_port(void)
{
    uint16_t port = 0;

    do {
        port = (uint16_t)(PORT_MIN + random() % (PORT_MAX - PORT_MIN));
    } while (!is_free(port) || !is_free((uint16_t)(port + BUS)));
    return port;
}

static void
wait_for(struct redis_fixture *node, const char *line)
{
    const int64_t end_us = redis_now_us() + 2 * PATIENCE_US;
    struct slice info = {0};

    do {
        assert_true(redis_now_us() < end_us);
        (void)usleep(10 * 1000);
        info = redis_reply_text(REDIS_DO(node, "CLUSTER", "INFO"));
    } while (memmem(info.data, info.size, line, strlen(line)) == NULL);
}

static void
copy_id(struct redis_fixture *node, char id[ID_SIZE])
{
    assert_true(
        slice_to_text(redis_reply_text(REDIS_DO(node, "CLUSTER", "MYID")), id, ID_SIZE));
}

int
cluster_start(void **state)
{
    char port[8];

    (void)state;
    srandom((unsigned)getpid());
    (void)snprintf(slot, sizeof(slot), "%u", cluster_slot(0));
    redis_fixture_start_node(&first, node_port());
    redis_fixture_start_node(&second, node_port());
    (void)REDIS_DO(&first, "CLUSTER", "ADDSLOTSRANGE", "100", "16383");
    (void)REDIS_DO(
        &second, "CLUSTER", "ADDSLOTSRANGE", "0", "99"); /* or it is a replica */
    (void)REDIS_DO(&second, "CLUSTER", "SET-CONFIG-EPOCH", "2");
    (void)snprintf(port, sizeof(port), "%u", first.node_port);
    (void)REDIS_DO(&second, "CLUSTER", "MEET", "127.0.0.1", port);
    wait_for(&first, "cluster_known_nodes:2");
    wait_for(&second, "cluster_slots_ok:16384");
    wait_for(&first, "cluster_state:ok");
    wait_for(&second, "cluster_state:ok");
    return 0;
}

int
cluster_stop(void **state)
{
    (void)state;
    redis_fixture_stop(&first);
    redis_fixture_stop(&second);
    return 0;
}

static void
believe_slot(const char *which, struct redis_fixture *node, struct redis_fixture *owner)
{
    char id[ID_SIZE];

    copy_id(owner, id);
    (void)REDIS_DO(node, "CLUSTER", "SETSLOT", which, "NODE", id);
}

void
believe(struct redis_fixture *node, struct redis_fixture *owner)
{
    believe_slot(slot, node, owner);
}

static void
give_back(struct redis_fixture *node)
{
    (void)REDIS_DO(node, "FLUSHALL");
    (void)REDIS_DO(node, "SCRIPT", "FLUSH");
    (void)REDIS_DO(node, "CLUSTER", "SETSLOT", slot, "STABLE");
    believe(node, &first);
}

static int64_t
epoch_of(struct redis_fixture *node, const char *field)
{
    const struct slice info = redis_reply_text(REDIS_DO(node, "CLUSTER", "INFO"));
    const char *at = memmem(info.data, info.size, field, strlen(field));
    int64_t epoch = -1;

    assert_non_null(at);
    const struct slice rest = {.data = at + strlen(field),
        .size = (size_t)(info.data + info.size - at) - strlen(field)};

    assert_true(slice_to_int64(slice_before(rest, '\r'), &epoch));
    return epoch;
}

/*
 * Nodes tell each other once a second. Who claims a slot without having heard of the other's epoch
 * takes none that is higher: the next word of the other's takes the slot back, and its keys are gone.
 */
static void
hear_epoch(struct redis_fixture *node, struct redis_fixture *of)
{
    const int64_t end_us = redis_now_us() + 2 * PATIENCE_US;
    const int64_t epoch = epoch_of(of, "cluster_my_epoch:");

    while (epoch_of(node, "cluster_current_epoch:") < epoch) {
        assert_true(redis_now_us() < end_us);
        (void)usleep(10 * 1000);
    }
}

int
cluster_set_up(void **state)
{
    (void)state;
    hear_epoch(&first, &second);
    give_back(&second);
    (void)REDIS_DO(
        &first, "CLUSTER", "BUMPEPOCH"); /* of two claims the later one counts */
    give_back(&first);
    memset(units, 0, sizeof(units));
    done_count = 0;
    return 0;
}

int
cluster_tear_down(void **state)
{
    (void)state;
    group_commit_close(&commit);
    return 0;
}

const char *
node_url(const struct redis_fixture *node)
{
    static char url[64];

    (void)snprintf(url, sizeof(url), "cluster://127.0.0.1:%u", node->node_port);
    return url;
}

const char *
cluster_url(const char *options)
{
    static char url[128];

    (void)snprintf(url, sizeof(url), "cluster://127.0.0.1:%u,127.0.0.1:%u%s",
        first.node_port, second.node_port, options);
    return url;
}

struct queue *
open_in_cluster(const char *consumer)
{
    struct queue_options options = default_options(consumer);

    options.url = cluster_url("");
    struct queue *opened = open_queue(&options);

    if (queue_prepare(opened) != QUEUE_OK) {
        fail_msg("%s", queue_error(opened));
    }
    return opened;
}

struct group_commit *
open_cluster_commit(void)
{
    return open_commit(cluster_url(""), 1);
}

/* ---- a move ------------------------------------------------------------------------------- */

void
begin_move(void)
{
    char id[ID_SIZE];

    copy_id(&first, id);
    (void)REDIS_DO(&second, "CLUSTER", "SETSLOT", slot, "IMPORTING", id);
    copy_id(&second, id);
    (void)REDIS_DO(&first, "CLUSTER", "SETSLOT", slot, "MIGRATING", id);
}

void
move_key(const char *key)
{
    char port[8];

    (void)snprintf(port, sizeof(port), "%u", second.node_port);
    (void)REDIS_DO(&first, "MIGRATE", "127.0.0.1", port, key, "0", "5000");
}

void
move_all_keys(void)
{
    for (;;) {
        char key[256];
        const struct slice name = redis_reply_text(
            redis_reply_at(REDIS_DO(&first, "CLUSTER", "GETKEYSINSLOT", slot, "1"), 0));

        if (name.size == 0) {
            return;
        }
        assert_true(slice_to_text(name, key, sizeof(key)));
        move_key(key);
    }
}

void
end_move(void)
{
    hear_epoch(&second, &first);
    believe(&second, &second);
    believe(&first, &second);
}

void
move_slot(void)
{
    begin_move();
    move_all_keys();
    end_move();
}

/* ---- several partitions -------------------------------------------------------------------- */

/* The odd partitions' slots, which must be empty. */
static void
give_odd(struct redis_fixture *from, struct redis_fixture *to)
{
    hear_epoch(to, from);
    (void)REDIS_DO(to, "CLUSTER", "BUMPEPOCH");
    for (unsigned partition = 1; partition < QUEUE_PARTITIONS_CLUSTER; partition += 2) {
        char odd[8];

        (void)snprintf(odd, sizeof(odd), "%u", cluster_slot(partition));
        believe_slot(odd, to, to);
        believe_slot(odd, from, to);
    }
}

int
spread_set_up(void **state)
{
    (void)cluster_set_up(state);
    give_odd(&first, &second);
    return 0;
}

int
spread_tear_down(void **state)
{
    (void)REDIS_DO(&second, "FLUSHALL");
    give_odd(&second, &first);
    return cluster_tear_down(state);
}

struct queue_options
spread_options(const char *consumer)
{
    struct queue_options options = default_options(consumer);

    options.url = cluster_url("");
    options.partitions = QUEUE_PARTITIONS_CLUSTER;
    options.timeout_ms = TIMEOUT_MS;
    return options;
}
