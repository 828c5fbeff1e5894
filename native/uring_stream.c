/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "uring_internal.h"

#define GENERATION_MAX ((1 << (31 - URING_SLOT_BITS)) - 1)
/* Up to so many connections, sends go out directly. */
#define DIRECT_SENDS_MAX 8

static int32_t *connection_words(struct uring_transport *t, int32_t slot)
{
	return t->words + (size_t)slot * URING_CONNECTION_WORDS;
}

static size_t receive_window(const struct uring_transport *t)
{
	return (size_t)t->options[URING_OPTION_RECEIVE_WINDOW_BYTES];
}

static size_t send_buffer(const struct uring_transport *t)
{
	return (size_t)t->options[URING_OPTION_SEND_WINDOW_BYTES] / 2;
}

static uint8_t *receive_start(struct uring_transport *t, int32_t slot)
{
	return t->bytes + (size_t)t->layout[URING_LAYOUT_RECEIVE] + (size_t)slot * receive_window(t);
}

static uint8_t *send_start(struct uring_transport *t, int32_t slot, int32_t which)
{
	return t->bytes + (size_t)t->layout[URING_LAYOUT_SEND] +
	       ((size_t)slot * 2 + (size_t)which) * send_buffer(t);
}

/* Makes room in the window; returns how much there is. The kernel receives nothing meanwhile. */
static uint32_t make_room(struct uring_transport *t, int32_t slot)
{
	uint32_t held = t->connections[slot].held;
	int32_t *words = connection_words(t, slot);
	uint8_t *window = receive_start(t, slot);
	uint32_t bytes = (uint32_t)receive_window(t);
	uint32_t head = (uint32_t)words[URING_CONNECTION_RECEIVE_HEAD];
	uint32_t tail = (uint32_t)words[URING_CONNECTION_RECEIVE_TAIL];

	if (head == tail + held) {
		head = 0;
		tail = 0;
	} else if (head > 0 && bytes - (tail + held) < bytes / 2) {
		memmove(window, window + head, tail + held - head);
		tail -= head;
		head = 0;
	}
	words[URING_CONNECTION_RECEIVE_HEAD] = (int32_t)head;
	words[URING_CONNECTION_RECEIVE_TAIL] = (int32_t)tail;
	return bytes - (tail + held);
}

uint8_t *uring_receive_room(struct uring_transport *t, int32_t slot, size_t *bytes)
{
	size_t tail = (size_t)connection_words(t, slot)[URING_CONNECTION_RECEIVE_TAIL] +
		      t->connections[slot].held;

	*bytes = receive_window(t) - tail;
	return receive_start(t, slot) + tail;
}

const uint8_t *uring_send_rest(struct uring_transport *t, int32_t slot, size_t *bytes)
{
	const int32_t *words = connection_words(t, slot);

	*bytes = (size_t)words[URING_CONNECTION_SEND_OTHER_BYTES];
	return send_start(t, slot, words[URING_CONNECTION_SEND_FILL] ^ 1) +
	       t->connections[slot].send_offset;
}

/* Has io_uring or epoll receive into the room that make_room() left; lasting = again and again. */
static void arm_receive(struct uring_transport *t, int32_t slot, bool lasting)
{
	struct uring_connection *c = &t->connections[slot];
	struct io_uring_sqe *entry;
	uint8_t *start;
	size_t room;

	c->receiving = true;
	if (t->plain) {
		plain_arm(t, slot);
		return;
	}
	entry = uring_next_entry(t);
	start = uring_receive_room(t, slot, &room);
	if (t->timed != NULL) {
		struct uring_timed_receive *timed = &t->timed[slot];

		timed->vector = (struct iovec){.iov_base = start, .iov_len = room};
		timed->message = (struct msghdr){.msg_iov = &timed->vector, .msg_iovlen = 1};
		uring_prepare_times(t, &timed->message, &timed->control);
		io_uring_prep_recvmsg(entry, c->fd, &timed->message, 0);
	} else {
		io_uring_prep_recv(entry, c->fd, start, room, 0);
	}
	uring_use_file(t, entry, slot);
	uring_mark_entry(entry, URING_OP_RECEIVE, slot);
	/* Times come with a message of their own each: such a receive does not go on. */
	c->multishot = lasting && t->timed == NULL && uring_has(t, URING_SWITCH_MULTISHOT);
	if (c->multishot) {
		multishot_offer(t, slot);
		multishot_prepare(entry, slot);
	}
	/* Usually nothing is there yet, and then the kernel need not look twice. */
	if (!c->more_waits)
		entry->ioprio |= IORING_RECVSEND_POLL_FIRST;
}

