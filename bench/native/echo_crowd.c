/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * Many connections to a server that answers --out bytes with --in bytes: each
 * has one request under way, and sends the next when its answer is whole.
 * Spins on epoll. Prints round trips and answers a second as one JSON line.
 *
 *   echo_crowd --port 9100 [--host 127.0.0.1] [--connections 64] [--out 50]
 *              [--in 80] [--rounds 100000] [--warmup 20000] [--core -1]
 *              [--seconds 30]
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common.h"

#define CONNECTIONS_MAX 4096
#define MESSAGE_BYTES_MAX 65536
#define EVENTS_MAX 64

struct connection {
	int fd;
	size_t missing;
	int64_t start_ns;
};

static uint8_t request[MESSAGE_BYTES_MAX];
static uint8_t answer[MESSAGE_BYTES_MAX];
static struct connection connections[CONNECTIONS_MAX];
static size_t out_bytes, in_bytes;

static void ask(struct connection *c)
{
	c->start_ns = bench_now_ns();
	c->missing = in_bytes;
	if (!bench_send_all(c->fd, request, out_bytes))
		bench_fail("The connection broke");
}

/* True when the answer is whole. */
static bool take(struct connection *c)
{
	int64_t received = bench_try_receive(c->fd, answer, c->missing);

	if (received < 0)
		bench_fail("The connection broke");
	c->missing -= (size_t)received;
	return c->missing == 0;
}

static void open_all(int epoll, int64_t count, const char *host, int64_t port)
{
	int64_t i;

	for (i = 0; i < count; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[i]};

		connections[i].fd = bench_connect(host, port, true);
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].fd, &event) != 0)
			bench_fail("epoll_ctl failed");
	}
	for (i = 0; i < count; i++)
		ask(&connections[i]);
}

/* Returns nanoseconds from the end of the warm-up on. */
static int64_t measure(int epoll, struct bench_samples *samples, int64_t warmup, int64_t rounds)
{
	struct epoll_event events[EVENTS_MAX];
	int64_t done = 0, start = bench_now_ns();
	int i, count;

	while (samples->count < rounds && !bench_over()) {
		count = epoll_wait(epoll, events, EVENTS_MAX, 0);
		for (i = 0; i < count && samples->count < rounds; i++) {
			struct connection *c = events[i].data.ptr;

			if (!take(c))
				continue;
			if (++done == warmup)
				start = bench_now_ns();
			if (done > warmup)
				samples->values[samples->count++] = bench_now_ns() - c->start_ns;
			ask(c);
		}
	}
	return bench_now_ns() - start;
}

int main(int count, char **arguments)
{
	int64_t wanted = bench_number(count, arguments, "connections", 64, 1, CONNECTIONS_MAX);
	int64_t rounds = bench_number(count, arguments, "rounds", 100000, 1, BENCH_SAMPLES_MAX);
	int64_t warmup = bench_number(count, arguments, "warmup", 20000, 0, BENCH_SAMPLES_MAX);
	struct bench_samples samples;
	int64_t elapsed;
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	out_bytes = (size_t)bench_number(count, arguments, "out", 50, 1, MESSAGE_BYTES_MAX);
	in_bytes = (size_t)bench_number(count, arguments, "in", 80, 1, MESSAGE_BYTES_MAX);
	if (epoll < 0)
		bench_fail("epoll_create1 failed");
	bench_samples_open(&samples, rounds);
	bench_pin(bench_number(count, arguments, "core", -1, -1, 1023));
	bench_stop_on_signal();
	bench_deadline_start(bench_number(count, arguments, "seconds", 30, 1, 3600));
	open_all(epoll, wanted, bench_text(count, arguments, "host", "127.0.0.1"),
		 bench_number(count, arguments, "port", 9100, 1, 65535));
	elapsed = measure(epoll, &samples, warmup, rounds);
	printf("{\"program\":\"echo_crowd\",\"connections\":%lld,\"complete\":%s,\"perSecond\":%.0f,",
	       (long long)wanted, samples.count == rounds ? "true" : "false",
	       (double)samples.count * 1e9 / (double)elapsed);
	bench_samples_print(&samples);
	printf("}\n");
	return samples.count == rounds ? 0 : 2;
}
