/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "uring_internal.h"

static uint8_t *receive_slot(struct uring_transport *t, int32_t slot)
{
	return t->bytes + (size_t)slot * URING_DATAGRAM_SLOT_BYTES;
}

static uint8_t *send_slot(struct uring_transport *t, int32_t slot)
{
	return t->bytes + (size_t)t->layout[URING_LAYOUT_DATAGRAM_SEND] +
	       (size_t)slot * URING_DATAGRAM_SLOT_BYTES;
}

static bool is_sendable(const struct uring_transport *t, int32_t listener)
{
	if (listener < 0 || listener >= URING_LISTENERS_MAX)
		return false;
	return t->listeners[listener].used && !t->listeners[listener].stream &&
	       !t->listeners[listener].closing;
}

static void free_slot(struct uring_transport *t, int32_t slot)
{
	t->datagram_free[t->header[URING_DATAGRAM_FREE_COUNT]++] = slot;
}

/* Fills messages with the datagrams from `first` on that leave through one socket. */
static int32_t gather(struct uring_transport *t, int32_t first, int32_t queued)
{
	int32_t listener =
		t->datagram_control[(size_t)t->datagram_queue[first] * URING_DATAGRAM_WORDS];
	int32_t count;

	for (count = 0; count < URING_DATAGRAM_BATCH_MAX && first + count < queued; count++) {
		int32_t slot = t->datagram_queue[first + count];
		const int32_t *control = t->datagram_control + (size_t)slot * URING_DATAGRAM_WORDS;

		if (control[URING_DATAGRAM_LISTENER] != listener)
			break;
		t->names[count].sin_family = AF_INET;
		t->names[count].sin_addr.s_addr = htonl((uint32_t)control[URING_DATAGRAM_ADDRESS]);
		t->names[count].sin_port = htons((uint16_t)control[URING_DATAGRAM_PORT]);
		t->vectors[count].iov_base = send_slot(t, slot);
		t->vectors[count].iov_len = (size_t)control[URING_DATAGRAM_BYTES];
		t->messages[count].msg_hdr = (struct msghdr){.msg_name = &t->names[count],
							     .msg_namelen = sizeof(t->names[count]),
							     .msg_iov = &t->vectors[count],
							     .msg_iovlen = 1};
	}
	return count;
}

/* Returns how many left, or -errno of the first. */
static int32_t send_batch(struct uring_transport *t, int32_t listener, int32_t count)
{
	const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
	int fd = t->listeners[listener].fd;
	int sent;

	/* The plain call is the quickest for one. */
	if (count > 1)
		sent = sendmmsg(fd, t->messages, (unsigned int)count, flags);
	else
		sent = sendto(fd, t->vectors[0].iov_base, t->vectors[0].iov_len, flags,
			      (const struct sockaddr *)&t->names[0], sizeof(t->names[0])) < 0
			       ? -1
			       : 1;
	return sent < 0 ? -errno : sent;
}

/*
 * UDP takes a datagram at once or its socket buffer is full; then the rest
 * stays queued in order. One that is refused is counted and skipped.
 */
void uring_send_datagrams(struct uring_transport *t)
{
	int32_t queued = t->header[URING_DATAGRAM_QUEUE_COUNT];
	int32_t at = 0, left;

	while (at < queued) {
		int32_t slot = t->datagram_queue[at];
		int32_t listener = t->datagram_control[(size_t)slot * URING_DATAGRAM_WORDS];
		int32_t result = -EBADF;

		if (is_sendable(t, listener))
			result = send_batch(t, listener, gather(t, at, queued));
		if (result == -EAGAIN || result == -EINTR || result == -ENOBUFS)
			break;
		if (result < 0) {
			t->header[URING_DATAGRAM_SEND_ERRORS]++;
			result = 1;
		}
		for (left = result; left > 0; left--)
			free_slot(t, t->datagram_queue[at++]);
	}
	queued -= at;
	memmove(t->datagram_queue, t->datagram_queue + at, (size_t)queued * sizeof(*t->datagram_queue));
	t->header[URING_DATAGRAM_QUEUE_COUNT] = queued;
}

