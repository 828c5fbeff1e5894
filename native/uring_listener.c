/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include "uring_internal.h"

/* After the kernel could not accept. */
#define ACCEPT_PAUSE_MS 20
#define SOCKET_BUFFER_BYTES (4 << 20)

/* Nothing of the kernel's holds it any more. */
static void let_go(struct uring_transport *t, struct uring_listener *l)
{
	close(l->fd);
	t->datagram_listeners -= !l->stream;
	*l = (struct uring_listener){.fd = -1};
}

void uring_on_accept(struct uring_transport *t, int32_t listener, int32_t result, uint32_t flags)
{
	struct uring_listener *l = &t->listeners[listener];

	if (!(flags & IORING_CQE_F_MORE)) {
		l->armed = false;
		t->listeners_idle = true;
	}
	if (result >= 0) {
		uring_accept(t, listener, result);
	} else if (!l->closing) {
		/* Out of descriptors or memory: it does not help to try at once. */
		t->header[URING_ACCEPT_ERRORS]++;
		l->resume_ms = uring_now_ms() + ACCEPT_PAUSE_MS;
	}
	if (l->closing && !l->armed)
		let_go(t, l);
}

void uring_on_readable(struct uring_transport *t, int32_t listener)
{
	struct uring_listener *l = &t->listeners[listener];

	l->armed = false;
	if (l->closing) {
		let_go(t, l);
		return;
	}
	l->hot = true;
	l->misses = 0;
}

static bool arm(struct uring_transport *t, int32_t listener)
{
	struct uring_listener *l = &t->listeners[listener];
	struct io_uring_sqe *entry;

	if (t->plain) {
		l->armed = plain_arm_listener(t, listener) == 0;
		return l->armed;
	}
	l->armed = true;
	entry = uring_next_entry(t);
	if (l->stream) {
		if (uring_has(t, URING_SWITCH_MULTISHOT_ACCEPT))
			io_uring_prep_multishot_accept(entry, l->fd, NULL, NULL, SOCK_CLOEXEC);
		else
			io_uring_prep_accept(entry, l->fd, NULL, NULL, SOCK_CLOEXEC);
		uring_mark_entry(entry, URING_OP_ACCEPT, listener);
	} else {
		io_uring_prep_poll_add(entry, l->fd, POLLIN);
		uring_mark_entry(entry, URING_OP_READABLE, listener);
	}
	return true;
}

void uring_tend_listeners(struct uring_transport *t)
{
	bool idle = false;
	int32_t i;

	for (i = 0; i < URING_LISTENERS_MAX; i++) {
		struct uring_listener *l = &t->listeners[i];

		if (!l->used || l->armed)
			continue;
		if (l->closing) {
			let_go(t, l);
			continue;
		}
		if (l->hot)
			continue;
		if (l->resume_ms != 0 && uring_now_ms() < l->resume_ms) {
			idle = true;
			continue;
		}
		l->resume_ms = 0;
		if (!arm(t, i)) {
			/* The kernel is out of memory: it does not help to try at once. */
			l->resume_ms = uring_now_ms() + ACCEPT_PAUSE_MS;
			idle = true;
		}
	}
	t->listeners_idle = idle;
}

static int32_t add_listener(struct uring_transport *t, int fd, bool stream)
{
	int32_t i;

	for (i = 0; i < URING_LISTENERS_MAX; i++) {
		struct uring_listener *l = &t->listeners[i];

		if (l->used)
			continue;
		*l = (struct uring_listener){.fd = fd, .used = true, .stream = stream};
		t->datagram_listeners += !stream;
		t->listeners_idle = true;
		return i;
	}
	close(fd);
	return ferrule_fail(EMFILE, "all %d listeners are in use", URING_LISTENERS_MAX);
}

/* Past the machine's limit (net.core.rmem_max) where we may, else up to it. */
static void grow_buffer(int fd, int forced, int limited)
{
	const int bytes = SOCKET_BUFFER_BYTES;

	if (setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof(bytes)) != 0)
		setsockopt(fd, SOL_SOCKET, limited, &bytes, sizeof(bytes));
}

