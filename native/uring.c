/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"
#include "uring.h"

#define TRANSPORTS_MAX 64
/* Each listener can wait for an arming and a cancelling. */
#define SQ_ENTRIES_SPARE (2 * URING_LISTENERS_MAX + 64)
#define SQ_ENTRIES_MIN 1024
#define COMPLETIONS_MAX 512
/* Rounds of one poll: what a completion starts is submitted in the same poll. */
#define ROUNDS_MAX 4
/* A completion entry makes at most this many completions of ours. */
#define COMPLETIONS_PER_ENTRY 2
#define ACCEPT_PAUSE_MS 20
#define WAIT_SLICE_US 50000
#define DATAGRAM_GROUP 1
#define DATAGRAM_NAME_BYTES sizeof(struct sockaddr_in)
#define DATAGRAM_HEAD_BYTES (sizeof(struct io_uring_recvmsg_out) + DATAGRAM_NAME_BYTES)
#define SOCKET_BUFFER_BYTES (4 << 20)
#define PAGE_BYTES 4096
#define SLOT_MASK ((1 << URING_SLOT_BITS) - 1)
#define GENERATION_MAX ((1 << (31 - URING_SLOT_BITS)) - 1)

/* What a completion entry belongs to: kind << 32 | slot. */
enum operation { OP_ACCEPT = 1, OP_RECEIVE, OP_SEND, OP_DATAGRAM, OP_DATAGRAM_SEND, OP_CANCEL };

enum state {
	FREE,
	OPEN,
	/* Closing: committed bytes are still to be sent. */
	FLUSHING,
	/* Closing: all is sent and FIN is out; waits for the client's FIN. */
	DRAINING,
	/* Shut down both ways; waits for the operations under way to end. */
	ENDING,
	/* The socket is closed; CLOSED is to be reported. */
	ENDED
};

struct connection {
	int fd;
	enum state state;
	int32_t result;
	uint32_t generation;
	uint32_t send_offset;
	int64_t deadline_ms;
	bool receiving;
	bool sending;
	bool more_waits;
	bool end_of_stream;
};

struct listener {
	int fd;
	bool used;
	bool stream;
	bool armed;
	bool closing;
	int64_t resume_ms;
	struct msghdr message;
};

struct datagram {
	struct msghdr message;
	struct iovec vector;
	struct sockaddr_in name;
};

struct transport {
	struct io_uring ring;
	int32_t options[URING_OPTIONS];
	int32_t layout[URING_LAYOUT_WORDS];
	/* Parts of the block. */
	int32_t *header;
	int32_t *completions;
	int32_t *words;
	int32_t *dirty;
	int32_t *datagram_free;
	int32_t *datagram_queue;
	int32_t *datagram_control;
	uint8_t *bytes;
	/* Ours alone. */
	struct connection *connections;
	int32_t *free_slots;
	int32_t free_count;
	int32_t *ended;
	int32_t ended_count;
	int32_t closing_count;
	int64_t expired_ms;
	struct datagram *datagrams;
	struct io_uring_buf_ring *buffers;
	uint8_t *datagram_receive;
	int32_t *datagrams_used;
	int32_t datagrams_used_count;
	struct listener listeners[URING_LISTENERS_MAX];
	bool listeners_idle;
	int32_t completion_count;
};

static struct transport *transports[TRANSPORTS_MAX];

static struct transport *find(int32_t handle)
{
	if (handle < 0 || handle >= TRANSPORTS_MAX)
		return NULL;
	return transports[handle];
}

static int64_t now_ms(void)
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

static int32_t *connection_words(struct transport *t, int32_t slot)
{
	return t->words + (size_t)slot * URING_CONNECTION_WORDS;
}

static size_t receive_window(const struct transport *t)
{
	return (size_t)t->options[URING_OPTION_RECEIVE_WINDOW_BYTES];
}

static size_t send_buffer(const struct transport *t)
{
	return (size_t)t->options[URING_OPTION_SEND_WINDOW_BYTES] / 2;
}

static uint8_t *receive_start(struct transport *t, int32_t slot)
{
	return t->bytes + (size_t)t->layout[URING_LAYOUT_RECEIVE] + (size_t)slot * receive_window(t);
}

static uint8_t *send_start(struct transport *t, int32_t slot, int32_t which)
{
	return t->bytes + (size_t)t->layout[URING_LAYOUT_SEND] +
	       ((size_t)slot * 2 + (size_t)which) * send_buffer(t);
}

static int submit(struct transport *t)
{
	int result = io_uring_submit_and_get_events(&t->ring);

	/* The kernel is short of something: what is queued stays queued. */
	if (result == -EAGAIN || result == -EBUSY || result == -EINTR)
		return 0;
	return result < 0 ? result : 0;
}

