/*
 * An MQTT load generator for one processor: one thread, epoll, up to some ten thousand connections.
 *
 * Clients in Python are slower than the servers they are to measure, hence C. Compiled by bench/mqtt_load.py:
 *
 *     gcc -O2 -o mqtt_load mqtt_load.c
 *     ./mqtt_load -m publish -p 1883 -n 100 -w 16 -d 4 -P $(pidof mosquitto)
 *
 *   -m MODE    publish  closed loop: each connection keeps WINDOW messages unacknowledged
 *              rate     open loop: messages leave at a fixed rate, whether or not answers come;
 *                       latencies count from the moment a message was due
 *              idle     connect, settle, print the server's memory before and after
 *              storm    connect, drop all connections at once, connect all of them again at once
 *   -t KIND    of messages: telemetry (default), or claim, with which a device offers itself
 *   -p PORT    of the server on 127.0.0.1 (1883)
 *   -V LEVEL   4 for MQTT 3.1.1 (default), 5 for MQTT 5
 *   -n COUNT   connections (100); client i signs in as user "tok%08d", client id "c%08d"
 *   -N COUNT   spread the clients over so many devices; 0: the first ones (0)
 *   -q QOS     0 or 1 (1)
 *   -w WINDOW  unacknowledged messages per connection, at most 250 (1)
 *   -s BYTES   size of the payload, JSON with three values, at least 120 (200); one of the values, or the key of
 *              a claim, begins with the message's number on its connection, 13 digits, so that no two are alike
 *   -T MS      give messages a moment, too: message n the moment MS + n (0: leave it to the server)
 *   -r RATE    messages per second over all connections, for -m rate (1000)
 *   -W SECONDS of warming up, not measured (1)
 *   -d SECONDS measured (5)
 *   -o FILE    to write each device and the number of its last message to
 *   -P PID     server process whose processor time and memory are read
 *
 * Prints one line of JSON. After the measured time nothing new is sent and every open acknowledgement is waited
 * for, so "acknowledged" is exactly what the server promised to have. Exits with 1 and a sentence on standard
 * error when a connection is refused or lost (storm: connects again and counts).
 */
#include "load.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define SLOTS 256          /* of messages under way per connection, found by packet id modulo SLOTS */
#define MOST_UNDER_WAY 250 /* below SLOTS, since packet ids skip 0 when they start anew */
#define INPUT_BYTES 2048
#define EVENTS 512
#define CONNECTING_AT_A_TIME 64 /* unhurried connecting: below every server's backlog */
#define LONGEST_CONNECT_S 60
#define LONGEST_DRAIN_S 30

enum { CONNECT = 1, CONNACK = 2, PUBLISH = 3, PUBACK = 4, DISCONNECT = 14 };
enum mode { MODE_PUBLISH, MODE_RATE, MODE_IDLE, MODE_STORM };

typedef struct {
    int socket;
    int number;
    int open;      /* TCP is connected and CONNECT was sent */
    int accepted;  /* CONNACK came */
    int wants_out; /* epoll watches for room in the send buffer */
    int under_way; /* published, not acknowledged */
    int packet_id;
    int64_t next_number;
    uint64_t connect_began_ns;
    uint64_t *sent_at_ns; /* by slot; 0 where nothing is under way */
    unsigned char *output;
    int output_start, output_end;
    int input_length;
    unsigned char input[INPUT_BYTES];
} client_t;

static struct {
    enum mode mode;
    int port, level, clients, qos, window, payload_bytes;
    uint64_t devices;
    const char *report;
    double rate, warm_up_s, measured_s;
} option = {.mode = MODE_PUBLISH, .port = 1883, .level = 4, .clients = 100, .qos = 1, .window = 1,
            .payload_bytes = 200, .devices = 0, .rate = 1000, .warm_up_s = 1, .measured_s = 5};

static const char *topic;
static client_t *clients;
static int epoll;
static int output_capacity;

