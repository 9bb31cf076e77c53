/*
 * facts.c - facts of a subject, merged by scripts/facts.lua.
 */
#include "queue/facts.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "queue/handle.h"

enum {
    FACTS_KEYS = 2,
    FACTS_ARGUMENTS = 3,
    FACT_ARGUMENTS = 3,
};

static size_t
count_kept(const struct queue_facts *item)
{
    size_t count = 0;

    for (size_t i = 0; i < item->count; i++) {
        count += fact_is_kept(&item->facts[i]) ? 1 : 0;
    }
    return count;
}

static void
write_item(struct queue *queue, const struct queue_facts *item)
{
    struct redis_exchange *exchange = &queue->exchange;
    const unsigned partition = queue_partition(item->subject, queue->session.partitions);

    session_command(exchange, SCRIPT_FACTS, FACTS_KEYS,
        FACTS_ARGUMENTS + FACT_ARGUMENTS * count_kept(item));
    session_argument_key(exchange, partition, "f:", item->subject);
    session_argument_key(exchange, partition, "i:", item->subject);
    redis_argument_number(exchange, item->life_ms > 0 ? item->life_ms : queue->facts_ms);
    redis_argument_number(exchange, FACTS_MAX);
    redis_argument_number(exchange, FACT_ITEM_FIELDS_MAX);
    for (size_t i = 0; i < item->count; i++) {
        const struct fact *fact = &item->facts[i];

        if (fact_is_kept(fact)) {
            redis_argument(exchange, fact->name);
            redis_argument_number(exchange, fact->rank);
            redis_argument(exchange, fact->text);
        }
    }
}

/* ---- the answer ---------------------------------------------------------------------------- */

bool
queue_fact_split(struct slice value, struct fact *fact)
{
    const struct slice rank = slice_before(value, ' ');

    fact->text = slice_skip(value, rank.size < value.size ? rank.size + 1 : rank.size);
    return slice_to_int64(rank, &fact->rank);
}

static size_t
storage_size(const struct redisReply *reply)
{
    size_t size = 1;

    for (size_t i = 0; i < redis_reply_count(reply); i++) {
        size += redis_reply_text(redis_reply_at(reply, i)).size;
    }
    return size;
}

static int
read_item(struct queue_facts *item, const struct redisReply *reply)
{
    struct facts *all = &item->all;
    char *end = malloc(storage_size(reply));

    if (end == NULL) {
        return -ENOMEM;
    }
    *all = (struct facts){.storage = end};
    for (size_t i = 0; i + 1 < redis_reply_count(reply) && all->count < FACTS_MAX;
         i += 2) {
        struct fact fact = {0};

        if (queue_fact_split(redis_reply_text(redis_reply_at(reply, i + 1)), &fact)) {
            fact.name = slice_append(&end, redis_reply_text(redis_reply_at(reply, i)));
            fact.text = slice_append(&end, fact.text);
            all->items[all->count++] = fact;
        }
    }
    return QUEUE_OK;
}

int
queue_facts_merge(struct queue *queue, struct queue_facts *items, size_t count)
{
    assert(count <= QUEUE_FACTS_SUBJECTS_MAX);
    redis_exchange_clear(&queue->exchange);
    for (size_t i = 0; i < count; i++) {
        items[i].all = (struct facts){0};
        write_item(queue, &items[i]);
    }
    int r = handle_call(queue);

    for (size_t i = 0; i < count && r == QUEUE_OK; i++) {
        r = read_item(&items[i], queue->exchange.replies[i]);
    }
    if (r != QUEUE_OK) {
        queue_facts_done(items, count);
    }
    return r;
}

void
queue_facts_done(struct queue_facts *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(items[i].all.storage);
        items[i].all = (struct facts){0};
    }
}
