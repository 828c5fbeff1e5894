/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * What the parts of the socket transport share: uring.c (poll, start and end), uring_setup.c (the ring),
 * plain.c (epoll in the place of the ring), uring_listener.c, uring_stream.c,
 * uring_multishot.c, uring_datagram.c and uring_times.c.
 *
 * Who receives how: a cold socket waits in io_uring and costs a poll nothing.
 * One that has just been busy is "hot": poll() looks at it with a plain
 * nonblocking call, which answers about half a microsecond sooner than waiting
 * in io_uring does. After some looks in vain, or before a sleep, it goes back
 * to io_uring. The same for sends: a few go out directly, many or stuck ones
 * through the ring.
 *
 * On a plain transport "io_uring" above is epoll: an operation that would lie
 * in the ring is a flag of its connection, and is done when epoll says so.
 */
#ifndef FERRULE_URING_INTERNAL_H
#define FERRULE_URING_INTERNAL_H

#include <liburing.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "uring.h"

#define URING_COMPLETIONS_MAX 512
/* Connections that are looked at directly in each poll. */
#define URING_HOT_MAX 4
/* Looks in vain before a hot socket goes back to io_uring. */
#define URING_HOT_MISSES_MAX 4096
/* Datagrams that one call receives or sends. */
#define URING_DATAGRAM_BATCH_MAX 64
/*
 * Rounds of one poll: what a completion starts is done in the same poll. With
 * deferred task work the kernel brings twenty completions a round at most.
 */
#define URING_ROUNDS_MAX 16

/* What a completion entry belongs to: kind << 32 | slot. */
enum uring_operation {
	URING_OP_ACCEPT = 1,
	URING_OP_RECEIVE,
	URING_OP_SEND,
	URING_OP_READABLE,
	URING_OP_CANCEL
};

enum uring_state {
	URING_FREE,
	URING_OPENED,
	/* Closing: committed bytes are still to be sent. */
	URING_FLUSHING,
	/* Closing: all is sent and FIN is out; waits for the client's FIN. */
	URING_DRAINING,
	/* Waits for the operations under way to end: they are being cancelled. */
	URING_ENDING,
	/* The socket is closed; CLOSED is to be reported. */
	URING_ENDED
};

/* Room for the time stamps of one receive. */
struct uring_control {
	_Alignas(struct cmsghdr) uint8_t bytes[128];
};

/* What the ring needs until a receive with time stamps ends. */
struct uring_timed_receive {
	struct msghdr message;
	struct iovec vector;
	struct uring_control control;
};

struct uring_connection {
	int fd;
	enum uring_state state;
	int32_t result;
	uint32_t generation;
	uint32_t send_offset;
	uint32_t misses;
	int64_t deadline_ms;
	/* For URING_COMPLETION_TIME. */
	int32_t received_at;
	bool hot;
	bool receiving;
	bool sending;
	bool more_waits;
	bool end_of_stream;
	/* RECEIVED was reported, and the owner has not consumed since. */
	bool told;
	/* The receive under way goes on after each completion. */
	bool multishot;
	/* It is being cancelled: the socket is busy enough to be looked at directly. */
	bool heating;
	/* The kernel has a buffer of this slot: see uring_multishot.c. */
	bool offered;
	/* The stream ended behind what is held: end_result says how. */
	bool end_waits;
	int32_t end_result;
	/* Bytes in the window behind its tail that the owner is not told of yet. */
	uint32_t held;
	/* Plain: what epoll said last and no call has denied since. */
	bool readable;
	bool writable;
	/* In the list of those that can go on. */
	bool ready;
};

struct uring_listener {
	int fd;
	bool used;
	bool stream;
	/* An operation of it is in the ring. */
	bool armed;
	bool closing;
	/* Streams: no accepting before this moment. */
	int64_t resume_ms;
	/* Datagrams: looked at directly in each poll. */
	bool hot;
	uint32_t misses;
	uint32_t batch;
};

struct uring_transport {
	struct io_uring ring;
	/* enum uring_switch, as far as the kernel can. */
	uint32_t switches;
	/* A kernel thread takes what is submitted. */
	bool kernel_polls;
	/* Rings of buffers for receives that go on, one for each slot. */
	uint8_t *buffer_rings;
	/* No ring: this instance of epoll. */
	bool plain;
	int epoll_fd;
	/*
	 * Connections that can go on, a queue in a circle. With io_uring: those
	 * whose owner has consumed and that hold something for it.
	 */
	int32_t *ready;
	int32_t ready_head;
	int32_t ready_count;
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
	struct uring_connection *connections;
	/* By slot; NULL without time stamps. */
	struct uring_timed_receive *timed;
	int32_t *free_slots;
	int32_t free_count;
	int32_t *ended;
	int32_t ended_count;
	/* Reported as CLOSED in this poll; the owner may still read their windows. */
	int32_t *released;
	int32_t released_count;
	int32_t closing_count;
	int64_t expired_ms;
	int32_t hot[URING_HOT_MAX];
	int32_t hot_count;
	/* Connections that become hot as soon as their receive is cancelled. */
	int32_t heating_count;
	/* The owner does not sleep in this poll. */
	bool spinning;
	/* Few connections have something to send. */
	bool few_sends;
	int32_t datagram_listeners;
	int32_t datagrams_received;
	struct mmsghdr messages[URING_DATAGRAM_BATCH_MAX];
	struct iovec vectors[URING_DATAGRAM_BATCH_MAX];
	struct sockaddr_in names[URING_DATAGRAM_BATCH_MAX];
	struct uring_control controls[URING_DATAGRAM_BATCH_MAX];
	struct uring_listener listeners[URING_LISTENERS_MAX];
	/* Some listener waits to be armed or let go. */
	bool listeners_idle;
	int32_t completion_count;
};

