/*
 * What the load generators of this folder share: the clock, what the kernel says of processes, latencies, numbers.
 *
 * Whoever includes it says in `server_pid` which process is measured.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define DIGITS 13 /* of moments in milliseconds, for some centuries to come, and of numbers */
#define STRIDE 618033 /* between devices that follow each other: without a divisor in common with powers of ten */

static int server_pid;
static int measuring;
static uint64_t sent, acknowledged, refused;

/* Number of the device that takes the n-th turn: the devices are spread over all, and none comes twice in a round. */
static long long spread(uint64_t turn, uint64_t devices) { return (long long)(turn * STRIDE % devices); }

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t ns(double seconds) { return (uint64_t)(seconds * 1e9); }

static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

static double own_processor_s(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double server_processor_s(void) {
    char path[64], line[1024];
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", server_pid);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    size_t length = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[length] = 0;
    char *after_name = strrchr(line, ')'); /* the name may hold anything, so start behind it */
    if (after_name)
        sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static long server_memory_kb(void) {
    char path[64], line[256];
    long resident = 0;
    snprintf(path, sizeof path, "/proc/%d/status", server_pid);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "VmRSS: %ld", &resident) == 1) break;
    fclose(file);
    return resident;
}

/* Processor time that all of the machine was busy. */
static double machine_processor_s(void) {
    unsigned long long user, nice, system, idle, waiting, interrupts, soft, stolen;
    FILE *file = fopen("/proc/stat", "r");
    if (!file) return 0;
    int found = fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &waiting,
                       &interrupts, &soft, &stolen);
    fclose(file);
    if (found != 8) return 0;
    return (double)(user + nice + system + interrupts + soft + stolen) / (double)sysconf(_SC_CLK_TCK);
}

/* ---- latencies: a histogram whose steps are 1 us, then 100 us from 10 ms, then 10 ms from 1 s ---- */

#define FINE 10000
#define MIDDLE 9900
#define STEPS 40000
static uint64_t histogram[STEPS], latencies;

static void note_latency(uint64_t duration_ns) {
    uint64_t us = duration_ns / 1000, step;
    if (us < 10000) step = us;
    else if (us < 1000000) step = FINE + (us - 10000) / 100;
    else step = FINE + MIDDLE + (us - 1000000) / 10000;
    histogram[step < STEPS ? step : STEPS - 1]++;
    latencies++;
}

static double percentile_ms(double share) {
    uint64_t wanted = (uint64_t)((double)latencies * share), seen = 0;
    for (int step = 0; step < STEPS; step++) {
        seen += histogram[step];
        if (seen <= wanted) continue;
        if (step < FINE) return step / 1000.0;
        if (step < FINE + MIDDLE) return 10 + (step - FINE) / 10.0;
        return 1000 + (step - FINE - MIDDLE) * 10.0;
    }
    return -1;
}

static void put_digits(unsigned char *to, int64_t number) {
    for (int digit = DIGITS - 1; digit >= 0; digit--, number /= 10)
        to[digit] = (unsigned char)('0' + number % 10);
}

/* ---- payloads ---- */

enum kind { TELEMETRY, CLAIM };
static enum kind kind;
static int64_t first_moment_ms; /* of telemetry: message n has the moment of the first one + n; 0 for none */
static unsigned char *payload;
static int number_offset, moment_offset; /* of the digits in the payload that differ from message to message */

static void choose_kind(const char *name) {
    if (!strcmp(name, "claim")) kind = CLAIM;
    else if (strcmp(name, "telemetry")) fail("unknown kind of messages %s; expected telemetry or claim", name);
}

/* Make the payload that all messages have in common, of so many bytes. */
static void make_payload(int bytes) {
    const char *before = first_moment_ms ? "{\"ts\":0000000000000,\"values\":" : "";
    const char *after = first_moment_ms ? "}" : "";
    char head[128], tail[8];
    int head_length = kind == CLAIM
        ? snprintf(head, sizeof head, "{\"durationMs\":3600000,\"secretKey\":\"")
        : snprintf(head, sizeof head, "%s{\"temperature\":21.53,\"humidity\":48,\"note\":\"", before);
    int tail_length = snprintf(tail, sizeof tail, "\"}%s", kind == CLAIM ? "" : after);
    int padding = bytes - head_length - tail_length;
    if (padding < DIGITS) fail("a payload of %d bytes is too small; give -s 120 or more", bytes);
    payload = malloc((size_t)bytes);
    memcpy(payload, head, (size_t)head_length);
    memset(payload + head_length, 'x', (size_t)padding);
    memcpy(payload + head_length + padding, tail, (size_t)tail_length);
    number_offset = head_length;
    moment_offset = 6;
}

/* Write the message with this number. */
static void put_payload(unsigned char *to, int bytes, int64_t number) {
    memcpy(to, payload, (size_t)bytes);
    put_digits(to + number_offset, number);
    if (first_moment_ms && kind == TELEMETRY) put_digits(to + moment_offset, first_moment_ms + number);
}

/* ---- from here on it counts ---- */

static struct {
    uint64_t began_ns, sent, acknowledged;
    double server_s, own_s, machine_s;
} at_start;

static void begin_measuring(void) {
    measuring = 1;
    at_start.began_ns = now_ns();
    at_start.sent = sent;
    at_start.acknowledged = acknowledged;
    at_start.server_s = server_processor_s();
    at_start.own_s = own_processor_s();
    at_start.machine_s = machine_processor_s();
}

static void print_processors(double seconds, double counted) {
    double server = server_processor_s() - at_start.server_s, own = own_processor_s() - at_start.own_s;
    double machine = machine_processor_s() - at_start.machine_s;
    printf("\"server_cores\":%.3f,\"server_us_each\":%.2f,\"own_cores\":%.3f,\"other_cores\":%.3f,", server / seconds,
           server * 1e6 / (counted > 0 ? counted : 1), own / seconds, (machine - server - own) / seconds);
}

static void print_latencies(void) {
    printf("\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f,\"slowest_ms\":%.3f", percentile_ms(.5), percentile_ms(.99),
           percentile_ms(.999), percentile_ms(1 - 1e-12));
}

/* Print what became of all messages, and end the line of JSON. */
static void print_totals(int unanswered, uint64_t unexpected, uint64_t skipped) {
    printf("\"sent\":%llu,\"acknowledged\":%llu,\"unanswered\":%d,", (unsigned long long)sent,
           (unsigned long long)acknowledged, unanswered);
    printf("\"refused\":%llu,\"unexpected\":%llu,\"skipped\":%llu,", (unsigned long long)refused,
           (unsigned long long)unexpected, (unsigned long long)skipped);
    print_latencies();
    printf(",\"memory_kb\":%ld}\n", server_memory_kb());
}
