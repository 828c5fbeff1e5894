/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * The socket shim, with io_uring in several shapes and with epoll, under
 * address and undefined-behaviour sanitizers: a random crowd of clients that talk, do not read, close, half close and reset, while
 * the owner answers, holds back, closes and aborts; and datagrams both ways.
 * Every connection must be accepted once and closed once, and every byte that
 * comes back must be the one that was sent.
 *
 *   uring_test SEED STEPS
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "uring.h"

#define CLIENTS_MAX 12
/* A kernel thread that polls may have to wait for its core. */
#define LOOKS_MAX 20000
#define CHECK(condition)                                                                            \
	do {                                                                                        \
		if (!(condition))                                                                   \
			fail(#condition, __LINE__);                                                 \
	} while (0)

static int32_t options[URING_OPTIONS] = {8, 4096, 16384, 16, 16, 30};

/* Ways to wait for sockets; each goes through the same. */
struct shape {
	const char *name;
	int32_t plain, switches, kernel_poll_core, ring_entries, times;
};

#define USUAL                                                                                       \
	(URING_SWITCH_DEFER | URING_SWITCH_MULTISHOT | URING_SWITCH_MULTISHOT_ACCEPT |              \
	 URING_SWITCH_DIRECT | URING_SWITCH_BATCH)

static const struct shape shapes[] = {
	{"io_uring", 0, USUAL, -1, 0, URING_TIMES_POLL},
	{"all through the ring", 0, USUAL & ~URING_SWITCH_DIRECT, -1, 0, URING_TIMES_POLL},
	{"registered files", 0, (USUAL | URING_SWITCH_FILES) & ~URING_SWITCH_DIRECT, -1, 0, URING_TIMES_POLL},
	{"as Linux 6.0 has it", 0, URING_SWITCH_DIRECT | URING_SWITCH_BATCH, -1, 0, URING_TIMES_POLL},
	{"a queue of two entries", 0, USUAL & ~URING_SWITCH_DIRECT, -1, 2, URING_TIMES_POLL},
	{"the kernel polls", 0, USUAL, 0, 0, URING_TIMES_POLL},
	{"epoll", 1, 0, -1, 0, URING_TIMES_POLL},
	{"io_uring, the kernel's times", 0, USUAL, -1, 0, URING_TIMES_KERNEL},
	{"epoll, the kernel's times", 1, 0, -1, 0, URING_TIMES_KERNEL},
};

static int32_t layout[URING_LAYOUT_WORDS];
static uint8_t *block;
static int32_t handle;
static uint32_t seed, state;
static long accepted, closed, reset_count, echoed;

struct client {
	int fd;
	/* Counts of the byte stream: byte number n is n modulo 251. */
	uint64_t sent, received;
};

static struct client clients[CLIENTS_MAX];

static void fail(const char *what, int line)
{
	fprintf(stderr, "line %d: %s (seed %u)\n", line, what, seed);
	exit(1);
}

static uint32_t next_random(uint32_t below)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % below;
}

static int32_t *words_at(int32_t word)
{
	return (int32_t *)(void *)(block + layout[word]);
}

static int32_t *header(void)
{
	return (int32_t *)(void *)block;
}

static int32_t *connection(int32_t id)
{
	return words_at(URING_LAYOUT_CONNECTIONS) +
	       (id & ((1 << URING_SLOT_BITS) - 1)) * URING_CONNECTION_WORDS;
}

static void mark(int32_t id)
{
	int32_t *c = connection(id);

	if (c[URING_CONNECTION_DIRTY])
		return;
	c[URING_CONNECTION_DIRTY] = 1;
	words_at(URING_LAYOUT_DIRTY)[header()[URING_DIRTY_COUNT]++] = id & ((1 << URING_SLOT_BITS) - 1);
}