static int started;     /* clients that began to connect */
static int at_a_time;   /* how many may be connecting */
static int accepted;    /* clients whose CONNACK came */
static int publishing;  /* acknowledgements are answered with new messages */
static uint64_t unexpected, skipped;
static uint64_t failed, dropped; /* connections, in a storm: everywhere else these end the run */

/* ---- packets ---- */

static int put_length(unsigned char *to, int length) {
    int used = 0;
    do {
        unsigned char digit = (unsigned char)(length & 127);
        length >>= 7;
        to[used++] = (unsigned char)(length ? digit | 128 : digit);
    } while (length);
    return used;
}

static int put_text(unsigned char *to, const char *text) {
    int length = (int)strlen(text);
    to[0] = (unsigned char)(length >> 8);
    to[1] = (unsigned char)length;
    memcpy(to + 2, text, (size_t)length);
    return length + 2;
}

/* Client i is device i, unless the clients are to be spread over more devices. */
static long long device_of(const client_t *client) {
    return option.devices ? spread((uint64_t)client->number, option.devices) : client->number;
}

static void queue_connect(client_t *client) {
    char client_id[32], user[32];
    snprintf(client_id, sizeof client_id, "c%08d", client->number);
    snprintf(user, sizeof user, "tok%08lld", device_of(client));
    int is_5 = option.level == 5;
    unsigned char *packet = client->output + client->output_end;
    int used = 0, rest = 10 + is_5 + 2 + (int)strlen(client_id) + 2 + (int)strlen(user);
    packet[used++] = CONNECT << 4;
    used += put_length(packet + used, rest);
    used += put_text(packet + used, "MQTT");
    packet[used++] = (unsigned char)option.level;
    packet[used++] = 0x82; /* a user name; a clean session */
    packet[used++] = 0x02; /* keep alive 600 s: no pings while measuring */
    packet[used++] = 0x58;
    if (is_5) packet[used++] = 0; /* no properties */
    used += put_text(packet + used, client_id);
    used += put_text(packet + used, user);
    client->output_end += used;
}

/* Queue one message; `due_ns` is when its latency begins. False when there is no room. */
static int queue_message(client_t *client, uint64_t due_ns) {
    int is_5 = option.level == 5;
    int rest = 2 + (int)strlen(topic) + (option.qos ? 2 : 0) + is_5 + option.payload_bytes, used = 0;
    if (client->output_end + rest + 8 > output_capacity) return 0;
    unsigned char *packet = client->output + client->output_end;
    packet[used++] = (unsigned char)(PUBLISH << 4 | option.qos << 1);
    used += put_length(packet + used, rest);
    used += put_text(packet + used, topic);
    if (option.qos) {
        client->packet_id = client->packet_id % 65535 + 1;
        packet[used++] = (unsigned char)(client->packet_id >> 8);
        packet[used++] = (unsigned char)client->packet_id;
        client->sent_at_ns[client->packet_id % SLOTS] = due_ns;
        client->under_way++;
    }
    if (is_5) packet[used++] = 0;
    put_payload(packet + used, option.payload_bytes, client->next_number++);
    client->output_end += used + option.payload_bytes;
    sent++;
    return 1;
}

/* ---- connections ---- */

static void watch(client_t *client, int wants_out) {
    if (wants_out == client->wants_out) return;
    client->wants_out = wants_out;
    struct epoll_event event = {.events = EPOLLIN | (wants_out ? EPOLLOUT : 0), .data.ptr = client};
    epoll_ctl(epoll, EPOLL_CTL_MOD, client->socket, &event);
}

static void start_connecting(client_t *client) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)option.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1, made = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (made < 0) fail("no socket for client %d: %s; raise the limit of open files", client->number, strerror(errno));
    setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    client->socket = made;
    client->open = client->accepted = 0;
    client->output_start = client->output_end = client->input_length = 0;
    client->wants_out = 1;
    if (connect(made, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
        fail("client %d can't connect: %s", client->number, strerror(errno));
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = client};
    epoll_ctl(epoll, EPOLL_CTL_ADD, made, &event);
}

