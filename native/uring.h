/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * TCP and UDP over the kernel's sockets, for one thread. Who waits for a socket
 * is one of two: io_uring, or epoll where a host does not allow io_uring
 * (plain.c). All else is the same code for both.
 *
 * A transport lives in one block of memory that its owner hands in and that
 * both languages see: control words (below), then receive windows, send
 * buffers and datagram slots. Bytes are received, read, written and sent in
 * place. Only ferrule_uring_poll() crosses the border on the hot path; everything else
 * that happens often is a write to a control word. There is no locking: the
 * thread that created a transport is the only one that may touch it.
 *
 * No business rule is here, and no protocol but TCP and UDP over IPv4.
 */
#ifndef FERRULE_URING_H
#define FERRULE_URING_H

#include <stdint.h>

#include "ferrule.h"

/** Words of the options. */
enum uring_option {
	URING_OPTION_CONNECTIONS_MAX,
	/** Bytes of a connection's receive window. */
	URING_OPTION_RECEIVE_WINDOW_BYTES,
	/** Bytes of a connection's two send buffers together. */
	URING_OPTION_SEND_WINDOW_BYTES,
	/** Datagrams that lie received at a time. */
	URING_OPTION_DATAGRAMS_RECEIVE_MAX,
	URING_OPTION_DATAGRAMS_SEND_MAX,
	/** How long a closed connection may take to take its last bytes. */
	URING_OPTION_LINGER_MS,
	/** 1 = epoll waits, 0 = io_uring. */
	URING_OPTION_PLAIN,
	/** Of enum uring_switch: what io_uring shall do where the kernel can. */
	URING_OPTION_SWITCHES,
	/** Core of a kernel thread that polls the submission queue; -1 = none. */
	URING_OPTION_KERNEL_POLL_CORE,
	/** How long the kernel polls a network card for us, in microseconds; 0 = not. */
	URING_OPTION_BUSY_POLL_US,
	/** Entries of the submission queue; 0 = room for all that can be under way. */
	URING_OPTION_RING_ENTRIES,
	/** enum uring_times. */
	URING_OPTION_TIMESTAMPS,
	URING_OPTIONS
};

/**
 * Ways to use io_uring that can be chosen one by one, so that each can be
 * measured against its absence (bench/uring_options_bench.ts). ffi/uring.ts
 * has the choice.
 */
enum uring_switch {
	/** One issuer, and task work only when we enter the kernel. */
	URING_SWITCH_DEFER = 1,
	/** One receive that goes on until the window is full. Needs DEFER. */
	URING_SWITCH_MULTISHOT = 2,
	/** One accept that goes on. */
	URING_SWITCH_MULTISHOT_ACCEPT = 4,
	/** Sockets are named by their place in a registered table. */
	URING_SWITCH_FILES = 8,
	/** Busy sockets are looked at, and few sends sent, with plain calls. */
	URING_SWITCH_DIRECT = 16,
	/** Many sends go through the ring, which submits them with one call. */
	URING_SWITCH_BATCH = 32
};

/** Whose time of receipt a completion has. */
enum uring_times {
	/** Nobody's: the owner knows when it polled. */
	URING_TIMES_POLL,
	/** The kernel's, from its driver or its loopback. */
	URING_TIMES_KERNEL,
	/** The card's, where a packet has one. */
	URING_TIMES_HARDWARE
};

/** Words of the layout; offsets are bytes from the start of the block. */
enum uring_layout_word {
	URING_LAYOUT_TOTAL_BYTES,
	URING_LAYOUT_COMPLETIONS,
	URING_LAYOUT_COMPLETIONS_MAX,
	URING_LAYOUT_CONNECTIONS,
	URING_LAYOUT_DIRTY,
	URING_LAYOUT_DATAGRAM_FREE,
	URING_LAYOUT_DATAGRAM_QUEUE,
	URING_LAYOUT_DATAGRAM_CONTROL,
	/** From here on it is network bytes; the next three count from here. */
	URING_LAYOUT_BYTES,
	URING_LAYOUT_RECEIVE,
	URING_LAYOUT_SEND,
	URING_LAYOUT_DATAGRAM_SEND,
	URING_LAYOUT_WORDS
};

/** Words at the start of the block. */
enum uring_header {
	/** Entries in the list of connections that ferrule_uring_poll() must look at. */
	URING_DIRTY_COUNT,
	URING_DATAGRAM_FREE_COUNT,
	URING_DATAGRAM_QUEUE_COUNT,
	/** Counts since the start. */
	URING_REFUSED,
	URING_OPEN,
	URING_ACCEPT_ERRORS,
	URING_DATAGRAMS_DROPPED,
	URING_DATAGRAM_SEND_ERRORS,
	URING_LINGER_EXPIRED,
	/** Setup flags that the kernel granted. */
	URING_SETUP_FLAGS,
	/** Of enum uring_switch: those that are had. */
	URING_SWITCHES,
	/** Receives that ended because a window was full; each begins again when it is read. */
	URING_WINDOWS_FULL,
	/** Times that the submission queue was full and had to be submitted in between. */
	URING_QUEUE_FULL,
	/** Polls that found completions which the completion queue had no room for. */
	URING_COMPLETIONS_LATE,
	URING_HEADER_WORDS = 64
};