static int32_t open_listener(int32_t handle, uint32_t address, int32_t port, bool stream)
{
	struct uring_transport *t = uring_find(handle);
	const struct sockaddr_in name = {.sin_family = AF_INET,
					 .sin_port = htons((uint16_t)port),
					 .sin_addr.s_addr = htonl(address)};
	const int on = 1, off = 0;
	int fd, err;

	if (t == NULL)
		return ferrule_fail(EBADF, "no such transport: %d", handle);
	if (port < 0 || port > 65535)
		return ferrule_fail(EINVAL, "port %d is not in 0..65535", port);
	/* With io_uring not O_NONBLOCK: it would answer EAGAIN instead of waiting. */
	fd = socket(AF_INET,
		    (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | (t->plain ? SOCK_NONBLOCK : 0), 0);
	if (fd < 0)
		return ferrule_fail(errno, "socket");
	err = uring_check_card(t, fd, address);
	if (err != 0) {
		close(fd);
		return ferrule_fail(-err, "time stamps of the card");
	}
	if (!stream)
		uring_ask_times(t, fd);
	if (stream) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	} else {
		grow_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
		grow_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
		uring_busy_poll(t, fd);
		/* It hears the groups that it joined, not those of others on this machine. */
		setsockopt(fd, IPPROTO_IP, IP_MULTICAST_ALL, &off, sizeof(off));
	}
	if (bind(fd, (const struct sockaddr *)&name, sizeof(name)) != 0) {
		err = errno;
		close(fd);
		return ferrule_fail(err, "bind");
	}
	if (stream && listen(fd, SOMAXCONN) != 0) {
		err = errno;
		close(fd);
		return ferrule_fail(err, "listen");
	}
	return add_listener(t, fd, stream);
}

int32_t ferrule_uring_listen_stream(int32_t handle, uint32_t address, int32_t port)
{
	return open_listener(handle, address, port, true);
}

int32_t ferrule_uring_listen_datagram(int32_t handle, uint32_t address, int32_t port)
{
	return open_listener(handle, address, port, false);
}

int32_t ferrule_uring_connect(int32_t handle, uint32_t address, int32_t port)
{
	struct uring_transport *t = uring_find(handle);
	const struct sockaddr_in name = {.sin_family = AF_INET,
					 .sin_port = htons((uint16_t)port),
					 .sin_addr.s_addr = htonl(address)};
	const struct timeval patience = {.tv_sec = 1};
	int32_t id;
	int fd, err;

	if (t == NULL)
		return ferrule_fail(EBADF, "no such transport: %d", handle);
	if (port < 1 || port > 65535)
		return ferrule_fail(EINVAL, "port %d is not in 1..65535", port);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ferrule_fail(errno, "socket");
	/* Bounds connect() too. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	/* What the ring has to do for us interrupts; a second call waits on. */
	do {
		err = connect(fd, (const struct sockaddr *)&name, sizeof(name)) == 0 ? 0 : errno;
	} while (err == EINTR);
	if (err != 0) {
		close(fd);
		return ferrule_fail(err, "connect");
	}
	id = uring_open(t, fd);
	return id < 0 ? ferrule_fail(-id, "room for a connection") : id;
}

static struct uring_listener *find_listener(struct uring_transport *t, int32_t listener)
{
	if (t == NULL || listener < 0 || listener >= URING_LISTENERS_MAX)
		return NULL;
	if (!t->listeners[listener].used || t->listeners[listener].closing)
		return NULL;
	return &t->listeners[listener];
}