/* A connection failed or ended: in a storm that is counted and tried again, else it ends the run. */
static void lose(client_t *client, const char *what, int error) {
    if (option.mode != MODE_STORM)
        fail("client %d: %s%s%s, after %llu acknowledgements in all", client->number, what, error ? ": " : "",
             error ? strerror(error) : "", (unsigned long long)acknowledged);
    if (client->accepted) accepted--;
    if (client->open) dropped++;
    else failed++;
    if (failed + dropped > 20u * (unsigned)option.clients) fail("the server drops every connection");
    close(client->socket);
    start_connecting(client);
}

static void flush(client_t *client) {
    while (client->output_start < client->output_end) {
        ssize_t written = send(client->socket, client->output + client->output_start,
                               (size_t)(client->output_end - client->output_start), MSG_NOSIGNAL);
        if (written < 0) {
            if (errno == EAGAIN) watch(client, 1);
            else lose(client, "sending failed", errno);
            return;
        }
        client->output_start += (int)written;
    }
    client->output_start = client->output_end = 0;
    watch(client, 0);
}

static void fill_window(client_t *client) {
    uint64_t now = now_ns();
    while (client->under_way < option.window && queue_message(client, now)) {}
    flush(client);
}

static void start_more(void) {
    while (started < option.clients && started - accepted < at_a_time) {
        clients[started].connect_began_ns = now_ns();
        start_connecting(&clients[started++]);
    }
}

/* ---- what servers say ---- */

static void on_connack(client_t *client, int reason, uint64_t now) {
    if (reason) fail("the server refused client %d with reason %d", client->number, reason);
    client->accepted = 1;
    accepted++;
    if (measuring) note_latency(now - client->connect_began_ns);
    start_more();
}

static void on_puback(client_t *client, const unsigned char *body, int length, uint64_t now) {
    uint64_t *slot = &client->sent_at_ns[(body[0] << 8 | body[1]) % SLOTS];
    if (!*slot) {
        unexpected++;
        return;
    }
    if (length > 2 && body[2] >= 0x80) refused++; /* MQTT 5 only */
    else acknowledged++;
    if (measuring) note_latency(now - *slot);
    *slot = 0;
    client->under_way--;
}

static void on_packet(client_t *client, int type, const unsigned char *body, int length, uint64_t now) {
    if (type == CONNACK && length >= 2) on_connack(client, body[1], now);
    else if (type == PUBACK && length >= 2) on_puback(client, body, length, now);
    else if (type == DISCONNECT) fail("the server disconnected client %d: reason %d", client->number, length ? body[0] : 0);
    else unexpected++;
}

/* Take whole packets out of the input; what is left of the last one stays. */
static void take_packets(client_t *client, uint64_t now) {
    unsigned char *input = client->input;
    int at = 0;
    while (client->input_length - at >= 2) {
        int length = 0, shift = 0, head = 1, whole = 0;
        while (at + head < client->input_length && !whole) {
            unsigned char digit = input[at + head++];
            length |= (digit & 127) << shift;
            shift += 7;
            whole = !(digit & 128);
        }
        if (!whole || client->input_length - at < head + length) break;
        on_packet(client, input[at] >> 4, input + at + head, length, now);
        at += head + length;
    }
    client->input_length -= at;
    memmove(input, input + at, (size_t)client->input_length);
}

static void on_readable(client_t *client) {
    for (;;) {
        size_t room = sizeof client->input - (size_t)client->input_length;
        ssize_t got = recv(client->socket, client->input + client->input_length, room, 0);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            lose(client, got ? "receiving failed" : "the server closed the connection", got ? errno : 0);
            return;
        }
        client->input_length += (int)got;
        take_packets(client, now_ns());
        if (publishing && client->accepted) fill_window(client);
        if ((size_t)got < room) return;
    }
}

static void on_writable(client_t *client) {
    if (!client->open) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(client->socket, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) {
            lose(client, "can't connect", error);
            return;
        }
        client->open = 1;
        queue_connect(client);
    }
    flush(client);
}

