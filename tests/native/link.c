/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * The connection between two appliances without Deno, for the build with
 * sanitizers: each function in each way that it can end.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "link.h"

#define CHECK(condition)                                                          \
	do {                                                                      \
		if (!(condition)) {                                               \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			exit(1);                                                  \
		}                                                                 \
	} while (0)

static double address_of(const void *data)
{
	return (double)(uintptr_t)data;
}

static void wait_for(int fd, short events)
{
	struct pollfd look = { .fd = fd, .events = events };

	CHECK(poll(&look, 1, 10000) == 1);
}

static void test_wrong(void)
{
	uint32_t port;
	uint32_t peer[2];
	char byte;

	CHECK(ferrule_link_listen("localhost", 0, &port) == -EINVAL);
	CHECK(ferrule_link_listen("127.0.0.1", 65536, &port) == -EINVAL);
	CHECK(ferrule_link_listen("192.0.2.1", 0, &port) == -EADDRNOTAVAIL);
	CHECK(ferrule_link_connect("nowhere", 1) == -EINVAL);
	CHECK(ferrule_link_connect("127.0.0.1", 70000) == -EINVAL);
	CHECK(ferrule_link_accept(-1, peer) == -EBADF);
	CHECK(ferrule_link_send(-1, address_of(&byte), 1) == -EBADF);
	CHECK(ferrule_link_receive(-1, address_of(&byte), 1) == -EBADF);
	CHECK(ferrule_link_receive(-1, address_of(&byte), 0) == -EINVAL);
	CHECK(ferrule_link_close(-1) == -EBADF);
}

static void test_refused(void)
{
	uint32_t port;
	int listener = ferrule_link_listen("127.0.0.1", 0, &port);
	int fd;
	int32_t result;

	CHECK(listener >= 0);
	CHECK(ferrule_link_close(listener) == 0);
	fd = ferrule_link_connect("127.0.0.1", port);
	if (fd == -ECONNREFUSED)
		return;
	CHECK(fd >= 0);
	wait_for(fd, POLLOUT);
	result = ferrule_link_connected(fd);
	CHECK(result == -ECONNREFUSED);
	CHECK(ferrule_link_close(fd) == 0);
}

static void test_talk(void)
{
	static char big[1 << 20];
	char found[64];
	uint32_t port = 0;
	uint32_t again;
	uint32_t peer[2] = { 0 };
	int listener = ferrule_link_listen("127.0.0.1", 0, &port);
	int caller;
	int called;
	int64_t taken = 0;
	int64_t came = 0;
	int32_t count;

	CHECK(listener >= 0 && port != 0);
	CHECK(ferrule_link_listen("127.0.0.1", port, &again) == -EADDRINUSE);
	CHECK(ferrule_link_accept(listener, peer) == -EAGAIN);
	caller = ferrule_link_connect("127.0.0.1", port);
	CHECK(caller >= 0);
	wait_for(listener, POLLIN);
	called = ferrule_link_accept(listener, peer);
	CHECK(called >= 0 && peer[0] == 0x7f000001u && peer[1] != 0);
	wait_for(caller, POLLOUT);
	CHECK(ferrule_link_connected(caller) == 0);
	CHECK(ferrule_link_receive(called, address_of(found), sizeof(found)) == 0);
	CHECK(ferrule_link_send(caller, address_of("hello"), 5) == 5);
	wait_for(called, POLLIN);
	CHECK(ferrule_link_receive(called, address_of(found), sizeof(found)) == 5);
	CHECK(memcmp(found, "hello", 5) == 0);
	memset(big, 7, sizeof(big));
	while ((count = ferrule_link_send(caller, address_of(big), sizeof(big))) > 0)
		taken += count;
	CHECK(count == 0 && taken > 0);
	while (came < taken) {
		wait_for(called, POLLIN);
		count = ferrule_link_receive(called, address_of(big), sizeof(big));
		CHECK(count > 0 && big[count - 1] == 7);
		came += count;
	}
	CHECK(ferrule_link_close(caller) == 0);
	wait_for(called, POLLIN);
	CHECK(ferrule_link_receive(called, address_of(found), sizeof(found)) == -EPIPE);
	/* The first send after the end is answered by a reset, and the next one finds it. */
	CHECK(ferrule_link_send(called, address_of("x"), 1) == 1);
	wait_for(called, POLLERR);
	CHECK(ferrule_link_send(called, address_of("x"), 1) == -EPIPE ||
	      ferrule_link_send(called, address_of("x"), 1) == -EPIPE);
	CHECK(ferrule_link_close(called) == 0);
	CHECK(ferrule_link_close(listener) == 0);
}

int main(void)
{
	test_wrong();
	test_refused();
	test_talk();
	puts("ok");
	return 0;
}