/*
 * The queue has room for every operation that can be under way at a time, so
 * that there always is an entry.
 */
static struct io_uring_sqe *next_entry(struct transport *t)
{
	struct io_uring_sqe *entry = io_uring_get_sqe(&t->ring);

	if (entry == NULL)
		abort();
	return entry;
}

/* After the prep function, which clears it. */
static void mark_entry(struct io_uring_sqe *entry, enum operation operation, int32_t slot)
{
	entry->user_data = (uint64_t)operation << 32 | (uint32_t)slot;
}

static int32_t *next_completion(struct transport *t, enum uring_completion_kind kind, int32_t id)
{
	int32_t *words = t->completions + (size_t)t->completion_count * URING_COMPLETION_WORDS;

	t->completion_count++;
	memset(words, 0, URING_COMPLETION_WORDS * sizeof(*words));
	words[URING_COMPLETION_KIND] = (int32_t)kind;
	words[URING_COMPLETION_ID] = id;
	return words;
}

/* Streams. */

static void start_receive(struct transport *t, int32_t slot)
{
	struct connection *c = &t->connections[slot];
	int32_t *words = connection_words(t, slot);
	uint8_t *window = receive_start(t, slot);
	uint32_t head = (uint32_t)words[URING_CONNECTION_RECEIVE_HEAD];
	uint32_t tail = (uint32_t)words[URING_CONNECTION_RECEIVE_TAIL];
	uint32_t room;
	struct io_uring_sqe *entry;

	if (c->receiving || c->end_of_stream)
		return;
	words[URING_CONNECTION_RECEIVE_WANTED] = 0;
	if (head == tail) {
		head = 0;
		tail = 0;
	} else if (head > 0 && receive_window(t) - tail < receive_window(t) / 2) {
		memmove(window, window + head, tail - head);
		tail -= head;
		head = 0;
	}
	words[URING_CONNECTION_RECEIVE_HEAD] = (int32_t)head;
	words[URING_CONNECTION_RECEIVE_TAIL] = (int32_t)tail;
	room = (uint32_t)receive_window(t) - tail;
	if (room == 0)
		return;
	entry = next_entry(t);
	io_uring_prep_rw(IORING_OP_RECV, entry, c->fd, window + tail, room, 0);
	mark_entry(entry, OP_RECEIVE, slot);
	/* Usually nothing is there yet, and then the kernel need not look twice. */
	if (!c->more_waits)
		entry->ioprio |= IORING_RECVSEND_POLL_FIRST;
	c->receiving = true;
}

static void start_send(struct transport *t, int32_t slot)
{
	struct connection *c = &t->connections[slot];
	int32_t *words = connection_words(t, slot);
	struct io_uring_sqe *entry;
	int32_t which;

	if (c->sending)
		return;
	if (words[URING_CONNECTION_SEND_OTHER_BYTES] == 0) {
		if (words[URING_CONNECTION_SEND_FILL_BYTES] == 0)
			return;
		words[URING_CONNECTION_SEND_OTHER_BYTES] = words[URING_CONNECTION_SEND_FILL_BYTES];
		words[URING_CONNECTION_SEND_FILL_BYTES] = 0;
		words[URING_CONNECTION_SEND_FILL] ^= 1;
	}
	which = words[URING_CONNECTION_SEND_FILL] ^ 1;
	entry = next_entry(t);
	io_uring_prep_send(entry, c->fd, send_start(t, slot, which) + c->send_offset,
			   (size_t)words[URING_CONNECTION_SEND_OTHER_BYTES], MSG_NOSIGNAL);
	mark_entry(entry, OP_SEND, slot);
	c->sending = true;
}

/* Closes the socket, or makes the operations that hold it end first. */
static void end_connection(struct transport *t, int32_t slot)
{
	struct connection *c = &t->connections[slot];

	if (c->receiving || c->sending) {
		if (c->state != ENDING)
			shutdown(c->fd, SHUT_RDWR);
		c->state = ENDING;
		return;
	}
	close(c->fd);
	c->fd = -1;
	c->state = ENDED;
	t->closing_count--;
	t->ended[t->ended_count++] = slot;
}

