/*
 * facts_copy.c - what was told of one subject is told of another: read by scripts/told.lua, page by
 * page, and merged as if somebody told it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue/facts.h"
#include "queue/handle.h"

enum {
    TOLD_KEYS = 2,
    TOLD_ARGUMENTS = 3,
    PAGE_ITEMS = 200,
    PAGES_MAX = FACT_ITEM_FIELDS_MAX / PAGE_ITEMS + 1,
};

/* Names and texts are in `storage`: the answer is gone when they are told. */
struct page {
    struct fact *facts;
    size_t count;
    char *storage;
    int64_t next; /* 0: this was the last one */
};

static void
page_done(struct page *page)
{
    free(page->facts);
    free(page->storage);
    *page = (struct page){0};
}

static struct slice
copy(char **end, struct slice text)
{
    const struct slice kept = {.data = *end, .size = text.size};

    memcpy(*end, text.data, text.size);
    *end += text.size;
    return kept;
}

static int
take_page(const struct redisReply *reply, bool (*is_copied)(const struct fact *fact),
    struct page *page)
{
    const size_t count = redis_reply_count(reply);
    size_t size = 1;

    for (size_t i = 1; i < count; i++) {
        size += redis_reply_text(redis_reply_at(reply, i)).size;
    }
    page->storage = malloc(size);
    page->facts = calloc(count / 2 + 1, sizeof *page->facts);
    if (page->storage == NULL || page->facts == NULL) {
        page_done(page);
        return -ENOMEM;
    }
    char *end = page->storage;

    for (size_t i = 1; i + 1 < count; i += 2) {
        struct fact fact = {.name = redis_reply_text(redis_reply_at(reply, i))};

        if (queue_fact_split(redis_reply_text(redis_reply_at(reply, i + 1)), &fact) &&
            fact_is_kept(&fact) && is_copied(&fact)) {
            fact.name = copy(&end, fact.name);
            fact.text = copy(&end, fact.text);
            page->facts[page->count++] = fact;
        }
    }
    if (!slice_to_int64(redis_reply_text(redis_reply_at(reply, 0)), &page->next)) {
        page->next = 0;
    }
    return QUEUE_OK;
}

static int
read_page(struct queue *queue, struct slice from, int64_t first,
    bool (*is_copied)(const struct fact *fact), struct page *page)
{
    struct redis_exchange *exchange = &queue->exchange;
    const unsigned partition = queue_partition(from, queue->session.partitions);

    redis_exchange_clear(exchange);
    session_command(exchange, SCRIPT_TOLD, TOLD_KEYS, TOLD_ARGUMENTS);
    session_argument_key(exchange, partition, "f:", from);
    session_argument_key(exchange, partition, "i:", from);
    redis_argument_number(exchange, first);
    redis_argument_number(exchange, PAGE_ITEMS);
    redis_argument_number(exchange, FACT_NAME_SIZE - 1);
    const int r = handle_call(queue);

    return r == QUEUE_OK ? take_page(exchange->replies[0], is_copied, page) : r;
}

int
queue_facts_copy(struct queue *queue, struct slice from, struct slice to,
    bool (*is_copied)(const struct fact *fact), int64_t life_ms)
{
    int64_t next = 1;
    int r = QUEUE_OK;

    for (int i = 0; i < PAGES_MAX && next > 0 && r == QUEUE_OK; i++) {
        struct page page = {0};

        r = read_page(queue, from, next, is_copied, &page);
        if (r == QUEUE_OK && page.count > 0) {
            struct queue_facts item = {.subject = to,
                .facts = page.facts,
                .count = page.count,
                .life_ms = life_ms};

            r = queue_facts_merge(queue, &item, 1);
            queue_facts_done(&item, 1);
        }
        next = page.next;
        page_done(&page);
    }
    return r;
}
