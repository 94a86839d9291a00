/*
 * A load generator for devices that speak CoAP: one thread, epoll, a socket for each client, some requests under way on it.
 *
 * Every request carries the token of another device. Compiled by bench/mqtt_load.py:
 *
 *     gcc -O2 -o coap_load coap_load.c
 *     ./coap_load -t claim -p 5683 -n 100 -w 1 -N 1000000 -d 4 -P $(pgrep -f 'deedbox serve')
 *
 *   -t KIND    of messages: telemetry (default), or claim, with which a device offers itself
 *   -p PORT    of the server on 127.0.0.1 (5683)
 *   -n COUNT   clients, each with an address of its own (100)
 *   -w COUNT   requests under way on each (1)
 *   -N COUNT   devices there are (1000000); their tokens are "tok%08d"
 *   -D COUNT   devices that take part, spread over all; 0: each of them, once before the first comes again; -1: each
 *              client is a device of its own (0)
 *   -s BYTES   size of the payload, as in mqtt_load.c; the number in it is the request's (200)
 *   -T MS      give messages a moment, too: message n the moment MS + n (0: leave it to the server)
 *   -W SECONDS of warming up, not measured (1)
 *   -d SECONDS measured (5)
 *   -P PID     server process whose processor time and memory are read
 *
 * Prints one line of JSON, as mqtt_load.c does. A request without an answer is sent again after two seconds, as RFC 7252
 * says, with the same bytes. After the measured time nothing new is sent and every open answer is waited for, so
 * "acknowledged" is exactly what the server promised to have. Other answers than 2.01 are "refused"; acknowledgements
 * without an answer are "unexpected".
 */
#include "load.h"

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define REQUEST_BYTES 1152
#define EVENTS 512
#define LONGEST_DRAIN_S 30
#define REPEATED_AFTER_S 2
#define MOST_UNDER_WAY 64
#define CREATED 0x41

typedef struct {
    uint64_t began_ns, sent_at_ns;
    uint16_t message_id; /* tells which request an answer is for */
    int is_under_way, length;
    unsigned char bytes[REQUEST_BYTES];
} request_t;

typedef struct {
    int socket;
    uint16_t last_id;
    request_t *requests;
} client_t;

static struct {
    int port, clients, window, payload_bytes;
    uint64_t devices;
    int64_t taking_part;
    double warm_up_s, measured_s;
} option = {.port = 5683, .clients = 100, .window = 1, .payload_bytes = 200, .devices = 1000000, .warm_up_s = 1,
            .measured_s = 5};

static client_t *clients;
static int epoll;
static int asking; /* answers are followed by new requests */
static uint64_t repeated, unexpected;

/* Append a segment of the path; `delta` is the option's number less the one before. */
static int put_segment(unsigned char *to, int delta, const char *text) {
    int length = (int)strlen(text);
    to[0] = (unsigned char)(delta << 4 | length); /* all are shorter than 13 */
    memcpy(to + 1, text, (size_t)length);
    return 1 + length;
}

static void send_request(client_t *client, request_t *request) {
    request->sent_at_ns = now_ns();
    if (send(client->socket, request->bytes, (size_t)request->length, 0) < 0 && errno != ECONNREFUSED && errno != ENOBUFS)
        fail("sending failed: %s", strerror(errno));
}

static void ask(client_t *client, request_t *request) {
    uint64_t turn = option.taking_part > 0 ? sent % (uint64_t)option.taking_part : sent;
    if (option.taking_part < 0) turn = (uint64_t)(client - clients);
    unsigned char *to = request->bytes;
    char token[24];
    uint16_t id = ++client->last_id;
    int at = 0;
    snprintf(token, sizeof token, "tok%08lld", spread(turn, option.devices));
    to[at++] = 0x42; /* confirmable, with a token of two bytes */
    to[at++] = 0x02; /* POST */
    to[at++] = (unsigned char)(id >> 8);
    to[at++] = (unsigned char)id;
    to[at++] = (unsigned char)(id >> 8);
    to[at++] = (unsigned char)id;
    at += put_segment(to + at, 11, "api");
    at += put_segment(to + at, 0, "v1");
    at += put_segment(to + at, 0, token);
    at += put_segment(to + at, 0, kind == CLAIM ? "claim" : "telemetry");
    to[at++] = 0xff;
    put_payload(to + at, option.payload_bytes, (int64_t)sent);
    request->length = at + option.payload_bytes;
    request->message_id = id;
    request->is_under_way = 1;
    sent++;
    request->began_ns = now_ns();
    send_request(client, request);
}