static void answer(int32_t id, int32_t offset, int32_t length)
{
	int32_t *c = connection(id);
	int32_t half = options[URING_OPTION_SEND_WINDOW_BYTES] / 2;
	int32_t slot = id & ((1 << URING_SLOT_BITS) - 1);
	int32_t part = (int32_t)next_random((uint32_t)length + 1);
	uint8_t *bytes = block + layout[URING_LAYOUT_BYTES];
	int32_t filled = c[URING_CONNECTION_SEND_FILL_BYTES];

	if (c[URING_CONNECTION_OPEN_ID] != id)
		return;
	if (filled + part > half)
		part = half - filled;
	memcpy(bytes + layout[URING_LAYOUT_SEND] + (slot * 2 + c[URING_CONNECTION_SEND_FILL]) * half + filled,
	       bytes + offset, (size_t)part);
	c[URING_CONNECTION_SEND_FILL_BYTES] += part;
	c[URING_CONNECTION_RECEIVE_HEAD] += part;
	c[URING_CONNECTION_RECEIVE_WANTED] = 1;
	mark(id);
	echoed += part;
}

static void close_connection(int32_t id, int32_t how)
{
	int32_t *c = connection(id);

	c[URING_CONNECTION_OPEN_ID] = 0;
	c[URING_CONNECTION_CLOSE] = how;
	mark(id);
}

static void answer_datagram(const int32_t *completion)
{
	uint8_t *bytes = block + layout[URING_LAYOUT_BYTES];
	int32_t *free_count = &header()[URING_DATAGRAM_FREE_COUNT];
	int32_t slot, *control;

	if (*free_count == 0)
		return;
	slot = words_at(URING_LAYOUT_DATAGRAM_FREE)[--*free_count];
	control = words_at(URING_LAYOUT_DATAGRAM_CONTROL) + slot * URING_DATAGRAM_WORDS;
	control[URING_DATAGRAM_LISTENER] = completion[URING_COMPLETION_LISTENER];
	control[URING_DATAGRAM_ADDRESS] = completion[URING_COMPLETION_ADDRESS];
	control[URING_DATAGRAM_PORT] = completion[URING_COMPLETION_PORT];
	control[URING_DATAGRAM_BYTES] = completion[URING_COMPLETION_LENGTH];
	memcpy(bytes + layout[URING_LAYOUT_DATAGRAM_SEND] + slot * URING_DATAGRAM_SLOT_BYTES,
	       bytes + completion[URING_COMPLETION_OFFSET], (size_t)completion[URING_COMPLETION_LENGTH]);
	words_at(URING_LAYOUT_DATAGRAM_QUEUE)[header()[URING_DATAGRAM_QUEUE_COUNT]++] = slot;
}

static void poll_once(int32_t wait_us)
{
	const int32_t *completion = words_at(URING_LAYOUT_COMPLETIONS);
	int32_t count = ferrule_uring_poll(handle, wait_us);
	int32_t i;

	CHECK(count >= 0);
	for (i = 0; i < count; i++, completion += URING_COMPLETION_WORDS) {
		int32_t id = completion[URING_COMPLETION_ID];

		switch (completion[URING_COMPLETION_KIND]) {
		case URING_ACCEPTED:
			CHECK(connection(id)[URING_CONNECTION_ID] == id);
			accepted++;
			break;
		case URING_RECEIVED:
			CHECK(connection(id)[URING_CONNECTION_ID] == id);
			answer(id, completion[URING_COMPLETION_OFFSET], completion[URING_COMPLETION_LENGTH]);
			break;
		case URING_CLOSED:
			CHECK(connection(id)[URING_CONNECTION_ID] == id);
			CHECK(connection(id)[URING_CONNECTION_OPEN_ID] == 0);
			reset_count += completion[URING_COMPLETION_LENGTH] == -ECONNRESET;
			closed++;
			break;
		case URING_DATAGRAM:
			answer_datagram(completion);
			break;
		default:
			fail("unknown completion", __LINE__);
		}
	}
}

static int connect_to(int32_t port, int kind)
{
	struct sockaddr_in name = {.sin_family = AF_INET,
				   .sin_port = htons((uint16_t)port),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, kind | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0);
	CHECK(connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0);
	CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	return fd;
}

