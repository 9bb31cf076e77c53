/*
 * fuzz_http.c - whatever bytes a connection carries, the server survives them, says nothing but
 * HTTP, and serves no more requests than a strict reader finds in them.
 *
 * The first byte says in how small pieces the rest is sent, and whether answers come later.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/net/http.h"
#include "tests/fuzz/fuzz.h"

enum {
    BODY_MAX = 4096,
    ANSWERS_SIZE = 1 << 20,
    TURNS_MAX = 100000,
    REQUESTS_MAX = 4096,
    LOOKS_MAX = 3,
    ERROR_SIZE = 200,
    PIECES_MASK = 0x7f, /* of the first byte: 0 is all at once */
    LATER_MASK = 0x80,
};

static struct http_server *server;
static char socket_path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

/* One input's connection. */
static struct run {
    int fd;
    bool reply_later;
    struct http_request *waiting;
    size_t handled;
    bool is_head[REQUESTS_MAX]; /* of those handled */
    bool ended;
    char answers[ANSWERS_SIZE];
    size_t size;
} run;

/* ---- the server --------------------------------------------------------------------------- */

static void
reply(struct http_request *request)
{
    const struct http_header header = {"Content-Type", "text/plain"};

    http_reply(request, 200, &header, 1, slice_of("served\n"));
}

static void
handle(void *context, struct http_request *request)
{
    const struct slice target = http_target(request);
    size_t size = 0;
    const char *body = http_body(request, &size);

    (void)context;
    fuzz_check(slice_starts(target, "/"), "a target is a path");
    fuzz_check(memchr(target.data, ' ', target.size) == NULL, "a target has no blanks");
    fuzz_check(http_header_count(request, "Host") <= 1, "one host");
    fuzz_check(http_header_count(request, "Content-Length") <= 1, "one length");
    fuzz_check(size <= BODY_MAX && (size == 0 || body[size] == '\0'), "a bounded body");
    fuzz_check(run.waiting == NULL, "one request at a time");
    if (run.handled < REQUESTS_MAX) {
        run.is_head[run.handled] = slice_is(http_method(request), "HEAD");
    }
    run.handled++;
    if (run.reply_later) {
        run.waiting = request;
    } else {
        reply(request);
    }
}

static void
stop_server(void)
{
    http_server_close(&server);
}

static void
start_server(void)
{
    static char listen[sizeof(socket_path) + 8];
    const struct http_server_options options = {
        .listen = listen, .body_max = BODY_MAX, .handler = handle};
    char error[ERROR_SIZE] = "";

    (void)snprintf(
        socket_path, sizeof(socket_path), "/tmp/flexbrevo-fuzz-%d", (int)getpid());
    (void)snprintf(listen, sizeof(listen), "unix:%s", socket_path);
    fuzz_check(http_server_open(&options, &server, error) == 0, error);
    (void)atexit(stop_server);
}

/* ---- the client --------------------------------------------------------------------------- */

static void
receive(void)
{
    const size_t room = sizeof(run.answers) - run.size;
    const ssize_t size = recv(run.fd, run.answers + run.size, room, MSG_DONTWAIT);

    fuzz_check(room > 0, "bounded answers");
    if (size > 0) {
        run.size += (size_t)size;
    } else if (size == 0 || errno != EAGAIN) {
        run.ended = true;
    }
}

/* Until neither side has anything to do. */
static void
turn_until_quiet(void)
{
    for (int turns = 0; turns < TURNS_MAX; turns++) {
        struct pollfd fds[] = {
            {.fd = http_server_fd(server), .events = POLLIN},
            {.fd = run.ended ? -1 : run.fd, .events = POLLIN},
        };
        const bool is_due = http_server_timeout_ms(server) == 0;

        if (poll(fds, LENGTH(fds), 0) == 0 && !is_due && run.waiting == NULL) {
            return;
        }
        http_server_run(server);
        receive();
        if (run.waiting != NULL) {
            struct http_request *request = run.waiting;

            run.waiting = NULL;
            reply(request);
        }
    }
    fuzz_check(false, "it ends");
}

/* Mostly at once; now and then it takes the server's next look for who has left. */
static void
turn_until_gone(void)
{
    turn_until_quiet();
    for (int i = 0; i < LOOKS_MAX && http_server_active(server) > 0; i++) {
        struct pollfd fd = {.fd = http_server_fd(server), .events = POLLIN};

        (void)poll(&fd, 1, MAX(http_server_timeout_ms(server), 0));
        turn_until_quiet();
    }
}

static void
send_pieces(const char *data, size_t size, size_t piece)
{
    while (size > 0 && !run.ended) {
        const ssize_t sent =
            send(run.fd, data, size < piece ? size : piece, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent > 0) {
            data += sent;
            size -= (size_t)sent;
        } else if (errno != EAGAIN) {
            break; /* hung up on */
        }
        turn_until_quiet();
    }
    turn_until_quiet();
}

static void
open_run(bool reply_later)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    run.fd = socket(AF_UNIX, SOCK_STREAM, 0);
    run.reply_later = reply_later;
    run.handled = 0;
    run.ended = false;
    run.size = 0;
    memcpy(address.sun_path, socket_path, sizeof(socket_path));
    fuzz_check(
        connect(run.fd, (struct sockaddr *)&address, sizeof(address)) == 0, "connected");
}

/* ---- a strict reader ----------------------------------------------------------------------- */

