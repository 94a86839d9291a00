/*
 * A load generator for devices that speak HTTP: one thread, epoll, connections that stay, a request under way on each.
 *
 * Every request carries the token of another device, which general tools do slowly. Compiled by bench/mqtt_load.py:
 *
 *     gcc -O2 -o http_load http_load.c
 *     ./http_load -t claim -p 8080 -n 100 -N 1000000 -d 4 -P $(pgrep -f 'deedbox serve')
 *
 *   -t KIND    of messages: telemetry (default), or claim, with which a device offers itself
 *   -p PORT    of the server on 127.0.0.1 (8080)
 *   -n COUNT   connections (100)
 *   -N COUNT   devices there are (1000000); their tokens are "tok%08d"
 *   -D COUNT   devices that take part, spread over all; 0: each of them, once before the first comes again (0)
 *   -s BYTES   size of the body, as in mqtt_load.c; the number in it is the request's (200)
 *   -T MS      give messages a moment, too: message n the moment MS + n (0: leave it to the server)
 *   -W SECONDS of warming up, not measured (1)
 *   -d SECONDS measured (5)
 *   -P PID     server process whose processor time and memory are read
 *
 * Prints one line of JSON, as mqtt_load.c does. After the measured time nothing new is sent and every open answer is
 * waited for, so "acknowledged" is exactly what the server promised to have. Other answers than 200 are "refused".
 */
#include "load.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define INPUT_BYTES 4096
#define OUTPUT_BYTES 4096
#define EVENTS 512
#define CONNECTING_AT_A_TIME 64 /* unhurried: below every server's backlog */
#define LONGEST_DRAIN_S 30

typedef struct {
    int socket;
    int number;
    int is_under_way;
    uint64_t sent_at_ns;
    int input_length;
    char input[INPUT_BYTES];
} client_t;

static struct {
    int port, clients, payload_bytes;
    uint64_t devices, taking_part;
    double warm_up_s, measured_s;
} option = {.port = 8080, .clients = 100, .payload_bytes = 200, .devices = 1000000, .warm_up_s = 1, .measured_s = 5};

static client_t *clients;
static int epoll;
static int asking; /* answers are followed by new requests */

static void ask(client_t *client) {
    static char request[OUTPUT_BYTES];
    uint64_t turn = option.taking_part ? sent % option.taking_part : sent;
    int head = snprintf(request, sizeof request,
                        "POST /api/v1/tok%08lld/%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: device/1\r\n"
                        "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n",
                        spread(turn, option.devices), kind == CLAIM ? "claim" : "telemetry", option.port,
                        option.payload_bytes);
    put_payload((unsigned char *)request + head, option.payload_bytes, (int64_t)sent);
    client->sent_at_ns = now_ns();
    client->is_under_way = 1;
    sent++;
    ssize_t length = head + option.payload_bytes;
    /* One short request at a time always fits into the send buffer. */
    if (send(client->socket, request, (size_t)length, MSG_NOSIGNAL) != length)
        fail("client %d: sending failed: %s", client->number, strerror(errno));
}

static void connect_client(client_t *client) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)option.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1;
    client->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (client->socket < 0 || connect(client->socket, (struct sockaddr *)&address, sizeof address))
        fail("client %d can't connect: %s", client->number, strerror(errno));
    setsockopt(client->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    epoll_ctl(epoll, EPOLL_CTL_ADD, client->socket, &event);
}

/* Return the length of the body that the head of an answer promises. */
static int promised_bytes(const char *head) {
    const char *found = strcasestr(head, "\r\ncontent-length:");
    return found ? atoi(found + 17) : 0;
}