/* Whether one more socket may be looked at directly. */
static bool has_hot_place(const struct uring_transport *t)
{
	return t->spinning && uring_has(t, URING_SWITCH_DIRECT) &&
	       t->hot_count + t->heating_count < URING_HOT_MAX;
}

/* A receive that goes on: what the owner has read is room again. */
static void widen_receive(struct uring_transport *t, int32_t slot)
{
	if (!t->connections[slot].multishot || !multishot_is_settled(t, slot))
		return;
	make_room(t, slot);
	multishot_offer(t, slot);
}

static void cool(struct uring_transport *t, int32_t slot);

/* The owner has consumed, or there is no owner any more: go on. */
static void start_receive(struct uring_transport *t, int32_t slot)
{
	struct uring_connection *c = &t->connections[slot];
	uint32_t room;

	if (c->end_of_stream)
		return;
	connection_words(t, slot)[URING_CONNECTION_RECEIVE_WANTED] = 0;
	c->told = false;
	if (c->held > 0 || c->end_waits)
		uring_enqueue(t, slot);
	if (c->receiving) {
		widen_receive(t, slot);
		return;
	}
	room = c->end_waits ? 0 : make_room(t, slot);
	if (c->hot && room == 0)
		cool(t, slot);
	if (c->hot || room == 0)
		return;
	if (c->state == URING_OPENED && has_hot_place(t)) {
		c->hot = true;
		c->misses = 0;
		t->hot[t->hot_count++] = slot;
		return;
	}
	arm_receive(t, slot, c->state == URING_OPENED);
}

static void cool(struct uring_transport *t, int32_t slot)
{
	int32_t i;

	t->connections[slot].hot = false;
	for (i = 0; i < t->hot_count; i++) {
		if (t->hot[i] == slot) {
			t->hot[i] = t->hot[--t->hot_count];
			return;
		}
	}
}

void uring_cool_streams(struct uring_transport *t)
{
	while (t->hot_count > 0) {
		int32_t slot = t->hot[--t->hot_count];

		t->connections[slot].hot = false;
		/* Not for long: its next message makes it hot again. */
		if (!t->connections[slot].told)
			arm_receive(t, slot, false);
	}
}

static void look_at(struct uring_transport *t, int32_t slot)
{
	struct uring_connection *c = &t->connections[slot];
	ssize_t received = -1;
	uint8_t *start;
	size_t room = 0;

	errno = EAGAIN;
	if (!c->told) {
		start = uring_receive_room(t, slot, &room);
		received = uring_receive(t, slot, start, room);
	}
	if (received > 0) {
		c->misses = 0;
		uring_on_receive(t, slot, (int32_t)received,
				 (size_t)received == room ? IORING_CQE_F_SOCK_NONEMPTY : 0);
	} else if (received == 0 && c->sending) {
		/* The send may have taken the error and left only the end: it is told first then. */
		cool(t, slot);
		arm_receive(t, slot, false);
	} else if (received == 0 || (errno != EAGAIN && errno != EINTR)) {
		int32_t result = received == 0 ? 0 : -errno;

		cool(t, slot);
		uring_on_receive(t, slot, result, 0);
	} else if (++c->misses > URING_HOT_MISSES_MAX) {
		cool(t, slot);
		if (!c->told)
			arm_receive(t, slot, false);
	}
}