int32_t ferrule_uring_multicast(int32_t handle, int32_t listener, uint32_t address, int32_t hops)
{
	struct uring_listener *l = find_listener(uring_find(handle), listener);
	const struct in_addr from = {.s_addr = htonl(address)};
	const int on = 1;

	if (l == NULL || l->stream)
		return ferrule_fail(EBADF, "no such UDP socket: %d", listener);
	if (hops < 0 || hops > 255)
		return ferrule_fail(EINVAL, "%d hops are not in 0..255", hops);
	if (setsockopt(l->fd, IPPROTO_IP, IP_MULTICAST_IF, &from, sizeof(from)) != 0)
		return ferrule_fail(errno, "setsockopt(IP_MULTICAST_IF)");
	if (setsockopt(l->fd, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof(hops)) != 0)
		return ferrule_fail(errno, "setsockopt(IP_MULTICAST_TTL)");
	if (setsockopt(l->fd, IPPROTO_IP, IP_MULTICAST_LOOP, &on, sizeof(on)) != 0)
		return ferrule_fail(errno, "setsockopt(IP_MULTICAST_LOOP)");
	return 0;
}

int32_t ferrule_uring_join(int32_t handle, int32_t listener, uint32_t group, uint32_t address)
{
	struct uring_listener *l = find_listener(uring_find(handle), listener);
	const struct ip_mreq request = {.imr_multiaddr.s_addr = htonl(group),
					.imr_interface.s_addr = htonl(address)};

	if (l == NULL || l->stream)
		return ferrule_fail(EBADF, "no such UDP socket: %d", listener);
	if (setsockopt(l->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof(request)) != 0)
		return ferrule_fail(errno, "setsockopt(IP_ADD_MEMBERSHIP)");
	return 0;
}

int32_t ferrule_uring_leave(int32_t handle, int32_t listener, uint32_t group, uint32_t address)
{
	struct uring_listener *l = find_listener(uring_find(handle), listener);
	const struct ip_mreq request = {.imr_multiaddr.s_addr = htonl(group),
					.imr_interface.s_addr = htonl(address)};

	if (l == NULL || l->stream)
		return ferrule_fail(EBADF, "no such UDP socket: %d", listener);
	if (setsockopt(l->fd, IPPROTO_IP, IP_DROP_MEMBERSHIP, &request, sizeof(request)) != 0)
		return ferrule_fail(errno, "setsockopt(IP_DROP_MEMBERSHIP)");
	return 0;
}

int32_t ferrule_uring_port(int32_t handle, int32_t listener)
{
	struct uring_listener *l = find_listener(uring_find(handle), listener);
	struct sockaddr_in name = {0};
	socklen_t name_bytes = sizeof(name);

	if (l == NULL)
		return ferrule_fail(EBADF, "no such listener: %d", listener);
	if (getsockname(l->fd, (struct sockaddr *)&name, &name_bytes) != 0)
		return ferrule_fail(errno, "getsockname");
	return ntohs(name.sin_port);
}

/* The kernel's thread takes its time: waits for so many completions more, but not for long. */
static void await_kernel(struct uring_transport *t, unsigned int more)
{
	struct __kernel_timespec timeout = {.tv_nsec = 10000000};
	struct io_uring_cqe *entry;

	more += io_uring_cq_ready(&t->ring);
	io_uring_submit_and_wait_timeout(&t->ring, &entry, more, &timeout, NULL);
}

int32_t ferrule_uring_close_listener(int32_t handle, int32_t listener)
{
	struct uring_transport *t = uring_find(handle);
	struct uring_listener *l = find_listener(t, listener);
	enum uring_operation operation;
	struct io_uring_sqe *entry;

	if (l == NULL)
		return ferrule_fail(EBADF, "no such listener: %d", listener);
	l->closing = true;
	if (l->armed && t->plain) {
		plain_cancel_listener(t, listener);
		uring_tend_listeners(t);
	} else if (l->armed) {
		entry = uring_next_entry(t);
		operation = l->stream ? URING_OP_ACCEPT : URING_OP_READABLE;
		io_uring_prep_cancel64(entry, (uint64_t)operation << 32 | (uint32_t)listener, 0);
		uring_mark_entry(entry, URING_OP_CANCEL, listener);
		if (t->kernel_polls)
			await_kernel(t, 2);
	} else {
		uring_tend_listeners(t);
	}
	return 0;
}
