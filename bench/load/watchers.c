/* Many subscribers over graphql-transport-ws, who note what reached them when, and no more.
 *
 *     watchers PORT SUBSCRIBERS AT_ONCE SLOW PAYLOAD
 *
 * It connects SUBSCRIBERS sockets, AT_ONCE at a time, and each subscribes with what the file PAYLOAD
 * holds, under an id of its own. When the first message of each has come it says
 *
 *     subscribed  SECONDS  CPU_SECONDS_OF_THIS_PROGRAM
 *
 * and then of each version of the seats, once it is known to all: "told VERSION". Besides, SLOW more
 * sockets subscribe SLOW_OPERATIONS times and then read nothing; nobody waits for them. Lines of the
 * standard input, their words divided by tabs, and the answers:
 *
 *     collect  FILE       writes what was noted since the last time: collected  COUNT  CPU_SECONDS
 *     slow                how many slow ones the server has given up: slow  COUNT
 *
 * A note is a struct note, in this machine's order. Messages are not decoded: the first
 * "fromVersion" and the first "version" in it are read, as the query asks for them.
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
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 512, WAITING_MS_MAX = 60000, ROOM = 1 << 18, VERSIONS_MAX = 1 << 20,
    SLOW_OPERATIONS = 30, SLOW_RECEIVE_BYTES = 4096,
    TEXT = 0x81, CLOSE = 0x88, PING = 0x89, PONG = 0x8A, MASKED = 0x80
};

#define NONE UINT32_MAX

struct note {
    int64_t at_ns; /* By the machine's clock, as the change log has it. */
    uint32_t subscriber, from, version; /* From NONE: a snapshot. Version NONE: it is stale. */
    uint32_t bytes;
};

enum step { UPGRADING, GREETING, SUBSCRIBING, WATCHING };

struct watcher {
    int socket, is_slow;
    enum step step;
    uint32_t number, version;
    char *rest; /* Of a frame that is not whole yet. */
    size_t rest_length;
};

static struct {
    int port, count, at_once, slow, poll, started, watching;
    double began;
    char *payload;
    struct watcher *all;
    struct note *notes;
    size_t noted, noted_room;
    uint32_t first_version, *knowing; /* By version after the first: how many know it. */
    double cpu;
} the;

static char room[ROOM * 2];

static void fail(const char *format, ...) {
    va_list words;
    va_start(words, format);
    printf("failed\t");
    vprintf(format, words);
    printf("\n");
    exit(1);
}

static double clock_seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static int64_t wall_clock_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void send_bytes(struct watcher *w, const char *bytes, size_t length) {
    if (send(w->socket, bytes, length, MSG_NOSIGNAL) != (ssize_t)length)
        fail("subscriber %u cannot send: %s", w->number, strerror(errno));
}

/* Clients must mask their frames; a mask of zeros changes nothing. */
static void send_frame(struct watcher *w, int kind, const char *text, size_t length) {
    char frame[8 + 65536];
    size_t head = 2;
    frame[0] = (char)kind;
    if (length < 126) {
        frame[1] = (char)(MASKED | length);
    } else {
        frame[1] = (char)(MASKED | 126);
        frame[2] = (char)(length >> 8), frame[3] = (char)length;
        head = 4;
    }
    memset(frame + head, 0, 4);
    memcpy(frame + head + 4, text, length);
    send_bytes(w, frame, head + 4 + length);
}

static void subscribe(struct watcher *w, int operation) {
    char message[65536];
    int length = snprintf(message, sizeof message,
        "{\"type\":\"subscribe\",\"id\":\"%08x-5ea7-4b0c-8f1e-%012x\",\"payload\":%s}",
        w->number, operation, the.payload);
    send_frame(w, TEXT, message, length);
}

static void enter(struct watcher *w) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(the.port)};
    struct epoll_event readable = {.events = EPOLLIN, .data.ptr = w};
    int yes = 1, few = SLOW_RECEIVE_BYTES;
    char hello[512];
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    w->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (w->socket < 0) fail("no more sockets: %s", strerror(errno));
    if (w->is_slow) setsockopt(w->socket, SOL_SOCKET, SO_RCVBUF, &few, sizeof few);
    if (connect(w->socket, (struct sockaddr *)&address, sizeof address))
        fail("subscriber %u cannot connect: %s", w->number, strerror(errno));
    setsockopt(w->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    epoll_ctl(the.poll, EPOLL_CTL_ADD, w->socket, &readable);
    int length = snprintf(hello, sizeof hello,
        "GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n", the.port);
    send_bytes(w, hello, length);
}