/* uring_setup.c: the ring in the shape that was asked for, or -errno with its message. */
int uring_start_ring(struct uring_transport *t);

/* The transport of a handle, or NULL. */
struct uring_transport *uring_find(int32_t handle);

int64_t uring_now_ms(void);

/*
 * An entry of the submission queue. Unless the queue was asked for smaller it
 * has room for every operation that can be under way at a time; a smaller one
 * is submitted when it is full.
 */
struct io_uring_sqe *uring_next_entry(struct uring_transport *t);

/* After the prep function, which clears it. */
void uring_mark_entry(struct io_uring_sqe *entry, enum uring_operation operation, int32_t slot);

/* The next completion for the owner; there is room for it. */
int32_t *uring_next_completion(struct uring_transport *t, enum uring_completion_kind kind, int32_t id);

static inline bool uring_has(const struct uring_transport *t, enum uring_switch which)
{
	return (t->switches & which) != 0;
}

/* The table of registered files, if it is used; slots are places in it. 0, or -errno. */
int uring_register_file(struct uring_transport *t, int32_t slot);
void uring_forget_file(struct uring_transport *t, int32_t slot);
/* Names the connection's file in an entry. After the prep function. */
void uring_use_file(const struct uring_transport *t, struct io_uring_sqe *entry, int32_t slot);
/* Has looks at a socket poll its network card, if that was asked for. */
void uring_busy_poll(const struct uring_transport *t, int fd);

/* Puts a connection at the end of those that can go on, once. */
void uring_enqueue(struct uring_transport *t, int32_t slot);
/* The first of those that can go on; there is one. */
int32_t uring_dequeue(struct uring_transport *t);

/* uring_listener.c */
void uring_on_accept(struct uring_transport *t, int32_t listener, int32_t result, uint32_t flags);
void uring_on_readable(struct uring_transport *t, int32_t listener);
/* Arms listeners that are not, and lets go of those that were closed. */
void uring_tend_listeners(struct uring_transport *t);

/* uring_stream.c */
void uring_accept(struct uring_transport *t, int32_t listener, int fd);
/* Makes a connection of a connected socket; its id, or -errno and the socket is closed. */
int32_t uring_open(struct uring_transport *t, int fd);
/* Where the next bytes are received, and how many have room. */
uint8_t *uring_receive_room(struct uring_transport *t, int32_t slot, size_t *bytes);
/* What is to be sent next. */
const uint8_t *uring_send_rest(struct uring_transport *t, int32_t slot, size_t *bytes);
void uring_on_receive(struct uring_transport *t, int32_t slot, int32_t result, uint32_t flags);
void uring_on_send(struct uring_transport *t, int32_t slot, int32_t result);
/* Does what the owner asked for since the last poll. */
void uring_take_dirty(struct uring_transport *t);
void uring_look_hot(struct uring_transport *t);
/* Before a sleep: hands all that is looked at to io_uring. */
void uring_cool_streams(struct uring_transport *t);
void uring_expire_closing(struct uring_transport *t);
/* Reports those that have ended. */
void uring_take_closed(struct uring_transport *t);
/* Those that were reported in the last poll may be used again. */
void uring_release_closed(struct uring_transport *t);

/* Tells owners that have consumed what is held for them. */
void uring_tell_held(struct uring_transport *t);

/* uring_multishot.c: receives that go on. 0, or -errno. */
int multishot_start(struct uring_transport *t);
void multishot_end(struct uring_transport *t);
/* False while completions of this receive are still to be read. */
bool multishot_is_settled(struct uring_transport *t, int32_t slot);
/* Lets the kernel fill the room that uring_receive_room() says. */
void multishot_offer(struct uring_transport *t, int32_t slot);
/* Makes a receive go on into what was offered. */
void multishot_prepare(struct io_uring_sqe *entry, int32_t slot);
/* A completion of such a receive with bytes. */
void multishot_take(struct uring_transport *t, int32_t slot, uint32_t flags);

/* uring_datagram.c */
void uring_send_datagrams(struct uring_transport *t);
void uring_receive_datagrams(struct uring_transport *t);
void uring_cool_datagrams(struct uring_transport *t);

/* uring_times.c: the first four do nothing where no time stamps were asked for. */
void uring_ask_times(const struct uring_transport *t, int fd);
/* 0, or -EOPNOTSUPP if the card shall stamp and does not. */
int uring_check_card(const struct uring_transport *t, int fd, uint32_t address);
void uring_prepare_times(const struct uring_transport *t, struct msghdr *message,
			 struct uring_control *control);
/* What belongs in URING_COMPLETION_TIME. */
int32_t uring_take_time(const struct uring_transport *t, struct msghdr *message);
/* recv() at once, with its time. */
ssize_t uring_receive(struct uring_transport *t, int32_t slot, uint8_t *start, size_t room);

/* plain.c: what the ring does, with epoll. 0, or -errno. */
int plain_start(struct uring_transport *t);
void plain_end(struct uring_transport *t);
int plain_watch(struct uring_transport *t, int32_t slot);
int plain_arm_listener(struct uring_transport *t, int32_t listener);
void plain_cancel_listener(struct uring_transport *t, int32_t listener);
/* A connection has something to receive or to send. */
void plain_arm(struct uring_transport *t, int32_t slot);
int plain_round(struct uring_transport *t);
int plain_sleep(struct uring_transport *t, int64_t wait_us);

#endif
