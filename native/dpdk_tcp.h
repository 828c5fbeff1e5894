/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * TCP for one DPDK port, by lwIP: between dpdk_tcp.c, which sees lwIP's
 * headers, and dpdk.c and dpdk_net.c, which see DPDK's. Both define struct
 * ip6_hdr, so nothing here names a type of either.
 *
 * lwIP keeps its state in globals: one port of a process has TCP at a time.
 */
#ifndef FERRULE_DPDK_TCP_H
#define FERRULE_DPDK_TCP_H

#include <stdbool.h>
#include <stddef.h>

#include "dpdk.h"

/** Bytes at the start of a frame's memory that belong to streams_receive(). */
#define FERRULE_TCP_HEADROOM 64

struct port;

struct streams_settings {
	struct port *port;
	uint32_t address;
	uint32_t connections;
	/** Frames out of order that one connection may hold. */
	uint32_t out_of_order_max;
	struct ferrule_dpdk_shared *shared;
	/** Of each connection. */
	uint32_t receive_bytes;
	uint32_t send_bytes;
	uint32_t linger_ms;
	/** streams_bytes() of these settings. */
	uint8_t *block;
	/** Offsets of completions count from here. */
	const uint8_t *bytes;
};

/* dpdk_tcp.c */

/** Bytes of memory that the stack needs for these settings, windows first. */
size_t streams_bytes(const struct streams_settings *settings);

/** Takes the stack for this port; -EBUSY if another port has it. */
int32_t streams_open(const struct streams_settings *settings);
/** Resets all connections and lets the stack go. */
void streams_close_all(void);
/** Returns the listener's number, FERRULE_DPDK_LISTENERS and up. */
int32_t streams_listen(uint32_t tcp_port);
int32_t streams_unlisten(int32_t listener);
/** Before frames are received: the owner's wishes, acknowledgements, timers. */
void streams_before(uint32_t now_ms);
/** An IPv4 packet of 40 bytes or more whose checksums hold. Takes the frame over. */
void streams_receive(void *frame, void *headroom, uint8_t *packet, uint32_t bytes);
/** Describes what happened, from completion `count` on; returns the new count. */
int32_t streams_describe(int32_t count);
/** Fills in FERRULE_DPDK_USED_PCBS and what follows; walks lists. */
void streams_in_use(double *result);

/* dpdk_tcp_pools.c */

/** Packet buffers that one connection may have queued. */
uint32_t queue_length(const struct streams_settings *settings);
/** Bytes for the pools of that many connections. */
size_t pools_bytes(const struct streams_settings *settings);
/** Makes the pools in memory of that size. */
void pools_open(const struct streams_settings *settings, uint8_t *memory);
/** Connections, and segments and their parts, that are in use. */
uint32_t pools_used_pcbs(void);
uint32_t pools_used_segments(void);

/* dpdk_net.c */

/** Room for an IPv4 packet of up to 1500 bytes; NULL if there is none now. */
void *streams_frame_new(struct port *port, uint8_t **packet);
/** Fills in the checksums and sends. Takes the frame over. */
void streams_frame_send(struct port *port, void *frame, uint32_t address, uint32_t bytes);
void streams_frame_free(void *frame);

#endif