/** Words of a connection. */
enum uring_connection_word {
	/** The id while the connection takes bytes to send, else 0. */
	URING_CONNECTION_OPEN_ID,
	/** The id until the poll after the one that reports CLOSED, then 0. */
	URING_CONNECTION_ID,
	/** Unread bytes are [head, tail) of the window. */
	URING_CONNECTION_RECEIVE_HEAD,
	URING_CONNECTION_RECEIVE_TAIL,
	/** 1 = receive more. */
	URING_CONNECTION_RECEIVE_WANTED,
	/** Which of the two send buffers is being filled. */
	URING_CONNECTION_SEND_FILL,
	URING_CONNECTION_SEND_FILL_BYTES,
	/** Bytes of the other buffer that the kernel has not taken yet. */
	URING_CONNECTION_SEND_OTHER_BYTES,
	/** 1 = in the dirty list. */
	URING_CONNECTION_DIRTY,
	/** enum uring_close. */
	URING_CONNECTION_CLOSE,
	URING_CONNECTION_WORDS = 16
};

enum uring_close {
	/** Close after what is committed has been sent. */
	URING_CLOSE_FLUSH = 1,
	/** Close now, with a reset. */
	URING_CLOSE_ABORT = 2
};

/** Words of a datagram to send. */
enum uring_datagram_word {
	URING_DATAGRAM_LISTENER,
	URING_DATAGRAM_ADDRESS,
	URING_DATAGRAM_PORT,
	URING_DATAGRAM_BYTES,
	URING_DATAGRAM_WORDS
};

/** Words of a completion, and its kinds: engine/transport/transport.ts. */
enum uring_completion_word {
	URING_COMPLETION_KIND,
	URING_COMPLETION_ID,
	URING_COMPLETION_LISTENER,
	URING_COMPLETION_OFFSET,
	URING_COMPLETION_LENGTH,
	URING_COMPLETION_ADDRESS,
	URING_COMPLETION_PORT,
	/** When the newest bytes came, low 32 bits of nanoseconds, at most 4 s ago; 0 = not known. */
	URING_COMPLETION_TIME,
	URING_COMPLETION_WORDS = 8
};

enum uring_completion_kind {
	URING_ACCEPTED = 1,
	URING_RECEIVED = 2,
	URING_CLOSED = 3,
	URING_DATAGRAM = 4
};

/** An id is generation << URING_SLOT_BITS | slot; generations start at 1. */
#define URING_SLOT_BITS 12
/** Listeners of one transport, both kinds. */
#define URING_LISTENERS_MAX 32
/** Bytes of one datagram slot. */
#define URING_DATAGRAM_SLOT_BYTES 2048

/** Computes where things lie in a block for these options. 0, or -EINVAL. */
FERRULE_EXPORT int32_t ferrule_uring_layout(const int32_t *options, int32_t *layout);

/**
 * Makes a transport in a zeroed block of the size that ferrule_uring_layout() said,
 * aligned to 4096 bytes. The block must outlive it.
 *
 * @return A handle >= 0, or -errno.
 */
FERRULE_EXPORT int32_t ferrule_uring_create(const int32_t *options, double block);

/** Closes everything at once. 0, or -EBADF. */
FERRULE_EXPORT int32_t ferrule_uring_destroy(int32_t handle);

/**
 * Opens a TCP listener; address is host order. Returns its id >= 0, or -errno:
 * -EOPNOTSUPP if the card shall give times and does not.
 */
FERRULE_EXPORT int32_t ferrule_uring_listen_stream(int32_t handle, uint32_t address, int32_t port);

/** Opens a UDP socket; returns its listener id >= 0, or -errno. */
FERRULE_EXPORT int32_t ferrule_uring_listen_datagram(int32_t handle, uint32_t address, int32_t port);

/**
 * Says where multicast datagrams of a UDP socket leave: the interface that has
 * this address, so many hops; this machine hears them too. 0, or -errno.
 */
FERRULE_EXPORT int32_t ferrule_uring_multicast(int32_t handle, int32_t listener, uint32_t address,
					       int32_t hops);

/** Makes a UDP socket hear a group on the interface that has this address. 0, or -errno. */
FERRULE_EXPORT int32_t ferrule_uring_join(int32_t handle, int32_t listener, uint32_t group,
					  uint32_t address);
FERRULE_EXPORT int32_t ferrule_uring_leave(int32_t handle, int32_t listener, uint32_t group,
					   uint32_t address);

/**
 * Connects to a listener and returns the connection's id, or -errno. Waits for
 * the answer, a second at most: for listeners of this host, before the poll loop.
 */
FERRULE_EXPORT int32_t ferrule_uring_connect(int32_t handle, uint32_t address, int32_t port);

/** The port that a listener is bound to, or -errno. */
FERRULE_EXPORT int32_t ferrule_uring_port(int32_t handle, int32_t listener);

/** Stops a listener; connections stay. Its port is free after the next poll. 0, or -errno. */
FERRULE_EXPORT int32_t ferrule_uring_close_listener(int32_t handle, int32_t listener);

/**
 * Submits what the control words ask for and collects what happened.
 *
 * @param wait_us 0 = look and return; else sleep until there is a completion,
 *   at most about this many microseconds.
 * @return Completions written, or -errno.
 */
FERRULE_EXPORT int32_t ferrule_uring_poll(int32_t handle, int32_t wait_us);

/** Tries whether this process may use io_uring as we need it. 0, or -errno. */
FERRULE_EXPORT int32_t ferrule_uring_probe(void);

#endif
