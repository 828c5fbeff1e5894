/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * The place of the ring, taken by epoll: for hosts that do not allow io_uring.
 *
 *   epoll ──▶ readable, writable ──▶ ready ──▶ recv, send ──▶ uring_on_receive, uring_on_send
 *
 * A connection is watched once, for edges, from its start to its end. What
 * epoll says of it is true until a call answers EAGAIN; then the next edge says
 * when to go on. So neither a receive nor a send costs a call of epoll_ctl.
 * Listeners are few and rest long: they are added and removed.
 */
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "uring_internal.h"

#define EVENTS_MAX 64

static uint64_t mark(enum uring_operation operation, int32_t slot)
{
	return (uint64_t)operation << 32 | (uint32_t)slot;
}

int plain_start(struct uring_transport *t)
{
	t->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return t->epoll_fd < 0 ? ferrule_fail(errno, "epoll_create1") : 0;
}

void plain_end(struct uring_transport *t)
{
	close(t->epoll_fd);
}

int plain_watch(struct uring_transport *t, int32_t slot)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
				    .data.u64 = mark(URING_OP_RECEIVE, slot)};

	return epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, t->connections[slot].fd, &event) == 0 ? 0 : -errno;
}

int plain_arm_listener(struct uring_transport *t, int32_t listener)
{
	const struct uring_listener *l = &t->listeners[listener];
	struct epoll_event event = {.events = EPOLLIN | (l->stream ? 0u : EPOLLONESHOT),
				    .data.u64 = mark(l->stream ? URING_OP_ACCEPT : URING_OP_READABLE,
						     listener)};

	if (epoll_ctl(t->epoll_fd, EPOLL_CTL_MOD, l->fd, &event) == 0)
		return 0;
	return epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, l->fd, &event) == 0 ? 0 : -errno;
}

void plain_cancel_listener(struct uring_transport *t, int32_t listener)
{
	epoll_ctl(t->epoll_fd, EPOLL_CTL_DEL, t->listeners[listener].fd, NULL);
	t->listeners[listener].armed = false;
}

static void accept_all(struct uring_transport *t, int32_t listener)
{
	while (t->completion_count < URING_COMPLETIONS_MAX - 1) {
		int fd = accept4(t->listeners[listener].fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0) {
			uring_on_accept(t, listener, fd, IORING_CQE_F_MORE);
		} else if (errno == EAGAIN) {
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			int err = errno;

			plain_cancel_listener(t, listener);
			uring_on_accept(t, listener, -err, 0);
			return;
		}
	}
}

void plain_arm(struct uring_transport *t, int32_t slot)
{
	const struct uring_connection *c = &t->connections[slot];

	if ((c->receiving && c->readable) || (c->sending && c->writable))
		uring_enqueue(t, slot);
}

/* Notes what epoll says; only listeners are served at once. */
static void take_event(struct uring_transport *t, const struct epoll_event *event)
{
	int32_t slot = (int32_t)(uint32_t)event->data.u64;
	struct uring_connection *c;

	switch ((enum uring_operation)(event->data.u64 >> 32)) {
	case URING_OP_ACCEPT:
		accept_all(t, slot);
		return;
	case URING_OP_READABLE:
		uring_on_readable(t, slot);
		return;
	default:
		c = &t->connections[slot];
		/* An error shows itself in either call. */
		if ((event->events & ~(uint32_t)EPOLLOUT) != 0)
			c->readable = true;
		if ((event->events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0)
			c->writable = true;
		plain_arm(t, slot);
	}
}

static int take_events(struct uring_transport *t)
{
	struct epoll_event events[EVENTS_MAX];
	int count = epoll_wait(t->epoll_fd, events, EVENTS_MAX, 0);
	int i;

	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	for (i = 0; i < count; i++)
		take_event(t, &events[i]);
	return 0;
}

static void send_some(struct uring_transport *t, int32_t slot)
{
	struct uring_connection *c = &t->connections[slot];
	size_t bytes;
	const uint8_t *from = uring_send_rest(t, slot, &bytes);
	ssize_t sent = send(c->fd, from, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (sent < 0 && errno == EAGAIN)
		c->writable = false;
	else
		uring_on_send(t, slot, sent < 0 ? -errno : (int32_t)sent);
}

static void receive_some(struct uring_transport *t, int32_t slot)
{
	struct uring_connection *c = &t->connections[slot];
	size_t room;
	uint8_t *start = uring_receive_room(t, slot, &room);
	ssize_t received = uring_receive(t, slot, start, room);

	if (received < 0 && errno == EAGAIN)
		c->readable = false;
	else
		uring_on_receive(t, slot, received < 0 ? -errno : (int32_t)received, 0);
}

/* Those that are ready now; who becomes ready meanwhile waits for the next time. */
static void serve_ready(struct uring_transport *t)
{
	int32_t count;

	for (count = t->ready_count; count > 0; count--) {
		int32_t slot;
		struct uring_connection *c;

		if (t->completion_count > URING_COMPLETIONS_MAX - 2)
			return;
		slot = uring_dequeue(t);
		c = &t->connections[slot];
		if (c->sending && c->writable)
			send_some(t, slot);
		/* A failed send has ended both. */
		if (c->receiving && c->readable)
			receive_some(t, slot);
	}
}

int plain_round(struct uring_transport *t)
{
	int result = take_events(t);
	int round;

	for (round = 0; round < URING_ROUNDS_MAX && result == 0 && t->ready_count > 0; round++) {
		serve_ready(t);
		uring_take_closed(t);
		if (t->completion_count > URING_COMPLETIONS_MAX / 2)
			break;
	}
	uring_take_closed(t);
	return result;
}

/* ppoll() has the finer clock, and every kernel and filter knows it. */
int plain_sleep(struct uring_transport *t, int64_t wait_us)
{
	const struct timespec timeout = {.tv_sec = wait_us / 1000000,
					 .tv_nsec = wait_us % 1000000 * 1000};
	struct pollfd waiting = {.fd = t->epoll_fd, .events = POLLIN};

	if (t->ready_count > 0)
		return 0;
	return ppoll(&waiting, 1, &timeout, NULL) < 0 && errno != EINTR ? -errno : 0;
}