static void client_send(struct client *c)
{
	uint8_t bytes[6000];
	size_t length = next_random(sizeof(bytes)), i;
	ssize_t sent;

	for (i = 0; i < length; i++)
		bytes[i] = (uint8_t)((c->sent + i) % 251);
	sent = send(c->fd, bytes, length, MSG_NOSIGNAL);
	if (sent > 0)
		c->sent += (uint64_t)sent;
}

static void client_receive(struct client *c)
{
	uint8_t bytes[8000];
	ssize_t received = recv(c->fd, bytes, sizeof(bytes), 0), i;

	for (i = 0; i < received; i++)
		CHECK(bytes[i] == (uint8_t)((c->received + (uint64_t)i) % 251));
	if (received > 0)
		c->received += (uint64_t)received;
}

static void client_leave(struct client *c, bool by_reset)
{
	const struct linger reset = {.l_onoff = 1, .l_linger = 0};

	if (by_reset)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(c->fd);
	*c = (struct client){.fd = -1};
}

static void random_step(int32_t port)
{
	struct client *c = &clients[next_random(CLIENTS_MAX)];
	uint32_t what = next_random(100);
	int32_t slot = (int32_t)next_random(8);
	int32_t id = (words_at(URING_LAYOUT_CONNECTIONS) + slot * URING_CONNECTION_WORDS)[URING_CONNECTION_ID];

	if (c->fd < 0) {
		*c = (struct client){.fd = connect_to(port, SOCK_STREAM)};
		return;
	}
	if (what < 40)
		client_send(c);
	else if (what < 80)
		client_receive(c);
	else if (what < 84)
		shutdown(c->fd, SHUT_WR);
	else if (what < 92)
		client_leave(c, what < 88);
	else if (id != 0 && what < 94)
		close_connection(id, what == 92 ? URING_CLOSE_FLUSH : URING_CLOSE_ABORT);
	else if (id != 0) {
		/* Goes on after it held back. */
		connection(id)[URING_CONNECTION_RECEIVE_WANTED] = 1;
		mark(id);
	}
}

static void check_datagrams(int32_t port)
{
	int fd = connect_to(port, SOCK_DGRAM);
	uint8_t out[2100], in[2100];
	int round, i;

	for (round = 0; round < 300; round++) {
		size_t length = next_random(1473);

		memset(out, round, length);
		CHECK(send(fd, out, length, 0) == (ssize_t)length);
		if (round % 10 == 0)
			CHECK(send(fd, out, sizeof(out), 0) == sizeof(out));
		for (i = 0; i < LOOKS_MAX; i++) {
			ssize_t received;

			poll_once(i < 10 ? 0 : 1000);
			received = recv(fd, in, sizeof(in), 0);
			if (received < 0)
				continue;
			CHECK(received == (ssize_t)length && memcmp(in, out, length) == 0);
			break;
		}
		CHECK(i < LOOKS_MAX);
	}
	for (i = 0; i < LOOKS_MAX && header()[URING_DATAGRAMS_DROPPED] < 30; i++)
		poll_once(1000);
	CHECK(header()[URING_DATAGRAMS_DROPPED] == 30);
	close(fd);
}

/*
 * Out of descriptors: the kernel can not accept, later it can, and nobody is
 * lost. The limit counts when a listener is armed, so this takes a new one.
 */
static void check_descriptors(void)
{
	int32_t listener = ferrule_uring_listen_stream(handle, INADDR_LOOPBACK, 0);
	struct rlimit usual, few;
	int32_t errors = header()[URING_ACCEPT_ERRORS];
	long before = accepted;
	struct client late;
	int i;

	CHECK(listener >= 0 && getrlimit(RLIMIT_NOFILE, &usual) == 0);
	late = (struct client){.fd = connect_to(ferrule_uring_port(handle, listener), SOCK_STREAM)};
	few = usual;
	few.rlim_cur = 3;
	CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
	for (i = 0; i < LOOKS_MAX && header()[URING_ACCEPT_ERRORS] == errors; i++)
		poll_once(1000);
	CHECK(setrlimit(RLIMIT_NOFILE, &usual) == 0);
	CHECK(header()[URING_ACCEPT_ERRORS] > errors);
	for (i = 0; i < LOOKS_MAX && accepted == before; i++)
		poll_once(1000);
	CHECK(accepted == before + 1);
	client_leave(&late, false);
}

