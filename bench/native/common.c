/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nmmintrin.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

/* The clock is read once in so many empty looks at a socket. */
#define LOOKS_PER_CLOCK 1024

volatile bool bench_stop;
static int64_t deadline_ns = INT64_MAX;

void bench_fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

const char *bench_text(int count, char **arguments, const char *name, const char *otherwise)
{
	int i;

	for (i = 1; i + 1 < count; i += 2) {
		if (strncmp(arguments[i], "--", 2) == 0 && strcmp(arguments[i] + 2, name) == 0)
			return arguments[i + 1];
	}
	return otherwise;
}

int64_t bench_number(int count, char **arguments, const char *name, int64_t otherwise, int64_t low,
		     int64_t high)
{
	const char *text = bench_text(count, arguments, name, NULL);
	char *end;
	int64_t value;

	if (text == NULL)
		return otherwise;
	value = strtoll(text, &end, 10);
	if (*text == '\0' || *end != '\0' || value < low || value > high)
		bench_fail("--%s is \"%s\"; it takes %" PRId64 " to %" PRId64, name, text, low, high);
	return value;
}

void bench_pin(int64_t core)
{
	cpu_set_t set;

	if (core < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)core, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		bench_fail("Failed to pin to core %" PRId64 ": %s", core, strerror(errno));
}

int64_t bench_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void on_signal(int number)
{
	(void)number;
	bench_stop = true;
}

void bench_stop_on_signal(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

void bench_deadline_start(int64_t seconds)
{
	deadline_ns = bench_now_ns() + seconds * 1000000000;
	/* Should a loop forget to look. */
	alarm((unsigned int)seconds + 5);
}

bool bench_over(void)
{
	return bench_stop || bench_now_ns() >= deadline_ns;
}

void bench_prepare_stream(int fd)
{
	const int on = 1;

	if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
		bench_fail("fcntl: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

int bench_connect(const char *host, int64_t port, bool tcp)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	const int buffer_bytes = 4 << 20;
	int fd = socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);

	if (fd < 0)
		bench_fail("socket: %s", strerror(errno));
	if (inet_pton(AF_INET, host, &name.sin_addr) != 1)
		bench_fail("--host \"%s\" is no IPv4 address", host);
	if (connect(fd, (struct sockaddr *)&name, sizeof(name)) != 0)
		bench_fail("Failed to connect to %s:%" PRId64 ": %s", host, port, strerror(errno));
	if (!tcp && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof(buffer_bytes)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof(buffer_bytes));
	if (tcp)
		bench_prepare_stream(fd);
	else if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
		bench_fail("fcntl: %s", strerror(errno));
	return fd;
}

int bench_listen(int64_t port, bool tcp)
{
	struct sockaddr_in name = {.sin_family = AF_INET,
				   .sin_port = htons((uint16_t)port),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int on = 1;
	int fd = socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		bench_fail("socket: %s", strerror(errno));
	if (tcp)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&name, sizeof(name)) != 0 || (tcp && listen(fd, 16) != 0))
		bench_fail("Failed to listen on port %" PRId64 ": %s", port, strerror(errno));
	return fd;
}

bool bench_send_all(int fd, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	int looks = 0;

	while (length > 0) {
		ssize_t sent = send(fd, at, length, MSG_NOSIGNAL);

		if (sent > 0) {
			at += sent;
			length -= (size_t)sent;
		} else if (sent < 0 && errno != EAGAIN && errno != EINTR) {
			return false;
		} else if (++looks % LOOKS_PER_CLOCK == 0 && bench_over()) {
			return false;
		}
	}
	return true;
}

bool bench_receive_all(int fd, void *bytes, size_t length)
{
	uint8_t *at = bytes;
	int looks = 0;

	while (length > 0) {
		ssize_t received = recv(fd, at, length, 0);

		if (received > 0) {
			at += received;
			length -= (size_t)received;
		} else if (received == 0 || (errno != EAGAIN && errno != EINTR)) {
			return false;
		} else if (++looks % LOOKS_PER_CLOCK == 0 && bench_over()) {
			return false;
		}
	}
	return true;
}

int64_t bench_try_send(int fd, const void *bytes, size_t length)
{
	ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);

	if (sent >= 0)
		return sent;
	return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

int64_t bench_try_receive(int fd, void *bytes, size_t length)
{
	ssize_t received = recv(fd, bytes, length, 0);

	if (received > 0)
		return received;
	return received < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

void bench_samples_open(struct bench_samples *samples, int64_t count_max)
{
	samples->count = 0;
	samples->values = malloc((size_t)count_max * sizeof(*samples->values));
	if (samples->values == NULL)
		bench_fail("No memory for %" PRId64 " samples", count_max);
	/* Touched now, so that no page fault is measured. */
	memset(samples->values, 0, (size_t)count_max * sizeof(*samples->values));
}

static int compare(const void *one, const void *two)
{
	int64_t a = *(const int64_t *)one, b = *(const int64_t *)two;

	return (a > b) - (a < b);
}

void bench_samples_sort(struct bench_samples *samples)
{
	qsort(samples->values, (size_t)samples->count, sizeof(*samples->values), compare);
}

int64_t bench_samples_at(const struct bench_samples *samples, double per_mille)
{
	int64_t index = (int64_t)((double)samples->count * per_mille / 1000.0);

	if (samples->count == 0)
		return 0;
	return samples->values[index >= samples->count ? samples->count - 1 : index];
}

void bench_samples_print(struct bench_samples *samples)
{
	bench_samples_sort(samples);
	printf("\"count\":%" PRId64 ",\"minNs\":%" PRId64 ",\"p50Ns\":%" PRId64 ",\"p90Ns\":%" PRId64
	       ",\"p99Ns\":%" PRId64 ",\"p999Ns\":%" PRId64 ",\"maxNs\":%" PRId64,
	       samples->count, bench_samples_at(samples, 0), bench_samples_at(samples, 500),
	       bench_samples_at(samples, 900), bench_samples_at(samples, 990),
	       bench_samples_at(samples, 999), bench_samples_at(samples, 1000));
}

uint32_t bench_crc32c(const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	uint64_t crc = 0xffffffff;

	for (; length >= 8; length -= 8, at += 8) {
		uint64_t word;

		memcpy(&word, at, 8);
		crc = _mm_crc32_u64(crc, word);
	}
	for (; length > 0; length--, at++)
		crc = _mm_crc32_u8((uint32_t)crc, *at);
	return ~(uint32_t)crc;
}
