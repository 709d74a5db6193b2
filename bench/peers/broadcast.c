/* The limit beside our figures: one thread, epoll, and a write to each subscriber's socket.
 *
 *     broadcast PORT SNAPSHOT
 *
 * It speaks as much of graphql-transport-ws as bench/load/watchers.c asks for: whoever subscribes is
 * told what the file SNAPSHOT holds, and after it the body of each POST, in the order they come. It
 * decides nothing, checks nobody, and does not even compute the handshake's key. What a socket does
 * not take at once is kept for it, up to a bound.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 512, CONNECTIONS_MAX = 65536, REQUEST_MAX = 1 << 16, UNSENT_BYTES_MAX = 1 << 20,
    ID_MAX = 64, TEXT = 0x81, CLOSE = 0x88
};

struct connection {
    int socket, is_web_socket;
    char id[ID_MAX]; /* Of the subscription; empty before it. */
    char *rest, *unsent;
    size_t rest_length, unsent_length;
};

static int poll_;
static struct connection *all[CONNECTIONS_MAX]; /* By their socket. */
static int highest;
static char *snapshot;
static size_t snapshot_length;

static void quit(const char *why) {
    perror(why);
    exit(1);
}

static void hang_up(struct connection *c) {
    all[c->socket] = NULL;
    close(c->socket);
    free(c->rest);
    free(c->unsent);
    free(c);
}

static void want(struct connection *c, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = c->socket};
    epoll_ctl(poll_, EPOLL_CTL_MOD, c->socket, &event);
}

static void put(struct connection *c, const char *bytes, size_t length) {
    ssize_t sent = 0;
    if (!c->unsent_length) {
        sent = send(c->socket, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent == (ssize_t)length) return;
        if (sent < 0) sent = 0;
        want(c, EPOLLIN | EPOLLOUT);
    }
    if (c->unsent_length + length > UNSENT_BYTES_MAX) return; /* Its read will find it closed. */
    c->unsent = realloc(c->unsent, c->unsent_length + length - sent);
    memcpy(c->unsent + c->unsent_length, bytes + sent, length - sent);
    c->unsent_length += length - sent;
}

static void put_unsent(struct connection *c) {
    ssize_t sent = send(c->socket, c->unsent, c->unsent_length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) return;
    c->unsent_length -= sent;
    memmove(c->unsent, c->unsent + sent, c->unsent_length);
    if (!c->unsent_length) want(c, EPOLLIN);
}

static size_t frame_head(char *frame, size_t length) {
    frame[0] = (char)TEXT;
    if (length < 126) return frame[1] = (char)length, 2;
    if (length < 65536) {
        frame[1] = 126, frame[2] = (char)(length >> 8), frame[3] = (char)length;
        return 4;
    }
    frame[1] = 127;
    for (int n = 0; n < 8; n++) frame[2 + n] = (char)((uint64_t)length >> 8 * (7 - n));
    return 10;
}

/* The operation's id is the one part that is different for each. */
static void tell(struct connection *c, const char *message, size_t length) {
    static char frame[REQUEST_MAX + 256];
    char prefix[128];
    int begins = snprintf(prefix, sizeof prefix,
        "{\"type\":\"next\",\"id\":\"%s\",\"payload\":{\"data\":{\"seatAvailability\":", c->id);
    size_t head = frame_head(frame, begins + length + 3);
    memcpy(frame + head, prefix, begins);
    memcpy(frame + head + begins, message, length);
    memcpy(frame + head + begins + length, "}}}", 3);
    put(c, frame, head + begins + length + 3);
}

static void broadcast(const char *message, size_t length) {
    for (int n = 0; n <= highest; n++)
        if (all[n] && all[n]->id[0]) tell(all[n], message, length);
}

static void handle(struct connection *c, const char *text, size_t length) {
    static const char ack[] = "{\"type\":\"connection_ack\"}";
    char frame[2 + sizeof ack];
    const char *id = memmem(text, length, "\"id\":\"", 6);
    if (!id) {
        memcpy(frame + frame_head(frame, sizeof ack - 1), ack, sizeof ack - 1);
        put(c, frame, sizeof ack + 1);
        return;
    }
    sscanf(id + 6, "%63[^\"]", c->id);
    tell(c, snapshot, snapshot_length);
}