static bool has_seen_all(void)
{
	return accepted > 10 && reset_count > 0 && echoed > 0;
}

static void run(const struct shape *shape, long steps)
{
	int32_t stream, datagram;
	long i;

	accepted = closed = reset_count = echoed = 0;
	options[URING_OPTION_PLAIN] = shape->plain;
	options[URING_OPTION_SWITCHES] = shape->switches;
	options[URING_OPTION_KERNEL_POLL_CORE] = shape->kernel_poll_core;
	options[URING_OPTION_RING_ENTRIES] = shape->ring_entries;
	options[URING_OPTION_TIMESTAMPS] = shape->times;
	CHECK(ferrule_uring_layout(options, layout) == 0);
	block = mmap(NULL, (size_t)layout[URING_LAYOUT_TOTAL_BYTES], PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(block != MAP_FAILED);
	handle = ferrule_uring_create(options, (double)(uintptr_t)block);
	CHECK(handle >= 0);
	stream = ferrule_uring_listen_stream(handle, INADDR_LOOPBACK, 0);
	datagram = ferrule_uring_listen_datagram(handle, INADDR_LOOPBACK, 0);
	CHECK(stream >= 0 && datagram >= 0);
	CHECK(ferrule_uring_listen_stream(handle, INADDR_LOOPBACK, ferrule_uring_port(handle, stream)) ==
	      -EADDRINUSE);
	for (i = 0; i < CLIENTS_MAX; i++)
		clients[i].fd = -1;
	for (i = 0; i < steps || (i < 20 * steps && !has_seen_all()); i++) {
		random_step(ferrule_uring_port(handle, stream));
		poll_once(next_random(20) == 0 ? 50 : 0);
	}
	check_datagrams(ferrule_uring_port(handle, datagram));
	for (i = 0; i < CLIENTS_MAX; i++) {
		if (clients[i].fd >= 0)
			client_leave(&clients[i], false);
	}
	for (i = 0; i < LOOKS_MAX && (accepted != closed || i < 20); i++) {
		int32_t slot;

		/* The owner throws away what it had held back. */
		for (slot = 0; slot < 8; slot++) {
			int32_t *c = words_at(URING_LAYOUT_CONNECTIONS) + slot * URING_CONNECTION_WORDS;

			if (c[URING_CONNECTION_OPEN_ID] != 0)
				close_connection(c[URING_CONNECTION_ID], URING_CLOSE_FLUSH);
		}
		poll_once(1000);
	}
	CHECK(accepted == closed && header()[URING_OPEN] == 0);
	check_descriptors();
	for (i = 0; i < LOOKS_MAX && accepted != closed; i++)
		poll_once(1000);
	CHECK(accepted == closed);
	CHECK(has_seen_all());
	CHECK(ferrule_uring_close_listener(handle, datagram) == 0);
	CHECK(ferrule_uring_close_listener(handle, datagram) == -EBADF);
	CHECK(ferrule_uring_destroy(handle) == 0);
	CHECK(ferrule_uring_poll(handle, 0) == -EBADF);
	printf("%s: accepted %ld, closed %ld, reset %ld, refused %d, echoed %ld bytes\n",
	       shape->name, accepted, closed, reset_count, header()[URING_REFUSED], echoed);
	munmap(block, (size_t)layout[URING_LAYOUT_TOTAL_BYTES]);
}

int main(int count, char **arguments)
{
	long steps = count > 2 ? atol(arguments[2]) : 20000;
	size_t i;

	seed = count > 1 ? (uint32_t)strtoul(arguments[1], NULL, 10) : 1;
	state = seed;
	CHECK(ferrule_uring_probe() == 0);
	for (i = 0; i < sizeof(shapes) / sizeof(*shapes); i++)
		run(&shapes[i], steps);
	return 0;
}
