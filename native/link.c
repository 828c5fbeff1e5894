/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link.h"
#include "memory.h"

#define BACKLOG 4

static int32_t parse(const char *address, uint32_t port, struct sockaddr_in *out)
{
	*out = (struct sockaddr_in){ .sin_family = AF_INET };
	if (port > 65535)
		return ferrule_fail(EINVAL, "port %u", port);
	if (inet_pton(AF_INET, address, &out->sin_addr) != 1)
		return ferrule_fail(EINVAL, "IPv4 address '%s'", address);
	out->sin_port = htons((uint16_t)port);
	return 0;
}

/* Closes and keeps the error of what was tried before. */
static int32_t give_up(int fd, const char *what, const char *address, uint32_t port)
{
	const int err = errno;

	close(fd);
	return ferrule_fail(err, "%s %s:%u", what, address, port);
}

static int32_t no_delay(int fd)
{
	const int on = 1;

	return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

int32_t ferrule_link_listen(const char *address, uint32_t port, uint32_t *bound_port)
{
	struct sockaddr_in local;
	socklen_t bytes = sizeof(local);
	const int on = 1;
	int32_t result = parse(address, port, &local);
	int fd;

	if (result < 0)
		return result;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ferrule_fail(errno, "socket(AF_INET)");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(fd, (const struct sockaddr *)&local, sizeof(local)) != 0 ||
	    listen(fd, BACKLOG) != 0 ||
	    getsockname(fd, (struct sockaddr *)&local, &bytes) != 0)
		return give_up(fd, "listen on", address, port);
	*bound_port = ntohs(local.sin_port);
	return fd;
}

int32_t ferrule_link_accept(int32_t listener, uint32_t *peer)
{
	struct sockaddr_in from = { 0 };
	socklen_t bytes = sizeof(from);
	int fd;

	do {
		fd = accept4(listener, (struct sockaddr *)&from, &bytes,
			     SOCK_NONBLOCK | SOCK_CLOEXEC);
	} while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (fd < 0) {
		if (errno == EAGAIN)
			return -EAGAIN;
		return ferrule_fail(errno, "accept");
	}
	if (no_delay(fd) != 0) {
		const int err = errno;

		close(fd);
		return ferrule_fail(err, "TCP_NODELAY");
	}
	peer[0] = ntohl(from.sin_addr.s_addr);
	peer[1] = ntohs(from.sin_port);
	return fd;
}

int32_t ferrule_link_connect(const char *address, uint32_t port)
{
	struct sockaddr_in remote;
	int32_t result = parse(address, port, &remote);
	int fd;

	if (result < 0)
		return result;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ferrule_fail(errno, "socket(AF_INET)");
	if (no_delay(fd) != 0)
		return give_up(fd, "TCP_NODELAY to", address, port);
	if (connect(fd, (const struct sockaddr *)&remote, sizeof(remote)) != 0 &&
	    errno != EINPROGRESS && errno != EINTR)
		return give_up(fd, "connect to", address, port);
	return fd;
}

int32_t ferrule_link_connected(int32_t fd)
{
	struct pollfd look = { .fd = fd, .events = POLLOUT };
	socklen_t bytes = sizeof(int);
	int err = 0;

	if (poll(&look, 1, 0) < 0)
		return errno == EINTR ? -EINPROGRESS : ferrule_fail(errno, "poll");
	if (look.revents == 0)
		return -EINPROGRESS;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &bytes) != 0)
		return ferrule_fail(errno, "SO_ERROR");
	return err == 0 ? 0 : ferrule_fail(err, "connect");
}

int32_t ferrule_link_send(int32_t fd, double address, uint32_t bytes)
{
	ssize_t sent;

	if (bytes > INT32_MAX)
		return ferrule_fail(EINVAL, "send of %u bytes", bytes);
	do {
		sent = send(fd, ferrule_pointer(address), bytes, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return (int32_t)sent;
	return errno == EAGAIN ? 0 : ferrule_fail(errno, "send");
}

int32_t ferrule_link_receive(int32_t fd, double address, uint32_t bytes)
{
	ssize_t got;

	if (bytes == 0 || bytes > INT32_MAX)
		return ferrule_fail(EINVAL, "receive of %u bytes", bytes);
	do {
		got = recv(fd, ferrule_pointer(address), bytes, 0);
	} while (got < 0 && errno == EINTR);
	if (got > 0)
		return (int32_t)got;
	if (got == 0)
		return ferrule_fail(EPIPE, "closed by the other side");
	return errno == EAGAIN ? 0 : ferrule_fail(errno, "receive");
}

int32_t ferrule_link_close(int32_t fd)
{
	return close(fd) == 0 ? 0 : ferrule_fail(errno, "close of %d", fd);
}