static void step(int timeout_ms) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll, events, EVENTS, timeout_ms);
    for (int i = 0; i < count; i++) {
        client_t *client = events[i].data.ptr;
        int before = client->socket;
        if (events[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP) && !client->open) on_writable(client);
        else if (events[i].events & EPOLLOUT) flush(client);
        if (client->socket != before) continue; /* it was lost and connects anew */
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) on_readable(client);
    }
}

/* ---- the four modes ---- */

static void make_clients(void) {
    int one_message = option.payload_bytes + 80;
    int publishes = option.mode == MODE_PUBLISH || option.mode == MODE_RATE;
    output_capacity = !publishes ? 256 : (option.mode == MODE_RATE ? 64 : option.window + 2) * one_message + 512;
    clients = calloc((size_t)option.clients, sizeof *clients);
    for (int number = 0; number < option.clients; number++) {
        clients[number].number = number;
        clients[number].output = malloc((size_t)output_capacity);
        if (publishes) clients[number].sent_at_ns = calloc(SLOTS, sizeof(uint64_t));
    }
}

/* Connect everybody; returns the seconds that it took. */
static double connect_all(int most_at_a_time) {
    uint64_t began = now_ns();
    at_a_time = most_at_a_time;
    start_more();
    while (accepted < option.clients) {
        step(100);
        if (now_ns() - began > ns(LONGEST_CONNECT_S))
            fail("only %d of %d clients were connected after %d s", accepted, option.clients, LONGEST_CONNECT_S);
    }
    return (double)(now_ns() - began) / 1e9;
}

static void wait_s(double seconds) {
    for (uint64_t end = now_ns() + ns(seconds); now_ns() < end;) step(50);
}

/* Send what is due by now, round robin; what a connection has no room for is skipped and counted. */
static void send_what_is_due(uint64_t began_ns, uint64_t *count) {
    uint64_t due = (uint64_t)((double)(now_ns() - began_ns) / 1e9 * option.rate);
    for (; *count < due; (*count)++) {
        client_t *client = &clients[*count % (uint64_t)option.clients];
        uint64_t due_ns = began_ns + (uint64_t)((double)*count / option.rate * 1e9);
        if (client->under_way >= MOST_UNDER_WAY || !queue_message(client, due_ns)) skipped++;
        else flush(client);
    }
}

static void send_without_acknowledgements(void) {
    for (int i = 0; i < option.clients; i++) {
        if (clients[i].output_end) continue;
        for (int j = 0; j < option.window; j++) queue_message(&clients[i], 0);
        flush(&clients[i]);
    }
}

static void keep_publishing(void) {
    static const struct timespec nap = {0, 200000};
    uint64_t began = now_ns(), warm = began + ns(option.warm_up_s), end = warm + ns(option.measured_s), count = 0;
    publishing = option.mode == MODE_PUBLISH && option.qos;
    for (int i = 0; publishing && i < option.clients; i++) fill_window(&clients[i]);
    while (now_ns() < end) {
        if (!measuring && now_ns() >= warm) begin_measuring();
        if (option.mode == MODE_RATE) {
            send_what_is_due(began, &count);
            step(0);
            nanosleep(&nap, NULL); /* else the generator is busy with nothing to do */
        } else if (option.qos) {
            step(50);
        } else {
            send_without_acknowledgements();
            step(0);
        }
    }
    publishing = 0;
}

static int under_way(void) {
    int count = 0;
    for (int i = 0; i < option.clients; i++) count += clients[i].under_way;
    return count;
}

/* Write each device that took part, and the number of its last message. */
static void report_last(void) {
    FILE *file = fopen(option.report, "w");
    if (!file) fail("can't write %s: %s", option.report, strerror(errno));
    for (int i = 0; i < option.clients; i++)
        fprintf(file, "%lld %lld\n", device_of(&clients[i]), (long long)clients[i].next_number - 1);
    if (fclose(file)) fail("can't write %s: %s", option.report, strerror(errno));
}

