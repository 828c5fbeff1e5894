/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"
#include "uring_internal.h"

#define TRANSPORTS_MAX 64
/* Tries to get room in a submission queue that is full. */
#define QUEUE_TRIES_MAX 1000
/* A completion entry makes at most this many completions of ours. */
#define COMPLETIONS_PER_ENTRY 2
/* Longest sleep while there is something to look at by the clock. */
#define WAIT_SLICE_US 50000
/* The same while datagrams wait for room in a socket. */
#define WAIT_DATAGRAMS_US 200
#define PAGE_BYTES 4096

static struct uring_transport *transports[TRANSPORTS_MAX];

struct uring_transport *uring_find(int32_t handle)
{
	if (handle < 0 || handle >= TRANSPORTS_MAX)
		return NULL;
	return transports[handle];
}

int64_t uring_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int submit(struct uring_transport *t)
{
	int result = t->kernel_polls ? io_uring_submit(&t->ring) : io_uring_submit_and_get_events(&t->ring);

	/* The kernel is short of something: what is queued stays queued. */
	if (result == -EAGAIN || result == -EBUSY || result == -EINTR)
		return 0;
	return result < 0 ? result : 0;
}

struct io_uring_sqe *uring_next_entry(struct uring_transport *t)
{
	struct io_uring_sqe *entry = io_uring_get_sqe(&t->ring);
	int tries;

	if (entry != NULL)
		return entry;
	t->header[URING_QUEUE_FULL]++;
	for (tries = 0; tries < QUEUE_TRIES_MAX; tries++) {
		io_uring_submit(&t->ring);
		if (t->kernel_polls)
			io_uring_sqring_wait(&t->ring);
		entry = io_uring_get_sqe(&t->ring);
		if (entry != NULL)
			return entry;
	}
	/* The kernel has no memory left for any request. */
	abort();
}

void uring_mark_entry(struct io_uring_sqe *entry, enum uring_operation operation, int32_t slot)
{
	entry->user_data = (uint64_t)operation << 32 | (uint32_t)slot;
}

int32_t *uring_next_completion(struct uring_transport *t, enum uring_completion_kind kind, int32_t id)
{
	int32_t *words = t->completions + (size_t)t->completion_count * URING_COMPLETION_WORDS;

	t->completion_count++;
	memset(words, 0, URING_COMPLETION_WORDS * sizeof(*words));
	words[URING_COMPLETION_KIND] = (int32_t)kind;
	words[URING_COMPLETION_ID] = id;
	return words;
}

/* The poll. */

static void handle_entry(struct uring_transport *t, const struct io_uring_cqe *entry)
{
	int32_t slot = (int32_t)(uint32_t)entry->user_data;

	switch ((enum uring_operation)(entry->user_data >> 32)) {
	case URING_OP_RECEIVE:
		if (t->timed != NULL)
			t->connections[slot].received_at =
				entry->res > 0 ? uring_take_time(t, &t->timed[slot].message) : 0;
		uring_on_receive(t, slot, entry->res, entry->flags);
		break;
	case URING_OP_SEND:
		uring_on_send(t, slot, entry->res);
		break;
	case URING_OP_READABLE:
		uring_on_readable(t, slot);
		break;
	case URING_OP_ACCEPT:
		uring_on_accept(t, slot, entry->res, entry->flags);
		break;
	case URING_OP_CANCEL:
		break;
	}
}

static void reap(struct uring_transport *t)
{
	struct io_uring_cqe *entry;
	unsigned int head, seen = 0;

	io_uring_for_each_cqe(&t->ring, head, entry) {
		if (t->completion_count > URING_COMPLETIONS_MAX - COMPLETIONS_PER_ENTRY)
			break;
		seen++;
		handle_entry(t, entry);
	}
	io_uring_cq_advance(&t->ring, seen);
	uring_take_closed(t);
}

/*
 * Brings completions that had no room in the queue. The kernel keeps them and
 * loses none, but what has to wait there is late.
 */
static void fetch_late(struct uring_transport *t)
{
	if ((IO_URING_READ_ONCE(*t->ring.sq.kflags) & IORING_SQ_CQ_OVERFLOW) == 0)
		return;
	t->header[URING_COMPLETIONS_LATE]++;
	io_uring_get_events(&t->ring);
}

/* There is something to submit, or the kernel holds completions back until we enter it. */
static bool is_to_enter(struct uring_transport *t)
{
	if (t->kernel_polls)
		return t->ring.sq.sqe_tail != IO_URING_READ_ONCE(*t->ring.sq.ktail);
	return io_uring_sq_ready(&t->ring) != 0 ||
	       (IO_URING_READ_ONCE(*t->ring.sq.kflags) & IORING_SQ_TASKRUN) != 0;
}