static void enter_next(void) {
    if (the.started < the.count) enter(&the.all[the.started++]);
}

static uint32_t number_after(const char *text, size_t length, const char *name) {
    char *found = memmem(text, length, name, strlen(name));
    return found ? (uint32_t)strtoul(found + strlen(name), NULL, 10) : NONE;
}

/* Count who knows which version, and say when all do. */
static void know(struct watcher *w, uint32_t version) {
    if (the.first_version == NONE) the.first_version = version;
    uint32_t next = w->version == NONE ? the.first_version : w->version + 1;
    w->version = version;
    for (uint32_t v = next; v <= version && v - the.first_version < VERSIONS_MAX; v++)
        if (++the.knowing[v - the.first_version] == (uint32_t)the.count) printf("told\t%u\n", v);
}

static void note(struct watcher *w, const char *text, size_t length) {
    if (the.noted == the.noted_room) {
        the.noted_room = the.noted_room ? the.noted_room * 2 : 1 << 20;
        the.notes = realloc(the.notes, the.noted_room * sizeof *the.notes);
        if (!the.notes) fail("no memory for what was noted");
    }
    int is_stale = !!memmem(text, length, "AvailabilityStale", 17);
    uint32_t version = is_stale ? NONE : number_after(text, length, "\"version\":");
    struct note *n = &the.notes[the.noted++];
    *n = (struct note){wall_clock_ns(), w->number, number_after(text, length, "\"fromVersion\":"),
                       version, (uint32_t)length};
    if (!is_stale) know(w, version);
}

static void begin_watching(struct watcher *w) {
    w->step = WATCHING;
    if (w->is_slow) {
        for (int n = 1; n < SLOW_OPERATIONS; n++) subscribe(w, n);
        epoll_ctl(the.poll, EPOLL_CTL_DEL, w->socket, NULL); /* It reads no more. */
        return;
    }
    enter_next();
    if (++the.watching == the.count)
        printf("subscribed\t%.6f\t%.6f\n", clock_seconds(CLOCK_MONOTONIC) - the.began,
               clock_seconds(CLOCK_PROCESS_CPUTIME_ID));
}

static void handle(struct watcher *w, int kind, const char *text, size_t length) {
    if (kind == PING) {
        send_frame(w, PONG, text, length);
    } else if (kind == CLOSE) {
        fail("subscriber %u was closed with %d: %.*s", w->number,
             length > 1 ? (unsigned char)text[0] << 8 | (unsigned char)text[1] : 0,
             length > 2 ? (int)length - 2 : 0, length > 2 ? text + 2 : "");
    } else if (w->step == GREETING) {
        if (!memmem(text, length, "connection_ack", 14)) fail("no ack: %.*s", (int)length, text);
        w->step = SUBSCRIBING;
        subscribe(w, 0);
    } else if (memmem(text, length < 120 ? length : 120, "\"next\"", 6)) {
        if (memmem(text, length, "\"errors\":", 9)) fail("errors: %.*s", (int)length, text);
        if (!w->is_slow) note(w, text, length);
        if (w->step == SUBSCRIBING) begin_watching(w);
    } else {
        fail("subscriber %u was told %.*s", w->number, (int)(length > 900 ? 900 : length), text);
    }
}

/* Give where a frame ends that begins here; 0 when it is not whole. */
static size_t frame_end(const unsigned char *at, size_t length, size_t *text_at) {
    uint64_t size;
    if (length < 2) return 0;
    size = at[1];
    *text_at = 2;
    if (size == 126) {
        if (length < 4) return 0;
        size = at[2] << 8 | at[3];
        *text_at = 4;
    } else if (size == 127) {
        if (length < 10) return 0;
        size = 0;
        for (int n = 2; n < 10; n++) size = size << 8 | at[n];
        *text_at = 10;
    }
    return length < *text_at + size ? 0 : *text_at + size;
}

static size_t upgraded(struct watcher *w, const char *at, size_t length) {
    const char *end = memmem(at, length, "\r\n\r\n", 4);
    const char init[] = "{\"type\":\"connection_init\"}";
    if (!end) return 0;
    if (memcmp(at + 9, "101", 3)) fail("the handshake was answered with %.*s", 12, at);
    w->step = GREETING;
    send_frame(w, TEXT, init, sizeof init - 1);
    return end + 4 - at;
}