static void on_answer(client_t *client, const unsigned char *answer, ssize_t length) {
    uint16_t id = (uint16_t)(answer[2] << 8 | answer[3]);
    for (int i = 0; i < option.window; i++) {
        request_t *request = &client->requests[i];
        if (length < 4 || !request->is_under_way || request->message_id != id) continue;
        if (answer[1] == CREATED) acknowledged++;
        else if (!answer[1]) { unexpected++; return; }
        else if (!refused++) fprintf(stderr, "refused: %d.%02d\n", answer[1] >> 5, answer[1] & 31);
        if (measuring) note_latency(now_ns() - request->began_ns);
        request->is_under_way = 0;
        if (asking) ask(client, request);
        return;
    }
}

static void on_readable(client_t *client) {
    unsigned char answer[REQUEST_BYTES];
    ssize_t length;
    while ((length = recv(client->socket, answer, sizeof answer, MSG_DONTWAIT)) >= 0) on_answer(client, answer, length);
}

/* Send again what has had no answer for long. */
static void repeat(void) {
    uint64_t before = now_ns() - ns(REPEATED_AFTER_S);
    for (int i = 0; i < option.clients; i++)
        for (int j = 0; j < option.window; j++) {
            request_t *request = &clients[i].requests[j];
            if (!request->is_under_way || request->sent_at_ns > before) continue;
            repeated++;
            send_request(&clients[i], request);
        }
}

static void step(int timeout_ms) {
    static uint64_t repeated_at;
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll, events, EVENTS, timeout_ms);
    for (int i = 0; i < count; i++) on_readable(events[i].data.ptr);
    if (now_ns() - repeated_at < ns(.1)) return;
    repeated_at = now_ns();
    repeat();
}

static int under_way(void) {
    int count = 0;
    for (int i = 0; i < option.clients; i++)
        for (int j = 0; j < option.window; j++) count += clients[i].requests[j].is_under_way;
    return count;
}

static void open_all(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)option.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    clients = calloc((size_t)option.clients, sizeof *clients);
    for (int i = 0; i < option.clients; i++) {
        client_t *client = &clients[i];
        client->requests = calloc((size_t)option.window, sizeof *client->requests);
        client->last_id = (uint16_t)(i * 7919);
        client->socket = socket(AF_INET, SOCK_DGRAM, 0);
        if (client->socket < 0 || connect(client->socket, (struct sockaddr *)&address, sizeof address))
            fail("client %d has no socket: %s", i, strerror(errno));
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
        epoll_ctl(epoll, EPOLL_CTL_ADD, client->socket, &event);
    }
}

static void keep_asking(void) {
    uint64_t warm = now_ns() + ns(option.warm_up_s), end = warm + ns(option.measured_s);
    asking = 1;
    for (int j = 0; j < option.window; j++)
        for (int i = 0; i < option.clients; i++) {
            ask(&clients[i], &clients[i].requests[j]);
            if (i % 64 == 63) step(1); /* not all at the same moment: a socket's buffer is short */
        }
    while (now_ns() < end) {
        if (!measuring && now_ns() >= warm) begin_measuring();
        step(50);
    }
    asking = 0;
}

static void run(void) {
    open_all();
    keep_asking();
    double seconds = (double)(now_ns() - at_start.began_ns) / 1e9;
    double counted = (double)(acknowledged - at_start.acknowledged);
    printf("{\"connect_s\":0,\"messages\":%.0f,\"seconds\":%.4f,\"repeated\":%llu,", counted, seconds,
           (unsigned long long)repeated);
    print_processors(seconds, counted);
    for (uint64_t end = now_ns() + ns(LONGEST_DRAIN_S); under_way() && now_ns() < end;) step(50);
    print_totals(under_way(), unexpected, 0);
}

static void read_options(int count, char **arguments) {
    int letter;
    while ((letter = getopt(count, arguments, "t:p:n:w:N:D:s:T:W:d:P:")) != -1) {
        switch (letter) {
        case 't': choose_kind(optarg); break;
        case 'p': option.port = atoi(optarg); break;
        case 'n': option.clients = atoi(optarg); break;
        case 'w': option.window = atoi(optarg); break;
        case 'N': option.devices = (uint64_t)atoll(optarg); break;
        case 'D': option.taking_part = atoll(optarg); break;
        case 's': option.payload_bytes = atoi(optarg); break;
        case 'T': first_moment_ms = atoll(optarg); break;
        case 'W': option.warm_up_s = atof(optarg); break;
        case 'd': option.measured_s = atof(optarg); break;
        case 'P': server_pid = atoi(optarg); break;
        default: fail("the options are explained at the top of coap_load.c");
        }
    }
    if (option.clients < 1 || option.devices < 1) fail("-n and -N must be 1 or more");
    if (option.window < 1 || option.window > MOST_UNDER_WAY) fail("-w must be from 1 to %d", MOST_UNDER_WAY);
    if (option.payload_bytes > REQUEST_BYTES - 64) fail("-s must be %d or less", REQUEST_BYTES - 64);
}

int main(int count, char **arguments) {
    read_options(count, arguments);
    make_payload(option.payload_bytes);
    epoll = epoll_create1(0);
    run();
    return 0;
}
