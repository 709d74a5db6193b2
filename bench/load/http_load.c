/* HTTP/1.1 load over keep-alive connections, each with one request under way at most.
 *
 *     http_load PORT CONNECTIONS
 *
 * In C and on epoll, so that it takes a tenth of the CPU of what it measures: they share a machine.
 * It connects, says "ready", and then does what each line of its standard input says, seven words
 * divided by tabs:
 *
 *     run  REQUESTS  ANSWERS  LATENCIES  SECONDS  REPEAT  EXPECTED
 *
 * REQUESTS is a file of requests, each with its length before it (32 bits, this machine's order).
 * They are sent in turn, for so many SECONDS, from the start again if REPEAT is 1. Every answer must
 * have the status 200. EXPECTED is a file with the body that each must have; without it ("-") each
 * answer is written to ANSWERS: which request it is of, its length (32 bits each) and its body.
 * LATENCIES gets the nanoseconds of each request, 64 bits. The answer to a line is
 *
 *     done  REQUESTS  AS_EXPECTED  SECONDS  CPU_SECONDS_OF_THIS_PROGRAM
 *
 * or "failed" and the reason, after which it ends.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_MAX = 256, ROOM_AT_FIRST = 1 << 16, HANGING_MS_MAX = 30000 };

struct bytes { char *at; size_t length; };

struct connection {
    int socket;
    char *received;
    size_t length, room, body_at, ends_at; /* ends_at is 0 until the head is read. */
    uint32_t request;
    int is_busy;
    double asked_at;
};

struct run {
    struct bytes requests, expected;
    size_t cursor; /* Where in the requests the next one begins. */
    uint32_t next; /* Its number. */
    int repeats;
    double ends_at;
    FILE *answers, *latencies;
    uint64_t done, good;
    int busy;
};