static void on_answer(client_t *client) {
    client->input[client->input_length] = 0;
    char *end = strstr(client->input, "\r\n\r\n");
    if (!end) return;
    *end = 0;
    int whole = (int)(end - client->input) + 4 + promised_bytes(client->input);
    *end = '\r';
    if (client->input_length < whole) return;
    if (!strncmp(client->input, "HTTP/1.1 200", 12)) acknowledged++;
    else if (!refused++) fprintf(stderr, "refused: %s\n", client->input);
    if (measuring) note_latency(now_ns() - client->sent_at_ns);
    client->is_under_way = client->input_length = 0;
    if (asking) ask(client);
}

static void on_readable(client_t *client) {
    size_t room = sizeof client->input - 1 - (size_t)client->input_length;
    ssize_t got = recv(client->socket, client->input + client->input_length, room, 0);
    if (got <= 0)
        fail("client %d: the server closed the connection, after %llu answers in all", client->number,
             (unsigned long long)acknowledged);
    client->input_length += (int)got;
    on_answer(client);
}

static void step(int timeout_ms) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll, events, EVENTS, timeout_ms);
    for (int i = 0; i < count; i++) on_readable(events[i].data.ptr);
}

static int under_way(void) {
    int count = 0;
    for (int i = 0; i < option.clients; i++) count += clients[i].is_under_way;
    return count;
}

static double connect_all(void) {
    static const struct timespec pause = {0, 20000000};
    uint64_t began = now_ns();
    clients = calloc((size_t)option.clients, sizeof *clients);
    for (int i = 0; i < option.clients; i++) {
        clients[i].number = i;
        connect_client(&clients[i]);
        if (i % CONNECTING_AT_A_TIME == 0) nanosleep(&pause, NULL); /* until the server has taken them */
    }
    return (double)(now_ns() - began) / 1e9;
}

static void keep_asking(void) {
    uint64_t warm = now_ns() + ns(option.warm_up_s), end = warm + ns(option.measured_s);
    asking = 1;
    for (int i = 0; i < option.clients; i++) ask(&clients[i]);
    while (now_ns() < end) {
        if (!measuring && now_ns() >= warm) begin_measuring();
        step(50);
    }
    asking = 0;
}

static void run(void) {
    double connect_s = connect_all();
    keep_asking();
    double seconds = (double)(now_ns() - at_start.began_ns) / 1e9;
    double counted = (double)(acknowledged - at_start.acknowledged);
    printf("{\"connect_s\":%.3f,\"messages\":%.0f,\"seconds\":%.4f,", connect_s, counted, seconds);
    print_processors(seconds, counted);
    for (uint64_t end = now_ns() + ns(LONGEST_DRAIN_S); under_way() && now_ns() < end;) step(50);
    print_totals(under_way(), 0, 0);
}

static void read_options(int count, char **arguments) {
    int letter;
    while ((letter = getopt(count, arguments, "t:p:n:N:D:s:T:W:d:P:")) != -1) {
        switch (letter) {
        case 't': choose_kind(optarg); break;
        case 'p': option.port = atoi(optarg); break;
        case 'n': option.clients = atoi(optarg); break;
        case 'N': option.devices = (uint64_t)atoll(optarg); break;
        case 'D': option.taking_part = (uint64_t)atoll(optarg); break;
        case 's': option.payload_bytes = atoi(optarg); break;
        case 'T': first_moment_ms = atoll(optarg); break;
        case 'W': option.warm_up_s = atof(optarg); break;
        case 'd': option.measured_s = atof(optarg); break;
        case 'P': server_pid = atoi(optarg); break;
        default: fail("the options are explained at the top of http_load.c");
        }
    }
    if (option.clients < 1 || option.devices < 1) fail("-n and -N must be 1 or more");
    if (option.payload_bytes > OUTPUT_BYTES - 512) fail("-s must be %d or less", OUTPUT_BYTES - 512);
}

int main(int count, char **arguments) {
    signal(SIGPIPE, SIG_IGN);
    read_options(count, arguments);
    make_payload(option.payload_bytes);
    epoll = epoll_create1(0);
    run();
    return 0;
}