static void take_datagram(struct uring_transport *t, int32_t listener, int32_t i, int32_t slot)
{
	const struct sockaddr_in *name = &t->names[i];
	int32_t *completion;

	if ((t->messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0 || name->sin_family != AF_INET) {
		t->header[URING_DATAGRAMS_DROPPED]++;
		return;
	}
	completion = uring_next_completion(t, URING_DATAGRAM, listener);
	completion[URING_COMPLETION_LISTENER] = listener;
	completion[URING_COMPLETION_OFFSET] = slot * URING_DATAGRAM_SLOT_BYTES;
	completion[URING_COMPLETION_LENGTH] = (int32_t)t->messages[i].msg_len;
	completion[URING_COMPLETION_ADDRESS] = (int32_t)ntohl(name->sin_addr.s_addr);
	completion[URING_COMPLETION_PORT] = ntohs(name->sin_port);
	completion[URING_COMPLETION_TIME] = uring_take_time(t, &t->messages[i].msg_hdr);
}

/* The plain call is the quickest for one. Returns how many came. */
static int32_t receive_one(struct uring_transport *t, int fd)
{
	socklen_t name_bytes = sizeof(t->names[0]);
	ssize_t received = recvfrom(fd, receive_slot(t, t->datagrams_received), URING_DATAGRAM_SLOT_BYTES,
				    MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&t->names[0], &name_bytes);

	if (received < 0)
		return 0;
	t->messages[0].msg_hdr.msg_flags = received > URING_DATAGRAM_SLOT_BYTES ? MSG_TRUNC : 0;
	t->messages[0].msg_len = (unsigned int)received;
	return 1;
}

static int32_t receive_batch(struct uring_transport *t, int fd, int32_t count)
{
	int received;
	int32_t i;

	for (i = 0; i < count; i++) {
		t->vectors[i].iov_base = receive_slot(t, t->datagrams_received + i);
		t->vectors[i].iov_len = URING_DATAGRAM_SLOT_BYTES;
		t->messages[i].msg_hdr = (struct msghdr){.msg_name = &t->names[i],
							 .msg_namelen = sizeof(t->names[i]),
							 .msg_iov = &t->vectors[i],
							 .msg_iovlen = 1};
		uring_prepare_times(t, &t->messages[i].msg_hdr, &t->controls[i]);
	}
	received = recvmmsg(fd, t->messages, (unsigned int)count, MSG_DONTWAIT, NULL);
	return received < 0 ? 0 : received;
}

/* One at a time while they trickle; the batch doubles while it comes back full. */
static void receive_from(struct uring_transport *t, int32_t listener)
{
	struct uring_listener *l = &t->listeners[listener];
	int32_t slots = t->options[URING_OPTION_DATAGRAMS_RECEIVE_MAX] - t->datagrams_received;
	int32_t room = URING_COMPLETIONS_MAX - t->completion_count;
	int32_t count = (int32_t)l->batch + 1;
	int32_t received, i;

	count = count < slots ? count : slots;
	count = count < room ? count : room;
	if (count <= 0)
		return;
	received = count == 1 && t->timed == NULL ? receive_one(t, l->fd) : receive_batch(t, l->fd, count);
	for (i = 0; i < received; i++)
		take_datagram(t, listener, i, t->datagrams_received + i);
	t->datagrams_received += received;
	if (received == count)
		l->batch = l->batch * 2 + 1;
	else
		l->batch = received > 0 ? (uint32_t)received - 1 : 0;
	if (l->batch >= URING_DATAGRAM_BATCH_MAX)
		l->batch = URING_DATAGRAM_BATCH_MAX - 1;
	if (received > 0) {
		l->misses = 0;
	} else if (++l->misses > URING_HOT_MISSES_MAX) {
		l->hot = false;
		t->listeners_idle = true;
	}
}

void uring_receive_datagrams(struct uring_transport *t)
{
	int32_t i;

	for (i = 0; i < URING_LISTENERS_MAX; i++) {
		if (t->listeners[i].hot)
			receive_from(t, i);
	}
}

void uring_cool_datagrams(struct uring_transport *t)
{
	int32_t i;

	for (i = 0; i < URING_LISTENERS_MAX; i++) {
		if (t->listeners[i].hot) {
			t->listeners[i].hot = false;
			t->listeners_idle = true;
		}
	}
}