static void fail(const char *format, ...) {
    va_list words;
    va_start(words, format);
    printf("failed\t");
    vprintf(format, words);
    printf("\n");
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static struct bytes whole_file(const char *name) {
    FILE *file = fopen(name, "rb");
    if (!file) fail("cannot read %s", name);
    fseek(file, 0, SEEK_END);
    struct bytes bytes = {NULL, (size_t)ftell(file)};
    rewind(file);
    bytes.at = malloc(bytes.length + 1);
    if (!bytes.at || fread(bytes.at, 1, bytes.length, file) != bytes.length) fail("%s is cut", name);
    fclose(file);
    return bytes;
}

static int connected(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int socket_ = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    if (socket_ < 0 || connect(socket_, (struct sockaddr *)&address, sizeof address))
        fail("cannot connect: %s", strerror(errno));
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return socket_;
}

static void watch(int poll, struct connection *c, int port) {
    struct epoll_event readable = {.events = EPOLLIN, .data.ptr = c};
    c->socket = connected(port);
    epoll_ctl(poll, EPOLL_CTL_ADD, c->socket, &readable);
}

/* Connect again where the server has hung up on an idle connection. */
static void freshen(int poll, struct connection *c, int port) {
    char nothing;
    if (recv(c->socket, &nothing, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN) return;
    close(c->socket);
    watch(poll, c, port);
}

/* Send the next request, if there is time for one. */
static void ask(struct run *run, struct connection *c) {
    if (run->repeats && run->cursor == run->requests.length) run->cursor = run->next = 0;
    if (run->cursor == run->requests.length || now() >= run->ends_at) return;
    uint32_t length;
    memcpy(&length, run->requests.at + run->cursor, sizeof length);
    const char *request = run->requests.at + run->cursor + sizeof length;
    run->cursor += sizeof length + length;
    c->request = run->next++;
    c->length = c->body_at = c->ends_at = 0;
    c->asked_at = now();
    if (send(c->socket, request, length, MSG_NOSIGNAL) != (ssize_t)length)
        fail("a request could not be sent: %s", strerror(errno));
    c->is_busy = 1;
    run->busy++;
}

static void read_head(struct connection *c) {
    char *end = memmem(c->received, c->length, "\r\n\r\n", 4);
    if (!end) return;
    if (memcmp(c->received + 9, "200", 3))
        fail("answered %.*s", (int)(c->length > 600 ? 600 : c->length), c->received);
    *end = 0;
    char *named = strcasestr(c->received, "\r\ncontent-length:");
    if (!named) fail("an answer does not say its length");
    c->body_at = end + 4 - c->received;
    c->ends_at = c->body_at + strtoul(named + 17, NULL, 10);
}

static void conclude(struct run *run, struct connection *c) {
    uint64_t ns = (uint64_t)((now() - c->asked_at) * 1e9);
    char *body = c->received + c->body_at;
    uint32_t length = (uint32_t)(c->ends_at - c->body_at);
    fwrite(&ns, sizeof ns, 1, run->latencies);
    run->done++;
    if (run->answers) {
        uint32_t head[2] = {c->request, length};
        fwrite(head, sizeof head, 1, run->answers);
        fwrite(body, 1, length, run->answers);
    } else {
        run->good += length == run->expected.length && !memcmp(body, run->expected.at, length);
    }
    c->is_busy = 0;
    run->busy--;
    ask(run, c);
}

static void receive(struct run *run, struct connection *c) {
    if (c->room - c->length < ROOM_AT_FIRST / 2) {
        c->room = c->room ? c->room * 2 : ROOM_AT_FIRST;
        c->received = realloc(c->received, c->room + 1);
    }
    ssize_t got = recv(c->socket, c->received + c->length, c->room - c->length, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) fail("the server hung up");
    if (!c->is_busy) fail("an answer that nobody asked for");
    c->length += got;
    if (!c->ends_at) read_head(c);
    if (c->ends_at && c->length >= c->ends_at) conclude(run, c);
}

static void work(struct run *run, int poll, struct connection *all, int connections) {
    struct epoll_event events[EVENTS_MAX];
    for (int n = 0; n < connections; n++) ask(run, &all[n]);
    while (run->busy) {
        int ready = epoll_wait(poll, events, EVENTS_MAX, HANGING_MS_MAX);
        if (ready == 0) fail("no answer for %d seconds", HANGING_MS_MAX / 1000);
        for (int n = 0; n < ready; n++) receive(run, events[n].data.ptr);
    }
}

static void obey(char *line, int port, int poll, struct connection *all, int connections) {
    char *words[7];
    line[strcspn(line, "\n")] = 0;
    for (int n = 0; n < 7; n++)
        if (!(words[n] = strsep(&line, "\t"))) fail("a line of too few words");
    struct run run = {.requests = whole_file(words[1]), .repeats = atoi(words[5])};
    if (strcmp(words[6], "-")) run.expected = whole_file(words[6]);
    else run.answers = fopen(words[2], "wb");
    run.latencies = fopen(words[3], "wb");
    for (int n = 0; n < connections; n++) freshen(poll, &all[n], port);
    double cpu = cpu_seconds(), began = now();
    run.ends_at = began + atof(words[4]);
    work(&run, poll, all, connections);
    double seconds = now() - began;
    cpu = cpu_seconds() - cpu;
    if (run.answers) fclose(run.answers), run.good = run.done;
    fclose(run.latencies);
    free(run.requests.at);
    free(run.expected.at);
    printf("done\t%lu\t%lu\t%.6f\t%.6f\n", run.done, run.good, seconds, cpu);
}

int main(int count, char **words) {
    if (count != 3) fail("usage: http_load PORT CONNECTIONS");
    setvbuf(stdout, NULL, _IOLBF, 0);
    int port = atoi(words[1]), connections = atoi(words[2]), poll = epoll_create1(0);
    struct connection *all = calloc(connections, sizeof *all);
    for (int n = 0; n < connections; n++) watch(poll, &all[n], port);
    puts("ready");
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) obey(line, port, poll, all, connections);
    return 0;
}