void uring_look_hot(struct uring_transport *t)
{
	int32_t i;

	/* Backwards: who ends or gives up leaves the list. */
	for (i = t->hot_count - 1; i >= 0; i--) {
		if (t->completion_count > URING_COMPLETIONS_MAX - 2)
			return;
		look_at(t, t->hot[i]);
	}
}

/* Sends at once what the kernel takes at once; true if that was all. */
static bool send_directly(struct uring_transport *t, int32_t slot)
{
	struct uring_connection *c = &t->connections[slot];
	int32_t *other = connection_words(t, slot) + URING_CONNECTION_SEND_OTHER_BYTES;
	size_t bytes;
	const uint8_t *from = uring_send_rest(t, slot, &bytes);
	ssize_t sent = send(c->fd, from, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);

	/* Errors show themselves again in the ring, where they are handled. */
	if (sent <= 0)
		return false;
	*other -= (int32_t)sent;
	c->send_offset = *other == 0 ? 0 : c->send_offset + (uint32_t)sent;
	return *other == 0;
}

static void start_send(struct uring_transport *t, int32_t slot)
{
	struct uring_connection *c = &t->connections[slot];
	int32_t *words = connection_words(t, slot);
	struct io_uring_sqe *entry;
	const uint8_t *from;
	size_t bytes;
	int buffers;

	/* There are two buffers; a third round would only find both empty. */
	for (buffers = 0; buffers < 2 && !c->sending; buffers++) {
		int32_t *other = words + URING_CONNECTION_SEND_OTHER_BYTES;

		if (*other == 0) {
			*other = words[URING_CONNECTION_SEND_FILL_BYTES];
			if (*other == 0)
				return;
			words[URING_CONNECTION_SEND_FILL_BYTES] = 0;
			words[URING_CONNECTION_SEND_FILL] ^= 1;
		}
		if (t->few_sends && send_directly(t, slot))
			continue;
		c->sending = true;
		if (t->plain) {
			plain_arm(t, slot);
			return;
		}
		entry = uring_next_entry(t);
		from = uring_send_rest(t, slot, &bytes);
		io_uring_prep_send(entry, c->fd, from, bytes, MSG_NOSIGNAL);
		uring_use_file(t, entry, slot);
		uring_mark_entry(entry, URING_OP_SEND, slot);
	}
}

/* Closes the socket, or makes the operations that hold it end first. */
static void end_connection(struct uring_transport *t, int32_t slot)
{
	struct uring_connection *c = &t->connections[slot];
	struct io_uring_sqe *entry;

	if (!t->plain && (c->receiving || c->sending)) {
		/* Not shutdown(): the client would see an end before the reset. */
		if (c->state != URING_ENDING) {
			entry = uring_next_entry(t);
			io_uring_prep_cancel_fd(entry, c->fd, IORING_ASYNC_CANCEL_ALL);
			uring_mark_entry(entry, URING_OP_CANCEL, slot);
		}
		c->state = URING_ENDING;
		return;
	}
	c->receiving = false;
	c->sending = false;
	uring_forget_file(t, slot);
	close(c->fd);
	c->fd = -1;
	c->state = URING_ENDED;
	t->closing_count--;
	t->ended[t->ended_count++] = slot;
}

