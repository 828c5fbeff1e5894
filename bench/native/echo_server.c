/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * The yardstick: answers each request of --in bytes with --out bytes, by plain
 * nonblocking sockets that it polls without ever sleeping. One client at a
 * time. Ends on SIGTERM or after --seconds.
 *
 *   echo_server --port 9100 --over tcp|udp [--in 50] [--out 80] [--core -1]
 *               [--seconds 60]
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

#define MESSAGE_BYTES_MAX 65536
#define LOOKS_PER_CLOCK 65536

static uint8_t request[MESSAGE_BYTES_MAX];
static uint8_t answer[MESSAGE_BYTES_MAX];
static int64_t answered;

static void serve_stream(int fd, size_t in_bytes, size_t out_bytes)
{
	size_t have = 0;
	int looks = 0;

	for (;;) {
		ssize_t received = recv(fd, request, sizeof(request), 0);

		if (received > 0) {
			for (have += (size_t)received; have >= in_bytes; have -= in_bytes) {
				if (!bench_send_all(fd, answer, out_bytes))
					return;
				answered++;
			}
		} else if (received == 0 || (errno != EAGAIN && errno != EINTR)) {
			return;
		} else if (++looks % LOOKS_PER_CLOCK == 0 && bench_over()) {
			return;
		}
	}
}

static void serve_streams(int listener, size_t in_bytes, size_t out_bytes)
{
	while (!bench_over()) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		bench_prepare_stream(fd);
		serve_stream(fd, in_bytes, out_bytes);
		close(fd);
	}
}

static void serve_datagrams(int fd, size_t out_bytes)
{
	int looks = 0;

	for (;;) {
		struct sockaddr_in name;
		socklen_t name_bytes = sizeof(name);
		ssize_t received =
			recvfrom(fd, request, sizeof(request), 0, (struct sockaddr *)&name, &name_bytes);

		if (received >= 0) {
			sendto(fd, answer, out_bytes, 0, (struct sockaddr *)&name, name_bytes);
			answered++;
		} else if (++looks % LOOKS_PER_CLOCK == 0 && bench_over()) {
			return;
		}
	}
}

int main(int count, char **arguments)
{
	const char *over = bench_text(count, arguments, "over", "tcp");
	bool tcp = strcmp(over, "tcp") == 0;
	size_t in_bytes = (size_t)bench_number(count, arguments, "in", 50, 1, MESSAGE_BYTES_MAX);
	size_t out_bytes = (size_t)bench_number(count, arguments, "out", 80, 1, MESSAGE_BYTES_MAX);
	int fd = bench_listen(bench_number(count, arguments, "port", 9100, 1, 65535), tcp);

	if (!tcp && strcmp(over, "udp") != 0)
		bench_fail("--over is tcp or udp");
	bench_pin(bench_number(count, arguments, "core", -1, -1, 1023));
	bench_stop_on_signal();
	bench_deadline_start(bench_number(count, arguments, "seconds", 60, 1, 3600));
	fprintf(stderr, "ready\n");
	if (tcp)
		serve_streams(fd, in_bytes, out_bytes);
	else
		serve_datagrams(fd, out_bytes);
	close(fd);
	printf("{\"program\":\"echo_server\",\"over\":\"%s\",\"answered\":%lld}\n", over,
	       (long long)answered);
	return 0;
}