/* Take a client's frame, which is masked; give its length, 0 when it is not whole. */
static size_t take_frame(struct connection *c, unsigned char *at, size_t length) {
    size_t mask_at = 2, size;
    if (length < 8) return 0;
    size = at[1] & 0x7F;
    if (size == 126) size = at[2] << 8 | at[3], mask_at = 4;
    if (length < mask_at + 4 + size) return 0;
    unsigned char *text = at + mask_at + 4;
    for (size_t n = 0; n < size; n++) text[n] ^= at[mask_at + n % 4];
    if (at[0] == TEXT) handle(c, (char *)text, size);
    return mask_at + 4 + size;
}

/* Take an upgrade, a POST with a change, or any other request; give its length, 0 if not whole. */
static size_t take_request(struct connection *c, char *at, size_t length) {
    static const char upgraded[] =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n";
    static const char done[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    char *end = memmem(at, length, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t head = end + 4 - at, body = 0;
    *end = 0;
    char *named = strcasestr(at, "\r\ncontent-length:");
    if (named) body = strtoul(named + 17, NULL, 10);
    *end = '\r';
    if (length < head + body) return 0;
    if (memmem(at, head, "Upgrade: websocket", 18)) {
        c->is_web_socket = 1;
        put(c, upgraded, sizeof upgraded - 1);
        return head;
    }
    if (body) broadcast(at + head, body);
    put(c, done, sizeof done - 1);
    return head + body;
}

static void receive(struct connection *c) {
    static char room[REQUEST_MAX * 2];
    size_t length = c->rest_length, used = 0, taken;
    memcpy(room, c->rest, length);
    ssize_t got = recv(c->socket, room + length, REQUEST_MAX, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0 || c->unsent_length + REQUEST_MAX > UNSENT_BYTES_MAX) {
        hang_up(c);
        return;
    }
    length += got;
    while (used < length) {
        taken = c->is_web_socket ? take_frame(c, (unsigned char *)room + used, length - used)
                                 : take_request(c, room + used, length - used);
        if (!taken) break;
        used += taken;
    }
    c->rest_length = length - used < REQUEST_MAX ? length - used : 0;
    c->rest = realloc(c->rest, c->rest_length + 1);
    memcpy(c->rest, room + used, c->rest_length);
}

static void welcome(int door) {
    int socket_, yes = 1;
    while ((socket_ = accept4(door, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct epoll_event readable = {.events = EPOLLIN, .data.fd = socket_};
        if (socket_ >= CONNECTIONS_MAX) quit("too many connections");
        setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        all[socket_] = calloc(1, sizeof **all);
        all[socket_]->socket = socket_;
        if (socket_ > highest) highest = socket_;
        epoll_ctl(poll_, EPOLL_CTL_ADD, socket_, &readable);
    }
}

static int open_door(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(door, (struct sockaddr *)&address, sizeof address) || listen(door, 4096)) quit("port");
    struct epoll_event readable = {.events = EPOLLIN, .data.fd = door};
    epoll_ctl(poll_, EPOLL_CTL_ADD, door, &readable);
    return door;
}

int main(int count, char **words) {
    struct epoll_event events[EVENTS_MAX];
    struct rlimit sockets;
    FILE *file = count == 3 ? fopen(words[2], "rb") : NULL;
    size_t room = 0;
    if (!file) quit("usage: broadcast PORT SNAPSHOT");
    snapshot_length = getdelim(&snapshot, &room, 0, file);
    getrlimit(RLIMIT_NOFILE, &sockets);
    sockets.rlim_cur = sockets.rlim_max;
    setrlimit(RLIMIT_NOFILE, &sockets);
    poll_ = epoll_create1(0);
    int door = open_door(atoi(words[1]));
    while (1) {
        int ready = epoll_wait(poll_, events, EVENTS_MAX, -1);
        for (int n = 0; n < ready; n++) {
            int socket_ = events[n].data.fd;
            if (socket_ == door) { welcome(door); continue; }
            if (all[socket_] && events[n].events & EPOLLOUT) put_unsent(all[socket_]);
            if (all[socket_] && events[n].events & ~EPOLLOUT) receive(all[socket_]);
        }
    }
}
