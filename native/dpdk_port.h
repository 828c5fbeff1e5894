/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * One port's state, between dpdk.c (environment, port, queues) and dpdk_net.c
 * (ARP, IPv4, ICMP, UDP). Not seen outside. TCP is behind dpdk_tcp.h.
 */
#ifndef FERRULE_DPDK_PORT_H
#define FERRULE_DPDK_PORT_H

#include <stdbool.h>

#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#include "dpdk_tcp.h"

#define FRAME_BYTES_MIN 60
#define NETWORK_PREFIX_MIN 20
#define NETWORK_PREFIX_MAX 30

/** A host of our network. Its place in the table is the host part of its address. */
struct peer {
	struct rte_ether_addr mac;
	bool known;
	bool pinned;
	uint64_t seen; /* time stamp counter */
	uint64_t asked;
};

/** A datagram whose next hop is not known yet. */
struct waiting {
	struct rte_mbuf *frame;
	uint32_t next_hop;
	uint64_t since;
};

struct port {
	bool open;
	uint16_t id;
	struct rte_device *device;
	struct rte_mempool *pool;
	uint8_t *bytes; /* first byte of the pool's memory */
	uint64_t bytes_count;
	struct ferrule_dpdk_shared *shared;

	uint32_t address;
	uint32_t host_mask;
	uint32_t gateway;
	struct rte_ether_addr mac;
	uint64_t now; /* time stamp counter at the start of this poll */
	uint64_t second;

	struct peer *peers; /* host_mask + 1 */
	uint16_t listeners[FERRULE_DPDK_LISTENERS]; /* UDP ports, 0 = takes nothing */
	uint16_t sources[FERRULE_DPDK_LISTENERS];   /* the same, kept when it is closed */

	bool has_tcp;
	uint8_t *streams; /* memory of the connections */
	struct streams_settings tcp;

	struct rte_mbuf *reserved;
	struct rte_mbuf *held[FERRULE_DPDK_BURST]; /* shown by the last poll */
	uint32_t held_count;
	struct rte_mbuf *queue[FERRULE_DPDK_SEND_QUEUE];
	uint32_t queue_count;
	struct waiting waiting[FERRULE_DPDK_WAITING];
	uint32_t waiting_count;
};

static inline void port_count(struct port *port, uint32_t counter)
{
	port->shared->counters[counter] += 1;
}

/** Queues a complete frame, or drops and counts it. Takes the frame over. */
bool port_queue(struct port *port, struct rte_mbuf *frame);

/** Announces our address to the network. */
void net_announce(struct port *port);

/**
 * Takes one received frame over. Returns true if it is a datagram for a
 * listener: then it is described at completion and the caller keeps it.
 */
bool net_receive(struct port *port, struct rte_mbuf *frame, int32_t *completion);

/** Writes the headers before payload_bytes of payload and sends, or waits for ARP. */
void net_send(struct port *port, struct rte_mbuf *frame, uint32_t address, uint16_t source_port,
	      uint16_t target_port, uint32_t payload_bytes);

/** Asks again for the next hops that datagrams wait for; gives up after a second. */
void net_waiting(struct port *port);

/** Forgets all waiting datagrams. */
void net_discard(struct port *port);

#endif