static void run_publishing(void) {
    double connect_s = connect_all(CONNECTING_AT_A_TIME);
    keep_publishing();
    double seconds = (double)(now_ns() - at_start.began_ns) / 1e9;
    double counted = (double)(option.qos ? acknowledged - at_start.acknowledged : sent - at_start.sent);
    printf("{\"connect_s\":%.3f,\"messages\":%.0f,\"seconds\":%.4f,", connect_s, counted, seconds);
    print_processors(seconds, counted);
    /* Latencies are noted to the last one: leaving out the late ones would flatter the server. */
    for (uint64_t end = now_ns() + ns(LONGEST_DRAIN_S); under_way() && now_ns() < end;) step(50);
    print_totals(under_way(), unexpected, skipped);
    if (option.report) report_last();
}

static void run_idle(void) {
    long before_kb = server_memory_kb();
    begin_measuring();
    double seconds = connect_all(CONNECTING_AT_A_TIME);
    printf("{\"connect_s\":%.3f,", seconds);
    print_processors(seconds, option.clients);
    wait_s(1.5); /* what connecting needed for a moment is given back */
    printf("\"before_kb\":%ld,\"after_kb\":%ld}\n", before_kb, server_memory_kb());
}

static void run_storm(void) {
    connect_all(CONNECTING_AT_A_TIME);
    wait_s(1);
    for (int i = 0; i < option.clients; i++) close(clients[i].socket);
    for (int i = 0; i < option.clients; i++) clients[i].accepted = 0;
    started = accepted = 0;
    begin_measuring();
    double seconds = connect_all(option.clients);
    wait_s(.5); /* a session that is taken over must not take the new connection with it */
    printf("{\"connect_s\":%.3f,\"failed\":%llu,\"dropped\":%llu,", seconds, (unsigned long long)failed,
           (unsigned long long)dropped);
    print_processors(seconds, option.clients);
    print_latencies();
    printf("}\n");
}

static enum mode mode_named(const char *name) {
    static const char *names[] = {"publish", "rate", "idle", "storm"};
    for (int i = 0; i < 4; i++)
        if (!strcmp(name, names[i])) return (enum mode)i;
    fail("unknown mode %s; expected publish, rate, idle or storm", name);
    return MODE_PUBLISH;
}

static void read_options(int count, char **arguments) {
    int letter;
    while ((letter = getopt(count, arguments, "m:t:p:V:n:N:q:w:s:T:r:W:d:P:o:")) != -1) {
        switch (letter) {
        case 'm': option.mode = mode_named(optarg); break;
        case 't': choose_kind(optarg); break;
        case 'p': option.port = atoi(optarg); break;
        case 'V': option.level = atoi(optarg); break;
        case 'n': option.clients = atoi(optarg); break;
        case 'N': option.devices = (uint64_t)atoll(optarg); break;
        case 'q': option.qos = atoi(optarg); break;
        case 'w': option.window = atoi(optarg); break;
        case 's': option.payload_bytes = atoi(optarg); break;
        case 'T': first_moment_ms = atoll(optarg); break;
        case 'o': option.report = optarg; break;
        case 'r': option.rate = atof(optarg); break;
        case 'W': option.warm_up_s = atof(optarg); break;
        case 'd': option.measured_s = atof(optarg); break;
        case 'P': server_pid = atoi(optarg); break;
        default: fail("the options are explained at the top of mqtt_load.c");
        }
    }
    if (option.level != 4 && option.level != 5) fail("-V must be 4 (MQTT 3.1.1) or 5");
    if (option.qos < 0 || option.qos > 1) fail("-q must be 0 or 1");
    if (option.window < 1 || option.window > MOST_UNDER_WAY) fail("-w must be 1 to %d", MOST_UNDER_WAY);
    if (option.clients < 1) fail("-n must be 1 or more");
}

int main(int count, char **arguments) {
    signal(SIGPIPE, SIG_IGN);
    read_options(count, arguments);
    make_payload(option.payload_bytes);
    topic = kind == CLAIM ? "v1/devices/me/claim" : "v1/devices/me/telemetry";
    make_clients();
    epoll = epoll_create1(0);
    if (option.mode == MODE_IDLE) run_idle();
    else if (option.mode == MODE_STORM) run_storm();
    else run_publishing();
    return 0;
}