static void receive(struct watcher *w) {
    size_t length = w->rest_length, used = 0, end, text_at;
    memcpy(room, w->rest, length);
    ssize_t got = recv(w->socket, room + length, ROOM, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) fail("the server hung up on subscriber %u", w->number);
    length += got;
    if (w->step == UPGRADING) used = upgraded(w, room, length);
    while (w->step != UPGRADING &&
           (end = frame_end((unsigned char *)room + used, length - used, &text_at))) {
        handle(w, (unsigned char)room[used], room + used + text_at, end - text_at);
        used += end;
    }
    w->rest_length = length - used;
    free(w->rest);
    w->rest = NULL;
    if (!w->rest_length) return;
    if (w->rest_length > ROOM) fail("a message of more than %d bytes", ROOM);
    w->rest = malloc(w->rest_length);
    memcpy(w->rest, room + used, w->rest_length);
}

static void collect(const char *name) {
    double cpu = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
    FILE *file = fopen(name, "wb");
    if (!file || fwrite(the.notes, sizeof *the.notes, the.noted, file) != the.noted)
        fail("cannot write %s", name);
    fclose(file);
    printf("collected\t%zu\t%.6f\n", the.noted, cpu - the.cpu);
    the.noted = 0;
    the.cpu = cpu;
}

/* Read at last what the server sent to those who did not read, and see whether it has hung up. */
static int given_up(void) {
    int count = 0;
    for (int n = the.count; n < the.count + the.slow; n++) {
        ssize_t got;
        while ((got = recv(the.all[n].socket, room, ROOM, MSG_DONTWAIT)) > 0) continue;
        count += got == 0 || errno == ECONNRESET;
    }
    return count;
}

static void obey(char *line) {
    line[strcspn(line, "\n")] = 0;
    char *word = strsep(&line, "\t");
    if (!strcmp(word, "collect") && line) collect(line);
    else if (!strcmp(word, "slow")) printf("slow\t%d\n", given_up());
    else fail("'%s' is no word of this program", word);
}

static void begin(char **words) {
    struct rlimit sockets;
    getrlimit(RLIMIT_NOFILE, &sockets);
    sockets.rlim_cur = sockets.rlim_max;
    setrlimit(RLIMIT_NOFILE, &sockets);
    the.port = atoi(words[1]), the.count = atoi(words[2]);
    the.at_once = atoi(words[3]), the.slow = atoi(words[4]);
    FILE *payload = fopen(words[5], "rb");
    if (!payload || getdelim(&the.payload, &(size_t){0}, 0, payload) < 0) fail("no payload");
    fclose(payload);
    the.first_version = NONE;
    the.all = calloc(the.count + the.slow, sizeof *the.all);
    the.knowing = calloc(VERSIONS_MAX, sizeof *the.knowing);
    for (int n = 0; n < the.count + the.slow; n++) {
        the.all[n].number = n;
        the.all[n].version = NONE;
        the.all[n].is_slow = n >= the.count;
    }
    the.poll = epoll_create1(0);
    the.began = clock_seconds(CLOCK_MONOTONIC);
    for (int n = 0; n < the.at_once; n++) enter_next();
}

int main(int count, char **words) {
    struct epoll_event events[EVENTS_MAX], orders = {.events = EPOLLIN, .data.ptr = NULL};
    char line[4096];
    if (count != 6) fail("usage: watchers PORT SUBSCRIBERS AT_ONCE SLOW PAYLOAD");
    setvbuf(stdout, NULL, _IOLBF, 0);
    setvbuf(stdin, NULL, _IONBF, 0); /* What epoll says of it must be the whole truth. */
    begin(words);
    epoll_ctl(the.poll, EPOLL_CTL_ADD, STDIN_FILENO, &orders);
    while (1) {
        int ready = epoll_wait(the.poll, events, EVENTS_MAX, WAITING_MS_MAX);
        if (ready == 0 && the.watching < the.count)
            fail("%d of %d have subscribed", the.watching, the.count);
        for (int n = 0; n < ready; n++) {
            if (events[n].data.ptr) receive(events[n].data.ptr);
            else if (fgets(line, sizeof line, stdin)) obey(line);
            else return 0;
        }
        if (the.watching == the.count && the.slow && !the.all[the.count].socket)
            for (int n = the.count; n < the.count + the.slow; n++) enter(&the.all[n]);
    }
}
