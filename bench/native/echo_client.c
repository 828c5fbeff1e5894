/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * Ping-pong with a server that answers --out bytes with --in bytes: one
 * request under way at a time, spinning. Prints the distribution of round
 * trips as one JSON line.
 *
 *   echo_client --port 9100 --over tcp|udp [--host 127.0.0.1] [--out 50]
 *               [--in 80] [--rounds 100000] [--warmup 20000] [--core -1]
 *               [--seconds 30]
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

#define MESSAGE_BYTES_MAX 65536
#define LOOKS_PER_CLOCK 1024

static uint8_t request[MESSAGE_BYTES_MAX];
static uint8_t answer[MESSAGE_BYTES_MAX];

/* A datagram comes whole or not at all. */
static bool receive_datagram(int fd, size_t length)
{
	int looks = 0;

	for (;;) {
		ssize_t received = recv(fd, answer, sizeof(answer), 0);

		if (received >= 0)
			return (size_t)received == length;
		if (++looks % LOOKS_PER_CLOCK == 0 && bench_over())
			return false;
	}
}

int main(int count, char **arguments)
{
	const char *over = bench_text(count, arguments, "over", "tcp");
	bool tcp = strcmp(over, "tcp") == 0;
	size_t out_bytes = (size_t)bench_number(count, arguments, "out", 50, 1, MESSAGE_BYTES_MAX);
	size_t in_bytes = (size_t)bench_number(count, arguments, "in", 80, 1, MESSAGE_BYTES_MAX);
	int64_t rounds = bench_number(count, arguments, "rounds", 100000, 1, BENCH_SAMPLES_MAX);
	int64_t warmup = bench_number(count, arguments, "warmup", 20000, 0, BENCH_SAMPLES_MAX);
	struct bench_samples samples;
	int64_t i;
	int fd;

	if (!tcp && strcmp(over, "udp") != 0)
		bench_fail("--over is tcp or udp");
	bench_samples_open(&samples, rounds);
	bench_pin(bench_number(count, arguments, "core", -1, -1, 1023));
	bench_stop_on_signal();
	bench_deadline_start(bench_number(count, arguments, "seconds", 30, 1, 3600));
	fd = bench_connect(bench_text(count, arguments, "host", "127.0.0.1"),
			   bench_number(count, arguments, "port", 9100, 1, 65535), tcp);
	for (i = 0; i < warmup + rounds; i++) {
		int64_t start = bench_now_ns();
		bool done = bench_send_all(fd, request, out_bytes) &&
			    (tcp ? bench_receive_all(fd, answer, in_bytes) : receive_datagram(fd, in_bytes));

		if (!done)
			break;
		if (i >= warmup)
			samples.values[samples.count++] = bench_now_ns() - start;
	}
	close(fd);
	printf("{\"program\":\"echo_client\",\"over\":\"%s\",\"outBytes\":%zu,\"inBytes\":%zu,"
	       "\"complete\":%s,",
	       over, out_bytes, in_bytes, samples.count == rounds ? "true" : "false");
	bench_samples_print(&samples);
	printf("}\n");
	return samples.count == rounds ? 0 : 2;
}