void uring_enqueue(struct uring_transport *t, int32_t slot)
{
	int32_t connections = t->options[URING_OPTION_CONNECTIONS_MAX];

	if (t->connections[slot].ready)
		return;
	t->connections[slot].ready = true;
	t->ready[(t->ready_head + t->ready_count++) % connections] = slot;
}

int32_t uring_dequeue(struct uring_transport *t)
{
	int32_t slot = t->ready[t->ready_head];

	t->ready_head = (t->ready_head + 1) % t->options[URING_OPTION_CONNECTIONS_MAX];
	t->ready_count--;
	t->connections[slot].ready = false;
	return slot;
}

static int round_of(struct uring_transport *t)
{
	int round, result;

	if (t->plain)
		return plain_round(t);
	if (t->ready_count > 0)
		uring_tell_held(t);
	for (round = 0; round < URING_ROUNDS_MAX; round++) {
		fetch_late(t);
		if (is_to_enter(t)) {
			result = submit(t);
			if (result < 0)
				return result;
		} else if (io_uring_cq_ready(&t->ring) == 0) {
			break;
		}
		reap(t);
		if (t->completion_count > URING_COMPLETIONS_MAX / 2)
			break;
	}
	uring_take_closed(t);
	return 0;
}

static int sleep_for(struct uring_transport *t, int64_t wait_us)
{
	struct __kernel_timespec timeout;
	struct io_uring_cqe *entry;
	int result;

	if ((t->closing_count > 0 || t->listeners_idle) && wait_us > WAIT_SLICE_US)
		wait_us = WAIT_SLICE_US;
	if (t->header[URING_DATAGRAM_QUEUE_COUNT] > 0 && wait_us > WAIT_DATAGRAMS_US)
		wait_us = WAIT_DATAGRAMS_US;
	if (t->plain)
		return plain_sleep(t, wait_us);
	timeout.tv_sec = wait_us / 1000000;
	timeout.tv_nsec = wait_us % 1000000 * 1000;
	result = io_uring_submit_and_wait_timeout(&t->ring, &entry, 1, &timeout, NULL);
	if (result == -ETIME || result == -EINTR || result == -EAGAIN || result == -EBUSY)
		return 0;
	return result < 0 ? result : 0;
}

static int look(struct uring_transport *t)
{
	int result;

	if (t->closing_count > 0)
		uring_expire_closing(t);
	if (t->listeners_idle)
		uring_tend_listeners(t);
	if (t->hot_count > 0)
		uring_look_hot(t);
	result = round_of(t);
	if (t->datagram_listeners > 0)
		uring_receive_datagrams(t);
	return result;
}

static int look_until(struct uring_transport *t, int64_t wait_us)
{
	int64_t deadline = now_us() + wait_us;
	int64_t left;
	int result = 0;

	for (left = wait_us; left > 0; left = deadline - now_us()) {
		uring_cool_streams(t);
		uring_cool_datagrams(t);
		if (t->listeners_idle)
			uring_tend_listeners(t);
		result = sleep_for(t, left);
		if (result < 0)
			break;
		if (t->header[URING_DATAGRAM_QUEUE_COUNT] > 0)
			uring_send_datagrams(t);
		result = look(t);
		if (result < 0 || t->completion_count > 0)
			break;
	}
	return result;
}

int32_t ferrule_uring_poll(int32_t handle, int32_t wait_us)
{
	struct uring_transport *t = uring_find(handle);
	int result;

	if (t == NULL)
		return ferrule_fail(EBADF, "no such transport: %d", handle);
	t->completion_count = 0;
	t->datagrams_received = 0;
	t->spinning = wait_us <= 0;
	if (t->released_count > 0)
		uring_release_closed(t);
	if (t->header[URING_DIRTY_COUNT] > 0)
		uring_take_dirty(t);
	if (t->header[URING_DATAGRAM_QUEUE_COUNT] > 0)
		uring_send_datagrams(t);
	result = look(t);
	if (result >= 0 && t->completion_count == 0 && wait_us > 0)
		result = look_until(t, wait_us);
	if (result < 0)
		return ferrule_fail(-result, t->plain ? "epoll_wait" : "io_uring_enter");
	return t->completion_count;
}

/* Start and end. */

