/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * One port's state, between dpdk.c (environment, ports, polling), dpdk_device.c
 * (queues, offloads, figures), dpdk_net.c (ARP, IPv4, ICMP, UDP) and
 * dpdk_multicast.c (groups, IGMP). Not seen outside. TCP is behind dpdk_tcp.h.
 */
#ifndef FERRULE_DPDK_PORT_H
#define FERRULE_DPDK_PORT_H

#include <errno.h>
#include <net/if.h>
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

/** A multicast group that listeners hear, or have just left. Address 0 = unused. */
struct group {
	uint32_t address;
	uint32_t listeners; /* a bit each */
	uint32_t changes;   /* times that the last change is still to be told */
	uint64_t change_at; /* time stamp counter; UINT64_MAX = never */
	uint64_t answer_at;
};

struct port {
	bool open;
	uint16_t id;
	uint16_t queues;
	uint16_t queue_at; /* the receive queue that is looked at next */
	uint32_t features; /* FERRULE_DPDK_FEATURE_ */
	char name[FERRULE_DPDK_NAME_BYTES];
	char interface[IFNAMSIZ]; /* the kernel's, below a virtual device; "" = none */
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
	uint32_t bound[FERRULE_DPDK_LISTENERS];	    /* address or group; 0 = all */
	uint8_t hops[FERRULE_DPDK_LISTENERS];	    /* of multicast datagrams */

	struct group groups[FERRULE_DPDK_GROUPS];
	uint64_t report_at; /* when something is to be told of a group */
	uint64_t old_querier_until;
	uint32_t random;

	bool has_tcp;
	uint8_t *streams; /* memory of the connections */
	struct streams_settings tcp;

	struct rte_mbuf *offered[FERRULE_DPDK_OFFERS];
	uint32_t offered_count;
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
void net_send(struct port *port, struct rte_mbuf *frame, uint32_t address, int32_t listener,
	      uint16_t target_port, uint32_t payload_bytes);

/** Makes a frame as long as Ethernet wants it. */
void net_pad(struct rte_mbuf *frame);

/** Asks again for the next hops that datagrams wait for; gives up after a second. */
void net_waiting(struct port *port);

/** Forgets all waiting datagrams. */
void net_discard(struct port *port);

/** The last words of DPDK's log: they say why something failed. */
const char *port_log(void);

/* dpdk_device.c */

/** Whether the interface and the rights that the device needs are there. */
int32_t device_check(struct port *port, const char *device);
/** Finds the device, sets its queues and offloads up and starts it. */
int32_t device_open(struct port *port, const char *device, const uint32_t *settings);
void device_close(struct port *port);
/** False if the kernel's interface below a virtual device has no link. */
bool device_has_carrier(const struct port *port);
/** See ferrule_dpdk_own_figures(). */
int32_t device_own_figures(const struct port *port, int32_t max, char *names, double *values);

/* dpdk_multicast.c */

int32_t multicast_join(struct port *port, int32_t listener, uint32_t address);
int32_t multicast_leave(struct port *port, int32_t listener, uint32_t address);
void multicast_leave_all(struct port *port, int32_t listener);
/** The listeners that hear a group, a bit each. */
uint32_t multicast_listeners(struct port *port, uint32_t address);
/** The MAC address of a group (RFC 1112, 6.4). */
void multicast_mac(uint32_t group, struct rte_ether_addr *mac);
/** An IGMP message; the caller keeps the frame, which holds an IPv4 header at least. */
void multicast_hear(struct port *port, const struct rte_mbuf *frame);
/** Tells what is due; for when `report_at` has come. */
void multicast_report(struct port *port);

#endif