/* Takes the line off; one that CR LF does not end, or with a control in it, is none. */
static bool
take_line(struct slice *text, struct slice *ret_line)
{
    for (size_t i = 0; i + 1 < text->size; i++) {
        const unsigned char c = (unsigned char)text->data[i];

        if (c == '\r' && text->data[i + 1] == '\n') {
            *ret_line = (struct slice){text->data, i};
            *text = slice_skip(*text, i + 2);
            return true;
        }
        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return false;
}

/* The library skips them before a request, as RFC 9112 asks for. */
static void
skip_empty_lines(struct slice *text)
{
    while (slice_starts(*text, "\r\n") || slice_starts(*text, "\n")) {
        *text = slice_skip(*text, text->data[0] == '\r' ? 2 : 1);
    }
}

struct lengths {
    size_t lengths;
    size_t encodings;
    size_t hosts;
    int64_t size;
};

static bool
read_header(struct slice line, struct lengths *lengths)
{
    const struct slice name = slice_before(line, ':');
    const struct slice value =
        slice_trim(slice_skip(line, name.size + (name.size < line.size)));

    if (name.size == 0 || name.size == line.size) {
        return false;
    }
    lengths->hosts += slice_is_nocase(name, "Host");
    lengths->encodings += slice_is_nocase(name, "Transfer-Encoding");
    if (slice_is_nocase(name, "Content-Length")) {
        lengths->lengths++;
        return slice_to_int64(value, &lengths->size) && lengths->size >= 0;
    }
    return true;
}

static bool
read_request_line(struct slice line)
{
    const struct slice method = slice_before(line, ' ');
    const struct slice rest =
        slice_skip(line, method.size < line.size ? method.size + 1 : 0);
    const struct slice target = slice_before(rest, ' ');
    const struct slice version =
        slice_skip(rest, target.size < rest.size ? target.size + 1 : 0);

    return slice_starts(target, "/") &&
           (slice_is(version, "HTTP/1.0") || slice_is(version, "HTTP/1.1"));
}

/*
 * How many requests there are up to the first that is malformed, or in chunks: that is the last.
 * NULs and headers without a name are overwritten like line ends before the server sees them
 * (http_head.h): there this reader says nothing.
 */
static size_t
count_requests(struct slice text)
{
    if (text.size > 0 && (memchr(text.data, '\0', text.size) != NULL ||
                             memmem(text.data, text.size, "\n:", 2) != NULL)) {
        return SIZE_MAX;
    }
    for (size_t count = 0;; count++) {
        struct lengths lengths = {0};
        struct slice line = {0};

        skip_empty_lines(&text);
        if (!take_line(&text, &line) || !read_request_line(line)) {
            return count;
        }
        while (take_line(&text, &line) && line.size > 0) {
            if (!read_header(line, &lengths)) {
                return count;
            }
        }
        if (line.data == NULL || line.size > 0 || lengths.hosts > 1 ||
            lengths.lengths + lengths.encodings > 1) {
            return count;
        }
        if (lengths.encodings > 0 || (uint64_t)lengths.size > text.size) {
            return count + 1; /* a body too long is answered, or waited for */
        }
        text = slice_skip(text, (size_t)lengths.size);
    }
}

/* ---- what came back ------------------------------------------------------------------------ */

/* One answer's head off the text; its status and what it announces. */
static unsigned
take_head(struct slice *text, int64_t *ret_size)
{
    struct slice line = {0};
    int64_t status = 0;

    fuzz_check(take_line(text, &line) && slice_starts(line, "HTTP/1.1 ") &&
                   line.size >= 12 &&
                   slice_to_int64((struct slice){line.data + 9, 3}, &status),
        "a status line");
    *ret_size = 0;
    while (take_line(text, &line) && line.size > 0) {
        struct lengths lengths = {0};

        fuzz_check(read_header(line, &lengths), "a header");
        *ret_size = lengths.lengths > 0 ? lengths.size : *ret_size;
    }
    fuzz_check(line.size == 0, "an empty line");
    return (unsigned)status;
}

static void
check_answers(struct slice text)
{
    size_t served = 0;

    while (text.size > 0) {
        int64_t size = 0;
        const unsigned status = take_head(&text, &size);

        if (status == 100) {
            continue;
        }
        if (status != 200) {
            fuzz_check(status >= 400 && run.ended, "refused for good");
            fuzz_check(memmem(text.data, text.size, "served", 6) == NULL, "the last");
            break;
        }
        fuzz_check(served < run.handled, "an answer to a request");
        if (served >= REQUESTS_MAX || !run.is_head[served]) {
            fuzz_check((uint64_t)size <= text.size, "a whole body");
            text = slice_skip(text, (size_t)size);
        }
        served++;
    }
    fuzz_check(served == run.handled || run.ended, "an answer to each request");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    if (server == NULL) {
        start_server();
    }
    const struct slice input = {(const char *)data + 1, size - 1};
    const size_t piece = data[0] & PIECES_MASK;

    open_run((data[0] & LATER_MASK) != 0);
    send_pieces(input.data, input.size, piece > 0 ? piece : SIZE_MAX);
    fuzz_check(
        run.handled <= count_requests(input), "no more than a strict reader finds");
    check_answers((struct slice){run.answers, run.size});
    (void)close(run.fd);
    run.ended = true;
    turn_until_gone();
    fuzz_check(http_server_active(server) == 0, "nothing is left of it");
    return 0;
}