int32_t ferrule_uring_layout(const int32_t *options, int32_t *layout)
{
	int64_t connections = options[URING_OPTION_CONNECTIONS_MAX];
	int64_t window = options[URING_OPTION_RECEIVE_WINDOW_BYTES];
	int64_t sending = options[URING_OPTION_SEND_WINDOW_BYTES];
	int64_t received = options[URING_OPTION_DATAGRAMS_RECEIVE_MAX];
	int64_t sent = options[URING_OPTION_DATAGRAMS_SEND_MAX];
	int64_t at = URING_HEADER_WORDS * 4;
	int64_t bytes, total;

	if (connections < 1 || connections > 1 << URING_SLOT_BITS)
		return ferrule_fail(EINVAL, "connections: 1 to %d", 1 << URING_SLOT_BITS);
	if (window < 4096 || window % 4096 != 0 || sending < 8192 || sending % 8192 != 0)
		return ferrule_fail(EINVAL, "windows: multiples of 4096 (receive) and 8192 (send) bytes");
	if (options[URING_OPTION_TIMESTAMPS] < URING_TIMES_POLL ||
	    options[URING_OPTION_TIMESTAMPS] > URING_TIMES_HARDWARE)
		return ferrule_fail(EINVAL, "time stamps: %d", options[URING_OPTION_TIMESTAMPS]);
	if (received < 1 || received > 4096 || sent < 1 || sent > 4096)
		return ferrule_fail(EINVAL, "datagrams: 1 to 4096 to receive and to send");
	layout[URING_LAYOUT_COMPLETIONS] = (int32_t)at;
	layout[URING_LAYOUT_COMPLETIONS_MAX] = URING_COMPLETIONS_MAX;
	at += URING_COMPLETIONS_MAX * URING_COMPLETION_WORDS * 4;
	layout[URING_LAYOUT_CONNECTIONS] = (int32_t)at;
	at += connections * URING_CONNECTION_WORDS * 4;
	layout[URING_LAYOUT_DIRTY] = (int32_t)at;
	at += connections * 4;
	layout[URING_LAYOUT_DATAGRAM_FREE] = (int32_t)at;
	at += sent * 4;
	layout[URING_LAYOUT_DATAGRAM_QUEUE] = (int32_t)at;
	at += sent * 4;
	layout[URING_LAYOUT_DATAGRAM_CONTROL] = (int32_t)at;
	at += sent * URING_DATAGRAM_WORDS * 4;
	at = (at + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
	layout[URING_LAYOUT_BYTES] = (int32_t)at;
	layout[URING_LAYOUT_RECEIVE] = (int32_t)(received * URING_DATAGRAM_SLOT_BYTES);
	bytes = received * URING_DATAGRAM_SLOT_BYTES + connections * (window + sending);
	total = at + bytes + sent * URING_DATAGRAM_SLOT_BYTES;
	if (total > INT32_MAX)
		return ferrule_fail(EINVAL, "%lld bytes of buffers; at most 2 GiB", (long long)total);
	layout[URING_LAYOUT_SEND] = layout[URING_LAYOUT_RECEIVE] + (int32_t)(connections * window);
	layout[URING_LAYOUT_DATAGRAM_SEND] = (int32_t)bytes;
	layout[URING_LAYOUT_TOTAL_BYTES] = (int32_t)total;
	return 0;
}

static void release(struct uring_transport *t)
{
	free(t->connections);
	free(t->free_slots);
	free(t->ended);
	free(t->released);
	free(t->ready);
	free(t->timed);
	free(t);
}

static int allocate_tables(struct uring_transport *t)
{
	size_t connections = (size_t)t->options[URING_OPTION_CONNECTIONS_MAX];
	size_t i;

	t->connections = calloc(connections, sizeof(*t->connections));
	t->free_slots = calloc(connections, sizeof(*t->free_slots));
	t->ended = calloc(connections, sizeof(*t->ended));
	t->released = calloc(connections, sizeof(*t->released));
	t->ready = calloc(connections, sizeof(*t->ready));
	if (t->connections == NULL || t->free_slots == NULL || t->ended == NULL || t->released == NULL ||
	    t->ready == NULL)
		return -ENOMEM;
	if (t->options[URING_OPTION_TIMESTAMPS] != URING_TIMES_POLL) {
		t->timed = calloc(connections, sizeof(*t->timed));
		if (t->timed == NULL)
			return -ENOMEM;
	}
	for (i = 0; i < connections; i++)
		t->free_slots[i] = (int32_t)(connections - 1 - i);
	t->free_count = (int32_t)connections;
	for (i = 0; i < URING_LISTENERS_MAX; i++)
		t->listeners[i].fd = -1;
	return 0;
}

static void place_parts(struct uring_transport *t, uint8_t *block)
{
	const int32_t *layout = t->layout;
	int32_t i;

	t->header = (int32_t *)(void *)block;
	t->completions = t->header + layout[URING_LAYOUT_COMPLETIONS] / 4;
	t->words = t->header + layout[URING_LAYOUT_CONNECTIONS] / 4;
	t->dirty = t->header + layout[URING_LAYOUT_DIRTY] / 4;
	t->datagram_free = t->header + layout[URING_LAYOUT_DATAGRAM_FREE] / 4;
	t->datagram_queue = t->header + layout[URING_LAYOUT_DATAGRAM_QUEUE] / 4;
	t->datagram_control = t->header + layout[URING_LAYOUT_DATAGRAM_CONTROL] / 4;
	t->bytes = block + layout[URING_LAYOUT_BYTES];
	for (i = 0; i < t->options[URING_OPTION_DATAGRAMS_SEND_MAX]; i++)
		t->datagram_free[i] = t->options[URING_OPTION_DATAGRAMS_SEND_MAX] - 1 - i;
	t->header[URING_DATAGRAM_FREE_COUNT] = t->options[URING_OPTION_DATAGRAMS_SEND_MAX];
}

static int32_t enlist(struct uring_transport *t)
{
	int32_t handle;

	for (handle = 0; handle < TRANSPORTS_MAX; handle++) {
		struct uring_transport *none = NULL;

		if (__atomic_compare_exchange_n(&transports[handle], &none, t, false, __ATOMIC_ACQ_REL,
						__ATOMIC_ACQUIRE))
			return handle;
	}
	return -EMFILE;
}

static void end_waiting(struct uring_transport *t)
{
	if (t->plain) {
		plain_end(t);
		return;
	}
	io_uring_queue_exit(&t->ring);
	multishot_end(t);
}

int32_t ferrule_uring_create(const int32_t *options, double block)
{
	struct uring_transport *t = calloc(1, sizeof(*t));
	int32_t result;

	if (t == NULL)
		return ferrule_fail(ENOMEM, "state of a transport");
	memcpy(t->options, options, sizeof(t->options));
	result = ferrule_uring_layout(options, t->layout);
	if (result < 0) {
		free(t);
		return result;
	}
	place_parts(t, ferrule_pointer(block));
	result = allocate_tables(t);
	t->plain = options[URING_OPTION_PLAIN] != 0;
	t->switches = t->plain ? URING_SWITCH_DIRECT : (uint32_t)options[URING_OPTION_SWITCHES];
	if (result < 0)
		ferrule_fail(-result, "tables of a transport");
	else
		result = t->plain ? plain_start(t) : uring_start_ring(t);
	if (result < 0) {
		release(t);
		return result;
	}
	t->header[URING_SWITCHES] = (int32_t)t->switches;
	result = enlist(t);
	if (result < 0) {
		end_waiting(t);
		release(t);
		return ferrule_fail(-result, "start of a transport");
	}
	return result;
}

/* The kernel lets go of sockets and buffers before they are given back. */
static void cancel_all(struct uring_transport *t)
{
	struct __kernel_timespec timeout = {.tv_sec = 0, .tv_nsec = 10000000};
	struct io_uring_sqe *entry = uring_next_entry(t);
	struct io_uring_cqe *completion;
	int tries;

	io_uring_prep_cancel64(entry, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
	uring_mark_entry(entry, URING_OP_CANCEL, 0);
	for (tries = 0; tries < 16; tries++) {
		bool cancelled = false;
		unsigned int head, seen = 0;

		if (io_uring_submit_and_wait_timeout(&t->ring, &completion, 1, &timeout, NULL) < 0)
			return;
		io_uring_for_each_cqe(&t->ring, head, completion) {
			seen++;
			cancelled |= completion->user_data >> 32 == URING_OP_CANCEL;
		}
		io_uring_cq_advance(&t->ring, seen);
		if (cancelled)
			break;
	}
	io_uring_get_events(&t->ring);
}

int32_t ferrule_uring_destroy(int32_t handle)
{
	struct uring_transport *t = uring_find(handle);
	int32_t i;

	if (t == NULL)
		return ferrule_fail(EBADF, "no such transport: %d", handle);
	__atomic_store_n(&transports[handle], NULL, __ATOMIC_RELEASE);
	/* Shut down before the ring ends: its operations hold the sockets until then. */
	for (i = 0; i < t->options[URING_OPTION_CONNECTIONS_MAX]; i++) {
		if (t->connections[i].state != URING_FREE && t->connections[i].fd >= 0) {
			shutdown(t->connections[i].fd, SHUT_RDWR);
			close(t->connections[i].fd);
		}
	}
	for (i = 0; i < URING_LISTENERS_MAX; i++) {
		if (t->listeners[i].used) {
			shutdown(t->listeners[i].fd, SHUT_RDWR);
			close(t->listeners[i].fd);
		}
	}
	if (!t->plain)
		cancel_all(t);
	end_waiting(t);
	release(t);
	return 0;
}
