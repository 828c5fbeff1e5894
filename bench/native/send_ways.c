/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * What a send over TCP costs by size and by way: send(), a send through
 * io_uring, and its zero-copy kind from memory that is registered or not.
 * Both ends are in this thread; the receiver reads all after each send, and a
 * zero-copy send is over when the kernel has told that it holds the memory no
 * more. Over loopback the kernel copies even then, when it hands the bytes
 * over: so this shows what zero copy costs, and not what it may save where
 * bytes leave through a network card.
 *
 *   send_ways [--bytes 64] [--rounds 9] [--slice 2000] [--core -1] [--seconds 60]
 *
 * Prints one JSON line: nanoseconds of processor time a send and receive, for
 * each way an array with one figure a round. Ways take turns.
 */
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

#define BYTES_MAX (1 << 20)
#define ROUNDS_MAX 99

enum way { WAY_CALL, WAY_RING, WAY_ZERO_COPY, WAY_ZERO_COPY_FIXED, WAYS };

static const char *const way_names[WAYS] = {"call", "ring", "zeroCopy", "zeroCopyFixed"};
static uint8_t message[BYTES_MAX] __attribute__((aligned(4096)));
static uint8_t sink[BYTES_MAX];
static struct io_uring ring;
static int sender, receiver;
/* Memory that the kernel has not let go of yet. */
static int held;

static int64_t processor_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void open_ring(void)
{
	struct iovec memory = {.iov_base = message, .iov_len = sizeof(message)};

	if (io_uring_queue_init(64, &ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN) < 0)
		bench_fail("io_uring can not be had");
	if (io_uring_register_buffers(&ring, &memory, 1) < 0)
		bench_fail("Memory can not be registered with io_uring: raise the limit of locked memory");
}

static void open_pair(void)
{
	int listener = bench_listen(0, true);
	struct sockaddr_in name;
	socklen_t name_bytes = sizeof(name);

	if (getsockname(listener, (struct sockaddr *)&name, &name_bytes) != 0)
		bench_fail("getsockname failed");
	sender = bench_connect("127.0.0.1", ntohs(name.sin_port), true);
	do {
		receiver = accept(listener, NULL, NULL);
	} while (receiver < 0 && errno == EAGAIN);
	if (receiver < 0)
		bench_fail("accept failed");
	bench_prepare_stream(receiver);
	close(listener);
}

/* Takes what the ring has; returns the bytes that were sent. */
static size_t reap(void)
{
	struct io_uring_cqe *entry;
	unsigned int head, seen = 0;
	size_t sent = 0;

	io_uring_submit_and_get_events(&ring);
	io_uring_for_each_cqe(&ring, head, entry) {
		seen++;
		if ((entry->flags & IORING_CQE_F_NOTIF) != 0) {
			held--;
			continue;
		}
		if (entry->res < 0 && entry->res != -EAGAIN)
			bench_fail("A send failed with %d", entry->res);
		sent += entry->res > 0 ? (size_t)entry->res : 0;
		held += (entry->flags & IORING_CQE_F_MORE) != 0;
	}
	io_uring_cq_advance(&ring, seen);
	return sent;
}

static void start_send(enum way way, const uint8_t *from, size_t bytes)
{
	struct io_uring_sqe *entry = io_uring_get_sqe(&ring);

	if (way == WAY_RING)
		io_uring_prep_send(entry, sender, from, bytes, MSG_NOSIGNAL);
	else if (way == WAY_ZERO_COPY)
		io_uring_prep_send_zc(entry, sender, from, bytes, MSG_NOSIGNAL, 0);
	else
		io_uring_prep_send_zc_fixed(entry, sender, from, bytes, MSG_NOSIGNAL, 0, 0);
}

static size_t drain(void)
{
	size_t all = 0;
	int64_t received;

	while ((received = bench_try_receive(receiver, sink, sizeof(sink))) > 0)
		all += (size_t)received;
	return all;
}

static void send_one(enum way way, size_t bytes)
{
	size_t sent = 0, received = 0;
	bool under_way = false;

	while (received < bytes || held > 0) {
		if (way == WAY_CALL && sent < bytes) {
			int64_t more = bench_try_send(sender, message + sent, bytes - sent);

			if (more < 0)
				bench_fail("The connection broke");
			sent += (size_t)more;
		} else if (way != WAY_CALL) {
			size_t more;

			if (!under_way && sent < bytes)
				start_send(way, message + sent, bytes - sent);
			more = reap();
			under_way = sent < bytes && more == 0;
			sent += more;
		}
		received += drain();
	}
}

int main(int count, char **arguments)
{
	size_t bytes = (size_t)bench_number(count, arguments, "bytes", 64, 1, BYTES_MAX);
	int64_t rounds = bench_number(count, arguments, "rounds", 9, 1, ROUNDS_MAX);
	int64_t slice = bench_number(count, arguments, "slice", 2000, 1, 1000000);
	static double figures[WAYS][ROUNDS_MAX];
	int64_t round, i;
	int way;

	bench_pin(bench_number(count, arguments, "core", -1, -1, 1023));
	bench_stop_on_signal();
	bench_deadline_start(bench_number(count, arguments, "seconds", 60, 1, 3600));
	open_ring();
	open_pair();
	/* The first round warms up. */
	for (round = -1; round < rounds && !bench_over(); round++) {
		for (way = 0; way < WAYS; way++) {
			int64_t start = processor_ns();

			for (i = 0; i < slice; i++)
				send_one((enum way)way, bytes);
			if (round >= 0)
				figures[way][round] = (double)(processor_ns() - start) / (double)slice;
		}
	}
	printf("{\"program\":\"send_ways\",\"bytes\":%zu,\"complete\":%s", bytes,
	       round == rounds ? "true" : "false");
	for (way = 0; way < WAYS; way++) {
		printf(",\"%s\":[", way_names[way]);
		for (i = 0; i < rounds; i++)
			printf("%s%.0f", i == 0 ? "" : ",", figures[way][i]);
		printf("]");
	}
	printf("}\n");
	return round == rounds ? 0 : 2;
}