/* Drops what is not sent, and resets the connection. */
static void abort_connection(struct transport *t, int32_t slot)
{
	const struct linger reset = {.l_onoff = 1, .l_linger = 0};

	setsockopt(t->connections[slot].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	end_connection(t, slot);
}

/* One step on the way to the end: send the rest, then FIN, then wait for the client's. */
static void advance_closing(struct transport *t, int32_t slot)
{
	struct connection *c = &t->connections[slot];
	int32_t *words = connection_words(t, slot);

	if (c->state == ENDING) {
		end_connection(t, slot);
		return;
	}
	if (c->state == FLUSHING) {
		start_send(t, slot);
		if (c->sending)
			return;
		if (!c->end_of_stream) {
			shutdown(c->fd, SHUT_WR);
			c->state = DRAINING;
		}
	}
	if (c->end_of_stream) {
		end_connection(t, slot);
		return;
	}
	words[URING_CONNECTION_RECEIVE_HEAD] = 0;
	words[URING_CONNECTION_RECEIVE_TAIL] = 0;
	start_receive(t, slot);
}

static void begin_closing(struct transport *t, int32_t slot, int32_t result)
{
	struct connection *c = &t->connections[slot];

	if (c->state != OPEN)
		return;
	connection_words(t, slot)[URING_CONNECTION_OPEN_ID] = 0;
	c->state = FLUSHING;
	c->result = result;
	c->deadline_ms = now_ms() + t->options[URING_OPTION_LINGER_MS];
	t->closing_count++;
}

/* A connection that failed has nothing more to send. */
static void fail_connection(struct transport *t, int32_t slot, int32_t result)
{
	begin_closing(t, slot, result);
	end_connection(t, slot);
}

static void take_closed(struct transport *t)
{
	while (t->ended_count > 0 && t->completion_count < COMPLETIONS_MAX) {
		int32_t slot = t->ended[--t->ended_count];
		struct connection *c = &t->connections[slot];
		int32_t *words = connection_words(t, slot);
		int32_t *completion = next_completion(t, URING_CLOSED, words[URING_CONNECTION_ID]);
		int32_t dirty = words[URING_CONNECTION_DIRTY];

		completion[URING_COMPLETION_LENGTH] = c->result;
		memset(words, 0, URING_CONNECTION_WORDS * sizeof(*words));
		words[URING_CONNECTION_DIRTY] = dirty;
		c->state = FREE;
		t->free_slots[t->free_count++] = slot;
		t->header[URING_OPEN]--;
	}
}

static void expire_closing(struct transport *t)
{
	int64_t now = now_ms();
	int32_t slot;

	if (now == t->expired_ms)
		return;
	t->expired_ms = now;
	for (slot = 0; slot < t->options[URING_OPTION_CONNECTIONS_MAX]; slot++) {
		struct connection *c = &t->connections[slot];

		if ((c->state == FLUSHING || c->state == DRAINING) && now >= c->deadline_ms) {
			t->header[URING_LINGER_EXPIRED]++;
			abort_connection(t, slot);
		}
	}
}

static void accept_connection(struct transport *t, int32_t listener, int fd)
{
	struct sockaddr_in peer = {0};
	socklen_t peer_bytes = sizeof(peer);
	const int on = 1;
	struct connection *c;
	int32_t *words, *completion;
	int32_t slot, id;

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
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
	slot = t->free_slots[--t->free_count];
	c = &t->connections[slot];
	c->generation = c->generation == GENERATION_MAX ? 1 : c->generation + 1;
	id = (int32_t)(c->generation << URING_SLOT_BITS) | slot;
	*c = (struct connection){.fd = fd, .state = OPEN, .generation = c->generation};
	words = connection_words(t, slot);
	words[URING_CONNECTION_OPEN_ID] = id;
	words[URING_CONNECTION_ID] = id;
	t->header[URING_OPEN]++;
	start_receive(t, slot);
	completion = next_completion(t, URING_ACCEPTED, id);
	completion[URING_COMPLETION_LISTENER] = listener;
	completion[URING_COMPLETION_ADDRESS] = (int32_t)ntohl(peer.sin_addr.s_addr);
	completion[URING_COMPLETION_PORT] = ntohs(peer.sin_port);
}

static void on_receive(struct transport *t, int32_t slot, int32_t result, uint32_t flags)
{
	struct connection *c = &t->connections[slot];
	int32_t *words = connection_words(t, slot);
	int32_t *completion;

	c->receiving = false;
	c->more_waits = (flags & IORING_CQE_F_SOCK_NONEMPTY) != 0;
	if (result == -EINTR || result == -EAGAIN) {
		start_receive(t, slot);
		return;
	}
	if (result < 0) {
		c->end_of_stream = true;
		fail_connection(t, slot, result);
		return;
	}
	if (result == 0) {
		c->end_of_stream = true;
		begin_closing(t, slot, 0);
	}
	if (c->state != OPEN) {
		advance_closing(t, slot);
		return;
	}
	words[URING_CONNECTION_RECEIVE_TAIL] += result;
	completion = next_completion(t, URING_RECEIVED, words[URING_CONNECTION_ID]);
	completion[URING_COMPLETION_OFFSET] = (int32_t)(receive_start(t, slot) - t->bytes) +
					      words[URING_CONNECTION_RECEIVE_HEAD];
	completion[URING_COMPLETION_LENGTH] =
		words[URING_CONNECTION_RECEIVE_TAIL] - words[URING_CONNECTION_RECEIVE_HEAD];
}

static void on_send(struct transport *t, int32_t slot, int32_t result)
{
	struct connection *c = &t->connections[slot];
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
	if (c->state == OPEN)
		start_send(t, slot);
	else
		advance_closing(t, slot);
}

/* The owner's wishes since the last poll. Sends go first: somebody waits for them. */
static void take_dirty(struct transport *t)
{
	int32_t count = t->header[URING_DIRTY_COUNT];
	int32_t i;

	for (i = 0; i < count; i++) {
		int32_t slot = t->dirty[i];

		if (t->connections[slot].state == OPEN)
			start_send(t, slot);
	}
	for (i = 0; i < count; i++) {
		int32_t slot = t->dirty[i];
		struct connection *c = &t->connections[slot];
		int32_t *words = connection_words(t, slot);

		words[URING_CONNECTION_DIRTY] = 0;
		if (words[URING_CONNECTION_CLOSE] != 0 && c->state == OPEN) {
			begin_closing(t, slot, 0);
			if (words[URING_CONNECTION_CLOSE] != URING_CLOSE_ABORT)
				advance_closing(t, slot);
		}
		if (words[URING_CONNECTION_CLOSE] == URING_CLOSE_ABORT &&
		    (c->state == FLUSHING || c->state == DRAINING))
			abort_connection(t, slot);
		if (c->state == OPEN && words[URING_CONNECTION_RECEIVE_WANTED] != 0)
			start_receive(t, slot);
	}
	t->header[URING_DIRTY_COUNT] = 0;
}

/* Datagrams. */

static void give_buffer(struct transport *t, int32_t slot, int32_t place)
{
	int32_t count = t->options[URING_OPTION_DATAGRAMS_RECEIVE_MAX];

	io_uring_buf_ring_add(t->buffers, t->datagram_receive + (size_t)slot * URING_DATAGRAM_SLOT_BYTES,
			      URING_DATAGRAM_SLOT_BYTES, (unsigned short)slot,
			      io_uring_buf_ring_mask((uint32_t)count), place);
}

/* Completions of the last poll are read by now. */
static void recycle_datagrams(struct transport *t)
{
	int32_t i;

	for (i = 0; i < t->datagrams_used_count; i++)
		give_buffer(t, t->datagrams_used[i], i);
	io_uring_buf_ring_advance(t->buffers, t->datagrams_used_count);
	t->datagrams_used_count = 0;
}

static void send_datagrams(struct transport *t)
{
	int32_t i;

	for (i = 0; i < t->header[URING_DATAGRAM_QUEUE_COUNT]; i++) {
		int32_t slot = t->datagram_queue[i];
		const int32_t *control = t->datagram_control + (size_t)slot * URING_DATAGRAM_WORDS;
		struct datagram *d = &t->datagrams[slot];
		const struct listener *l = &t->listeners[control[URING_DATAGRAM_LISTENER]];
		struct io_uring_sqe *entry;

		if (!l->used || l->stream || l->closing) {
			t->header[URING_DATAGRAM_SEND_ERRORS]++;
			t->datagram_free[t->header[URING_DATAGRAM_FREE_COUNT]++] = slot;
			continue;
		}
		d->name.sin_addr.s_addr = htonl((uint32_t)control[URING_DATAGRAM_ADDRESS]);
		d->name.sin_port = htons((uint16_t)control[URING_DATAGRAM_PORT]);
		d->vector.iov_len = (size_t)control[URING_DATAGRAM_BYTES];
		entry = next_entry(t);
		io_uring_prep_sendmsg(entry, l->fd, &d->message, MSG_NOSIGNAL);
		mark_entry(entry, OP_DATAGRAM_SEND, slot);
	}
	t->header[URING_DATAGRAM_QUEUE_COUNT] = 0;
}

static void on_datagram(struct transport *t, int32_t listener, int32_t result, uint32_t flags)
{
	struct listener *l = &t->listeners[listener];
	struct io_uring_recvmsg_out *head;
	const struct sockaddr_in *name;
	int32_t *completion;
	int32_t slot;

	if (!(flags & IORING_CQE_F_MORE)) {
		l->armed = false;
		t->listeners_idle = true;
	}
	if (!(flags & IORING_CQE_F_BUFFER))
		return;
	slot = (int32_t)(flags >> IORING_CQE_BUFFER_SHIFT);
	t->datagrams_used[t->datagrams_used_count++] = slot;
	head = (struct io_uring_recvmsg_out *)(void *)(t->datagram_receive +
						       (size_t)slot * URING_DATAGRAM_SLOT_BYTES);
	if (result < (int32_t)DATAGRAM_HEAD_BYTES || head->namelen != DATAGRAM_NAME_BYTES ||
	    (head->flags & MSG_TRUNC) != 0 || l->closing) {
		t->header[URING_DATAGRAMS_DROPPED]++;
		return;
	}
	name = (const struct sockaddr_in *)(const void *)(head + 1);
	completion = next_completion(t, URING_DATAGRAM, listener);
	completion[URING_COMPLETION_LISTENER] = listener;
	completion[URING_COMPLETION_OFFSET] =
		(int32_t)((uint8_t *)head - t->bytes) + (int32_t)DATAGRAM_HEAD_BYTES;
	completion[URING_COMPLETION_LENGTH] = result - (int32_t)DATAGRAM_HEAD_BYTES;
	completion[URING_COMPLETION_ADDRESS] = (int32_t)ntohl(name->sin_addr.s_addr);
	completion[URING_COMPLETION_PORT] = ntohs(name->sin_port);
}

static void on_datagram_sent(struct transport *t, int32_t slot, int32_t result)
{
	if (result < 0)
		t->header[URING_DATAGRAM_SEND_ERRORS]++;
	t->datagram_free[t->header[URING_DATAGRAM_FREE_COUNT]++] = slot;
}

/* Listeners. */

static void on_accept(struct transport *t, int32_t listener, int32_t result, uint32_t flags)
{
	struct listener *l = &t->listeners[listener];

	if (!(flags & IORING_CQE_F_MORE)) {
		l->armed = false;
		t->listeners_idle = true;
	}
	if (result >= 0) {
		accept_connection(t, listener, result);
	} else if (!l->closing) {
		/* Out of descriptors or memory: it does not help to try at once. */
		t->header[URING_ACCEPT_ERRORS]++;
		l->resume_ms = now_ms() + ACCEPT_PAUSE_MS;
	}
}

/* Arms listeners that are not, and lets go of those that were closed. */
static void tend_listeners(struct transport *t)
{
	bool idle = false;
	int32_t i;

	for (i = 0; i < URING_LISTENERS_MAX; i++) {
		struct listener *l = &t->listeners[i];
		struct io_uring_sqe *entry;

		if (!l->used || l->armed)
			continue;
		if (l->closing) {
			close(l->fd);
			*l = (struct listener){.fd = -1};
			continue;
		}
		if (l->resume_ms != 0 && now_ms() < l->resume_ms) {
			idle = true;
			continue;
		}
		l->resume_ms = 0;
		l->armed = true;
		entry = next_entry(t);
		if (l->stream) {
			io_uring_prep_multishot_accept(entry, l->fd, NULL, NULL, SOCK_CLOEXEC);
			mark_entry(entry, OP_ACCEPT, i);
		} else {
			io_uring_prep_recvmsg_multishot(entry, l->fd, &l->message, 0);
			entry->flags |= IOSQE_BUFFER_SELECT;
			entry->buf_group = DATAGRAM_GROUP;
			mark_entry(entry, OP_DATAGRAM, i);
		}
	}
	t->listeners_idle = idle;
}

static int32_t add_listener(struct transport *t, int fd, bool stream)
{
	int32_t i;

	for (i = 0; i < URING_LISTENERS_MAX; i++) {
		struct listener *l = &t->listeners[i];

		if (l->used)
			continue;
		*l = (struct listener){.fd = fd, .used = true, .stream = stream};
		l->message.msg_namelen = DATAGRAM_NAME_BYTES;
		t->listeners_idle = true;
		return i;
	}
	close(fd);
	return ferrule_fail(EMFILE, "all %d listeners are in use", URING_LISTENERS_MAX);
}

static int32_t open_listener(int32_t handle, uint32_t address, int32_t port, bool stream)
{
	struct transport *t = find(handle);
	const struct sockaddr_in name = {.sin_family = AF_INET,
					 .sin_port = htons((uint16_t)port),
					 .sin_addr.s_addr = htonl(address)};
	const int on = 1, buffer_bytes = SOCKET_BUFFER_BYTES;
	int fd, err;

	if (t == NULL)
		return ferrule_fail(EBADF, "no such transport: %d", handle);
	if (port < 0 || port > 65535)
		return ferrule_fail(EINVAL, "port %d is not in 0..65535", port);
	/* Not O_NONBLOCK: io_uring would answer EAGAIN instead of waiting. */
	fd = socket(AF_INET, (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ferrule_fail(errno, "socket");
	if (stream) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	} else {
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof(buffer_bytes));
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof(buffer_bytes));
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

static struct listener *find_listener(struct transport *t, int32_t listener)
{
	if (t == NULL || listener < 0 || listener >= URING_LISTENERS_MAX)
		return NULL;
	if (!t->listeners[listener].used || t->listeners[listener].closing)
		return NULL;
	return &t->listeners[listener];
}

int32_t ferrule_uring_port(int32_t handle, int32_t listener)
{
	struct listener *l = find_listener(find(handle), listener);
	struct sockaddr_in name = {0};
	socklen_t name_bytes = sizeof(name);

	if (l == NULL)
		return ferrule_fail(EBADF, "no such listener: %d", listener);
	if (getsockname(l->fd, (struct sockaddr *)&name, &name_bytes) != 0)
		return ferrule_fail(errno, "getsockname");
	return ntohs(name.sin_port);
}

int32_t ferrule_uring_close_listener(int32_t handle, int32_t listener)
{
	struct transport *t = find(handle);
	struct listener *l = find_listener(t, listener);
	struct io_uring_sqe *entry;

	if (l == NULL)
		return ferrule_fail(EBADF, "no such listener: %d", listener);
	l->closing = true;
	if (l->armed) {
		entry = next_entry(t);
		io_uring_prep_cancel64(
			entry,
			(uint64_t)(l->stream ? OP_ACCEPT : OP_DATAGRAM) << 32 | (uint32_t)listener, 0);
		mark_entry(entry, OP_CANCEL, listener);
		/* The port is free when this returns, or very soon after. */
		submit(t);
	} else {
		tend_listeners(t);
	}
	return 0;
}

/* The poll. */

static void handle_entry(struct transport *t, const struct io_uring_cqe *entry)
{
	int32_t slot = (int32_t)(uint32_t)entry->user_data;

	switch ((enum operation)(entry->user_data >> 32)) {
	case OP_RECEIVE:
		on_receive(t, slot, entry->res, entry->flags);
		break;
	case OP_SEND:
		on_send(t, slot, entry->res);
		break;
	case OP_DATAGRAM:
		on_datagram(t, slot, entry->res, entry->flags);
		break;
	case OP_DATAGRAM_SEND:
		on_datagram_sent(t, slot, entry->res);
		break;
	case OP_ACCEPT:
		on_accept(t, slot, entry->res, entry->flags);
		break;
	case OP_CANCEL:
		break;
	}
}

static void reap(struct transport *t)
{
	struct io_uring_cqe *entry;
	unsigned int head, seen = 0;

	io_uring_for_each_cqe(&t->ring, head, entry) {
		if (t->completion_count > COMPLETIONS_MAX - COMPLETIONS_PER_ENTRY)
			break;
		seen++;
		handle_entry(t, entry);
	}
	io_uring_cq_advance(&t->ring, seen);
	take_closed(t);
}

/* The kernel holds completions back until we enter it, and says so here. */
static bool kernel_waits(struct transport *t)
{
	return (IO_URING_READ_ONCE(*t->ring.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

static int round_of(struct transport *t)
{
	int round, result;

	for (round = 0; round < ROUNDS_MAX; round++) {
		if (io_uring_sq_ready(&t->ring) != 0 || kernel_waits(t)) {
			result = submit(t);
			if (result < 0)
				return result;
		} else if (io_uring_cq_ready(&t->ring) == 0) {
			break;
		}
		reap(t);
		if (t->completion_count > COMPLETIONS_MAX / 2)
			break;
	}
	take_closed(t);
	return 0;
}

static int sleep_for(struct transport *t, int64_t wait_us)
{
	struct __kernel_timespec timeout;
	struct io_uring_cqe *entry;
	int result;

	if ((t->closing_count > 0 || t->listeners_idle) && wait_us > WAIT_SLICE_US)
		wait_us = WAIT_SLICE_US;
	timeout.tv_sec = wait_us / 1000000;
	timeout.tv_nsec = wait_us % 1000000 * 1000;
	result = io_uring_submit_and_wait_timeout(&t->ring, &entry, 1, &timeout, NULL);
	if (result == -ETIME || result == -EINTR || result == -EAGAIN || result == -EBUSY)
		return 0;
	return result < 0 ? result : 0;
}

static int look(struct transport *t)
{
	if (t->closing_count > 0)
		expire_closing(t);
	if (t->listeners_idle)
		tend_listeners(t);
	return round_of(t);
}

int32_t ferrule_uring_poll(int32_t handle, int32_t wait_us)
{
	struct transport *t = find(handle);
	int64_t deadline, left;
	int result;

	if (t == NULL)
		return ferrule_fail(EBADF, "no such transport: %d", handle);
	t->completion_count = 0;
	if (t->datagrams_used_count > 0)
		recycle_datagrams(t);
	if (t->header[URING_DIRTY_COUNT] > 0)
		take_dirty(t);
	if (t->header[URING_DATAGRAM_QUEUE_COUNT] > 0)
		send_datagrams(t);
	result = look(t);
	if (result >= 0 && t->completion_count == 0 && wait_us > 0) {
		deadline = now_us() + wait_us;
		for (left = wait_us; left > 0; left = deadline - now_us()) {
			result = sleep_for(t, left);
			if (result >= 0)
				result = look(t);
			if (result < 0 || t->completion_count > 0)
				break;
		}
	}
	if (result < 0)
		return ferrule_fail(-result, "io_uring_enter");
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
	if (received < 1 || received > 256 || (received & (received - 1)) != 0 || sent < 1 || sent > 4096)
		return ferrule_fail(EINVAL, "datagrams: receive a power of two up to 256, send 1 to 4096");
	layout[URING_LAYOUT_COMPLETIONS] = (int32_t)at;
	layout[URING_LAYOUT_COMPLETIONS_MAX] = COMPLETIONS_MAX;
	at += COMPLETIONS_MAX * URING_COMPLETION_WORDS * 4;
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

/* The best set-up that the kernel takes, from the newest kind to the plainest. */
static int start_ring(struct io_uring *ring, unsigned int entries, unsigned int *granted)
{
	static const unsigned int ladder[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
		IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG, 0};
	int result = -EINVAL;
	size_t i;

	for (i = 0; i < sizeof(ladder) / sizeof(*ladder) && result == -EINVAL; i++) {
		struct io_uring_params params = {.flags = ladder[i] | IORING_SETUP_CQSIZE,
						 .cq_entries = 2 * entries};

		result = io_uring_queue_init_params(entries, ring, &params);
		*granted = ladder[i];
	}
	return result;
}

static unsigned int entries_max(const struct transport *t)
{
	int32_t entries = 2 * t->options[URING_OPTION_CONNECTIONS_MAX] +
			  t->options[URING_OPTION_DATAGRAMS_SEND_MAX] + SQ_ENTRIES_SPARE;

	return (unsigned int)(entries < SQ_ENTRIES_MIN ? SQ_ENTRIES_MIN : entries);
}

static void release(struct transport *t)
{
	free(t->connections);
	free(t->free_slots);
	free(t->ended);
	free(t->datagrams);
	free(t->datagrams_used);
	free(t->buffers);
	free(t);
}

static int allocate_tables(struct transport *t)
{
	size_t connections = (size_t)t->options[URING_OPTION_CONNECTIONS_MAX];
	size_t sent = (size_t)t->options[URING_OPTION_DATAGRAMS_SEND_MAX];
	size_t received = (size_t)t->options[URING_OPTION_DATAGRAMS_RECEIVE_MAX];
	size_t i;

	t->connections = calloc(connections, sizeof(*t->connections));
	t->free_slots = calloc(connections, sizeof(*t->free_slots));
	t->ended = calloc(connections, sizeof(*t->ended));
	t->datagrams = calloc(sent, sizeof(*t->datagrams));
	t->datagrams_used = calloc(received, sizeof(*t->datagrams_used));
	t->buffers = aligned_alloc(PAGE_BYTES, PAGE_BYTES);
	if (t->connections == NULL || t->free_slots == NULL || t->ended == NULL || t->datagrams == NULL ||
	    t->datagrams_used == NULL || t->buffers == NULL)
		return -ENOMEM;
	memset(t->buffers, 0, PAGE_BYTES);
	for (i = 0; i < connections; i++)
		t->free_slots[i] = (int32_t)(connections - 1 - i);
	t->free_count = (int32_t)connections;
	for (i = 0; i < URING_LISTENERS_MAX; i++)
		t->listeners[i].fd = -1;
	return 0;
}

static void place_parts(struct transport *t, uint8_t *block)
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
	t->datagram_receive = t->bytes;
	for (i = 0; i < t->options[URING_OPTION_DATAGRAMS_SEND_MAX]; i++) {
		struct datagram *d = &t->datagrams[i];

		d->name.sin_family = AF_INET;
		d->vector.iov_base = t->bytes + layout[URING_LAYOUT_DATAGRAM_SEND] +
				     (size_t)i * URING_DATAGRAM_SLOT_BYTES;
		d->message = (struct msghdr){.msg_name = &d->name,
					     .msg_namelen = sizeof(d->name),
					     .msg_iov = &d->vector,
					     .msg_iovlen = 1};
		t->datagram_free[i] = t->options[URING_OPTION_DATAGRAMS_SEND_MAX] - 1 - i;
	}
	t->header[URING_DATAGRAM_FREE_COUNT] = t->options[URING_OPTION_DATAGRAMS_SEND_MAX];
}

static int give_all_buffers(struct transport *t)
{
	int32_t count = t->options[URING_OPTION_DATAGRAMS_RECEIVE_MAX];
	struct io_uring_buf_reg group = {.ring_addr = (uint64_t)(uintptr_t)t->buffers,
					 .ring_entries = (uint32_t)count,
					 .bgid = DATAGRAM_GROUP};
	int result = io_uring_register_buf_ring(&t->ring, &group, 0);
	int32_t i;

	if (result != 0)
		return result;
	io_uring_buf_ring_init(t->buffers);
	for (i = 0; i < count; i++)
		give_buffer(t, i, i);
	io_uring_buf_ring_advance(t->buffers, count);
	return 0;
}

static int32_t enlist(struct transport *t)
{
	int32_t handle;

	for (handle = 0; handle < TRANSPORTS_MAX; handle++) {
		struct transport *none = NULL;

		if (__atomic_compare_exchange_n(&transports[handle], &none, t, false, __ATOMIC_ACQ_REL,
						__ATOMIC_ACQUIRE))
			return handle;
	}
	return -EMFILE;
}

int32_t ferrule_uring_create(const int32_t *options, double block)
{
	struct transport *t = calloc(1, sizeof(*t));
	unsigned int granted = 0;
	int32_t result;

	if (t == NULL)
		return ferrule_fail(ENOMEM, "state of a transport");
	memcpy(t->options, options, sizeof(t->options));
	result = ferrule_uring_layout(options, t->layout);
	if (result < 0) {
		free(t);
		return result;
	}
	result = allocate_tables(t);
	if (result == 0)
		result = start_ring(&t->ring, entries_max(t), &granted);
	if (result < 0) {
		release(t);
		return ferrule_fail(-result, "io_uring_setup");
	}
	place_parts(t, ferrule_pointer(block));
	t->header[URING_SETUP_FLAGS] = (int32_t)granted;
	/* Saves a look-up on each call; works without. */
	io_uring_register_ring_fd(&t->ring);
	result = give_all_buffers(t);
	if (result == 0)
		result = enlist(t);
	if (result < 0) {
		io_uring_queue_exit(&t->ring);
		release(t);
		return ferrule_fail(-result, "start of a transport");
	}
	return result;
}

/* The kernel lets go of sockets and buffers before they are given back. */
static void cancel_all(struct transport *t)
{
	struct __kernel_timespec timeout = {.tv_sec = 0, .tv_nsec = 10000000};
	struct io_uring_sqe *entry = next_entry(t);
	struct io_uring_cqe *completion;
	int tries;

	io_uring_prep_cancel64(entry, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
	mark_entry(entry, OP_CANCEL, 0);
	for (tries = 0; tries < 16; tries++) {
		bool cancelled = false;
		unsigned int head, seen = 0;

		if (io_uring_submit_and_wait_timeout(&t->ring, &completion, 1, &timeout, NULL) < 0)
			return;
		io_uring_for_each_cqe(&t->ring, head, completion) {
			seen++;
			cancelled |= completion->user_data >> 32 == OP_CANCEL;
		}
		io_uring_cq_advance(&t->ring, seen);
		if (cancelled)
			break;
	}
	io_uring_get_events(&t->ring);
}

int32_t ferrule_uring_destroy(int32_t handle)
{
	struct transport *t = find(handle);
	int32_t i;

	if (t == NULL)
		return ferrule_fail(EBADF, "no such transport: %d", handle);
	__atomic_store_n(&transports[handle], NULL, __ATOMIC_RELEASE);
	/* Shut down before the ring ends: its operations hold the sockets until then. */
	for (i = 0; i < t->options[URING_OPTION_CONNECTIONS_MAX]; i++) {
		if (t->connections[i].state != FREE && t->connections[i].fd >= 0) {
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
	cancel_all(t);
	io_uring_queue_exit(&t->ring);
	release(t);
	return 0;
}

int32_t ferrule_uring_probe(void)
{
	struct io_uring ring;
	unsigned int granted = 0;
	int result = start_ring(&ring, 8, &granted);

	if (result < 0)
		return ferrule_fail(-result, "io_uring_setup");
	io_uring_queue_exit(&ring);
	return 0;
}