/* Drops what is not sent, and resets the connection. */
static void abort_connection(struct uring_transport *t, int32_t slot)
{
	const struct linger reset = {.l_onoff = 1, .l_linger = 0};

	setsockopt(t->connections[slot].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	end_connection(t, slot);
}

/* One step on the way to the end: send the rest, then FIN, then wait for the client's. */
static void advance_closing(struct uring_transport *t, int32_t slot)
{
	struct uring_connection *c = &t->connections[slot];
	int32_t *words = connection_words(t, slot);

	if (c->state == URING_ENDING) {
		end_connection(t, slot);
		return;
	}
	if (c->state == URING_FLUSHING) {
		start_send(t, slot);
		if (c->sending)
			return;
		if (!c->end_of_stream) {
			shutdown(c->fd, SHUT_WR);
			c->state = URING_DRAINING;
		}
	}
	if (c->end_of_stream) {
		end_connection(t, slot);
		return;
	}
	c->held = 0;
	words[URING_CONNECTION_RECEIVE_HEAD] = 0;
	words[URING_CONNECTION_RECEIVE_TAIL] = 0;
	/* One that goes on fills the window and ends then. */
	if (!c->receiving)
		start_receive(t, slot);
}

static void begin_closing(struct uring_transport *t, int32_t slot, int32_t result)
{
	struct uring_connection *c = &t->connections[slot];

	if (c->state != URING_OPENED)
		return;
	connection_words(t, slot)[URING_CONNECTION_OPEN_ID] = 0;
	if (c->hot)
		cool(t, slot);
	c->state = URING_FLUSHING;
	c->result = result;
	c->end_of_stream |= c->end_waits;
	c->deadline_ms = uring_now_ms() + t->options[URING_OPTION_LINGER_MS];
	t->closing_count++;
}

/* A connection that failed has nothing more to send. */
static void fail_connection(struct uring_transport *t, int32_t slot, int32_t result)
{
	begin_closing(t, slot, result);
	end_connection(t, slot);
}

void uring_take_closed(struct uring_transport *t)
{
	while (t->ended_count > 0 && t->completion_count < URING_COMPLETIONS_MAX) {
		int32_t slot = t->ended[--t->ended_count];
		int32_t *words = connection_words(t, slot);
		int32_t *completion = uring_next_completion(t, URING_CLOSED, words[URING_CONNECTION_ID]);

		completion[URING_COMPLETION_LENGTH] = t->connections[slot].result;
		words[URING_CONNECTION_SEND_FILL_BYTES] = 0;
		words[URING_CONNECTION_SEND_OTHER_BYTES] = 0;
		t->header[URING_OPEN]--;
		t->released[t->released_count++] = slot;
	}
}

void uring_release_closed(struct uring_transport *t)
{
	while (t->released_count > 0) {
		int32_t slot = t->released[--t->released_count];
		int32_t *words = connection_words(t, slot);
		int32_t dirty = words[URING_CONNECTION_DIRTY];

		memset(words, 0, URING_CONNECTION_WORDS * sizeof(*words));
		words[URING_CONNECTION_DIRTY] = dirty;
		t->connections[slot].state = URING_FREE;
		t->free_slots[t->free_count++] = slot;
	}
}

void uring_expire_closing(struct uring_transport *t)
{
	int64_t now = uring_now_ms();
	int32_t slot;

	if (now == t->expired_ms)
		return;
	t->expired_ms = now;
	for (slot = 0; slot < t->options[URING_OPTION_CONNECTIONS_MAX]; slot++) {
		struct uring_connection *c = &t->connections[slot];

		if ((c->state == URING_FLUSHING || c->state == URING_DRAINING) && now >= c->deadline_ms) {
			t->header[URING_LINGER_EXPIRED]++;
			abort_connection(t, slot);
		}
	}
}

int32_t uring_open(struct uring_transport *t, int fd)
{
	const int on = 1;
	struct uring_connection *c;
	int32_t *words;
	int32_t slot, id;

	if (t->free_count == 0) {
		close(fd);
		return -ENOBUFS;
	}
	slot = t->free_slots[t->free_count - 1];
	c = &t->connections[slot];
	/* The one before may still be in the list of those that can go on. */
	*c = (struct uring_connection){
		.fd = fd, .generation = c->generation, .writable = true, .ready = c->ready,
		.offered = c->offered};
	if ((t->plain ? plain_watch(t, slot) : uring_register_file(t, slot)) != 0) {
		close(fd);
		return -ENOMEM;
	}
	t->free_count--;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
	uring_busy_poll(t, fd);
	uring_ask_times(t, fd);
	c->state = URING_OPENED;
	c->generation = c->generation == GENERATION_MAX ? 1 : c->generation + 1;
	id = (int32_t)(c->generation << URING_SLOT_BITS) | slot;
	words = connection_words(t, slot);
	words[URING_CONNECTION_OPEN_ID] = id;
	words[URING_CONNECTION_ID] = id;
	t->header[URING_OPEN]++;
	start_receive(t, slot);
	return id;
}

void uring_accept(struct uring_transport *t, int32_t listener, int fd)
{
	struct sockaddr_in peer = {0};
	socklen_t peer_bytes = sizeof(peer);
	int32_t *completion;
	int32_t id;

	if (t->listeners[listener].closing || t->free_count == 0) {
		t->header[URING_REFUSED]++;
		close(fd);
		return;
	}
	if (getpeername(fd, (struct sockaddr *)&peer, &peer_bytes) != 0) {
		/* It came and went: nobody to report. */
		close(fd);
		return;
	}
	id = uring_open(t, fd);
	if (id < 0) {
		t->header[URING_ACCEPT_ERRORS]++;
		return;
	}
	completion = uring_next_completion(t, URING_ACCEPTED, id);
	completion[URING_COMPLETION_LISTENER] = listener;
	completion[URING_COMPLETION_ADDRESS] = (int32_t)ntohl(peer.sin_addr.s_addr);
	completion[URING_COMPLETION_PORT] = ntohs(peer.sin_port);
}

/* Shows the owner all that the window has; or keeps it, if it has not read what it was shown. */
static void tell_received(struct uring_transport *t, int32_t slot, uint32_t bytes)
{
	struct uring_connection *c = &t->connections[slot];
	int32_t *words = connection_words(t, slot);
	int32_t *completion;

	c->held += bytes;
	if (c->told || c->held == 0)
		return;
	words[URING_CONNECTION_RECEIVE_TAIL] += (int32_t)c->held;
	c->held = 0;
	c->told = true;
	completion = uring_next_completion(t, URING_RECEIVED, words[URING_CONNECTION_ID]);
	completion[URING_COMPLETION_OFFSET] = (int32_t)(receive_start(t, slot) - t->bytes) +
					      words[URING_CONNECTION_RECEIVE_HEAD];
	completion[URING_COMPLETION_LENGTH] =
		words[URING_CONNECTION_RECEIVE_TAIL] - words[URING_CONNECTION_RECEIVE_HEAD];
	completion[URING_COMPLETION_TIME] = c->received_at;
}

static void end_stream(struct uring_transport *t, int32_t slot, int32_t result)
{
	struct uring_connection *c = &t->connections[slot];

	/* A receive that goes on saw it before the owner has read what came before. */
	if (c->state == URING_OPENED && (c->told || c->held > 0)) {
		c->end_waits = true;
		c->end_result = result;
		return;
	}
	c->end_waits = false;
	c->end_of_stream = true;
	if (result < 0) {
		fail_connection(t, slot, result);
		return;
	}
	begin_closing(t, slot, 0);
	advance_closing(t, slot);
}

void uring_tell_held(struct uring_transport *t)
{
	int32_t count;

	for (count = t->ready_count; count > 0; count--) {
		int32_t slot;
		struct uring_connection *c;

		if (t->completion_count > URING_COMPLETIONS_MAX - 2)
			return;
		slot = uring_dequeue(t);
		c = &t->connections[slot];
		if (c->state != URING_OPENED || c->told)
			continue;
		if (c->held > 0)
			tell_received(t, slot, 0);
		else if (c->end_waits)
			end_stream(t, slot, c->end_result);
	}
}

/* What ends a receive and says nothing of the connection. */
static bool is_to_repeat(const struct uring_connection *c, int32_t result)
{
	return result == -EINTR || result == -EAGAIN || (result == -ENOBUFS && c->multishot) ||
	       (result == -ECANCELED && c->heating);
}

/* Busy, and there is a place: its receive ends, so that it can be looked at directly. */
static void heat(struct uring_transport *t, int32_t slot)
{
	struct uring_connection *c = &t->connections[slot];
	struct io_uring_sqe *entry;

	if (c->heating || !has_hot_place(t))
		return;
	c->heating = true;
	t->heating_count++;
	entry = uring_next_entry(t);
	io_uring_prep_cancel64(entry, (uint64_t)URING_OP_RECEIVE << 32 | (uint32_t)slot, 0);
	uring_mark_entry(entry, URING_OP_CANCEL, slot);
}

void uring_on_receive(struct uring_transport *t, int32_t slot, int32_t result, uint32_t flags)
{
	struct uring_connection *c = &t->connections[slot];
	bool repeat = is_to_repeat(c, result);

	multishot_take(t, slot, flags);
	c->more_waits = (flags & IORING_CQE_F_SOCK_NONEMPTY) != 0;
	if ((flags & IORING_CQE_F_MORE) == 0) {
		c->receiving = false;
		t->heating_count -= c->heating;
		c->heating = false;
		t->header[URING_WINDOWS_FULL] += result == -ENOBUFS && c->multishot;
		c->multishot = false;
	}
	if (repeat) {
		if (c->state != URING_OPENED)
			advance_closing(t, slot);
		else if (!c->told)
			start_receive(t, slot);
	} else if (result <= 0) {
		end_stream(t, slot, result);
	} else if (c->state != URING_OPENED) {
		advance_closing(t, slot);
	} else {
		tell_received(t, slot, (uint32_t)result);
		if (c->receiving && c->multishot)
			heat(t, slot);
	}
}

void uring_on_send(struct uring_transport *t, int32_t slot, int32_t result)
{
	struct uring_connection *c = &t->connections[slot];
	int32_t *words = connection_words(t, slot);

	c->sending = false;
	if (result < 0 && result != -EINTR && result != -EAGAIN) {
		fail_connection(t, slot, result);
		return;
	}
	if (result > 0) {
		words[URING_CONNECTION_SEND_OTHER_BYTES] -= result;
		c->send_offset += (uint32_t)result;
		if (words[URING_CONNECTION_SEND_OTHER_BYTES] == 0)
			c->send_offset = 0;
	}
	if (c->state == URING_OPENED)
		start_send(t, slot);
	else
		advance_closing(t, slot);
}

/* The owner's wishes since the last poll. Sends go first: somebody waits for them. */
void uring_take_dirty(struct uring_transport *t)
{
	int32_t count = t->header[URING_DIRTY_COUNT];
	int32_t i;

	t->few_sends = t->plain || !uring_has(t, URING_SWITCH_BATCH) ||
		       (count <= DIRECT_SENDS_MAX && uring_has(t, URING_SWITCH_DIRECT));
	for (i = 0; i < count; i++) {
		int32_t slot = t->dirty[i];

		if (t->connections[slot].state == URING_OPENED &&
		    connection_words(t, slot)[URING_CONNECTION_CLOSE] != URING_CLOSE_ABORT)
			start_send(t, slot);
	}
	for (i = 0; i < count; i++) {
		int32_t slot = t->dirty[i];
		struct uring_connection *c = &t->connections[slot];
		int32_t *words = connection_words(t, slot);

		words[URING_CONNECTION_DIRTY] = 0;
		if (words[URING_CONNECTION_CLOSE] != 0 && c->state == URING_OPENED) {
			begin_closing(t, slot, 0);
			if (words[URING_CONNECTION_CLOSE] != URING_CLOSE_ABORT)
				advance_closing(t, slot);
		}
		if (words[URING_CONNECTION_CLOSE] == URING_CLOSE_ABORT &&
		    (c->state == URING_FLUSHING || c->state == URING_DRAINING))
			abort_connection(t, slot);
		if (c->state == URING_OPENED && words[URING_CONNECTION_RECEIVE_WANTED] != 0)
			start_receive(t, slot);
	}
	t->header[URING_DIRTY_COUNT] = 0;
}

