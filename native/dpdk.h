/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * UDP and TCP over IPv4 on a network port that DPDK drives from user space.
 *
 * One port belongs to one thread: the one that opened it, which looks through
 * all of its queues. ARP, ICMP echo and IGMP queries are answered inside
 * ferrule_dpdk_poll(); what is left over are datagrams for our address and our
 * groups, described in the shared block and read in place, in the packet
 * buffers, and TCP segments, which lwIP puts in order. No IPv6, no VLAN, no
 * fragments.
 *
 * The bytes of a stream are copied once, from the packet into the receive
 * window of its connection, and read there; what is sent stays in the
 * connection's send buffers until the client has acknowledged it.
 *
 * A handle is a small number. Addresses are IPv4 as big-endian numbers
 * (10.99.0.2 = 0x0a630002), ports are in host order.
 */
#ifndef FERRULE_DPDK_H
#define FERRULE_DPDK_H

#include "ferrule.h"

/** Most datagrams of one poll. */
#define FERRULE_DPDK_BURST 64
/** Frames that can wait for the card. */
#define FERRULE_DPDK_SEND_QUEUE 512
/** Frames that can be written ahead of their sending. */
#define FERRULE_DPDK_OFFERS 32
/** Datagrams that can wait for the answer to an ARP request. */
#define FERRULE_DPDK_WAITING 64
#define FERRULE_DPDK_LISTENERS 16
#define FERRULE_DPDK_PORTS 4
/** Receive queues of a port, and as many send queues. */
#define FERRULE_DPDK_QUEUES 16
/** Multicast groups that a port can hear. */
#define FERRULE_DPDK_GROUPS 32
/** Bytes of a device's name, and of the name of a figure of its own. */
#define FERRULE_DPDK_NAME_BYTES 64
/** Bytes of a datagram's payload in a frame of 1500 bytes. */
#define FERRULE_DPDK_DATAGRAM_BYTES 1472
/** Most connections of a port. */
#define FERRULE_DPDK_CONNECTIONS 1024
/** Connections that may be half open, for each TCP listener. */
#define FERRULE_DPDK_BACKLOG 64
/** Most completions of one poll. */
#define FERRULE_DPDK_COMPLETIONS 256
/** Largest receive window of a connection, and smallest. */
#define FERRULE_TCP_RECEIVE_BYTES_MAX (256 * 1024)
#define FERRULE_TCP_RECEIVE_BYTES_MIN 4096
/** Send buffers of a connection, two of half the size. */
#define FERRULE_TCP_SEND_BYTES_MAX (512 * 1024)
#define FERRULE_TCP_SEND_BYTES_MIN 8192
/** An id is generation << bits | slot. */
#define FERRULE_TCP_SLOT_BITS 12

/** Words of a completion, as in engine/transport/transport.ts. */
enum {
	FERRULE_DPDK_COMPLETION_KIND = 0,
	FERRULE_DPDK_COMPLETION_ID = 1,
	FERRULE_DPDK_COMPLETION_LISTENER = 2,
	FERRULE_DPDK_COMPLETION_OFFSET = 3,
	FERRULE_DPDK_COMPLETION_LENGTH = 4,
	FERRULE_DPDK_COMPLETION_ADDRESS = 5,
	FERRULE_DPDK_COMPLETION_PORT = 6,
	FERRULE_DPDK_COMPLETION_WORDS = 8,
	FERRULE_DPDK_KIND_ACCEPTED = 1,
	FERRULE_DPDK_KIND_RECEIVED = 2,
	FERRULE_DPDK_KIND_CLOSED = 3,
	FERRULE_DPDK_KIND_DATAGRAM = 4,
};

/**
 * Counters, doubles, since the port was opened. Every received frame is
 * counted in RX_FRAMES and in exactly one of the others up to RX_BAD_TCP_CHECKSUM,
 * or in RX_IGMP.
 */
enum {
	FERRULE_DPDK_RX_FRAMES = 0,
	FERRULE_DPDK_RX_DATAGRAMS = 1,
	FERRULE_DPDK_RX_ARP = 2,
	FERRULE_DPDK_RX_ECHO = 3,
	FERRULE_DPDK_RX_BAD_IP_CHECKSUM = 4,
	FERRULE_DPDK_RX_BAD_UDP_CHECKSUM = 5,
	FERRULE_DPDK_RX_BAD_ICMP_CHECKSUM = 6,
	FERRULE_DPDK_RX_MALFORMED = 7,
	FERRULE_DPDK_RX_FRAGMENTS = 8,
	FERRULE_DPDK_RX_OPTIONS = 9,
	FERRULE_DPDK_RX_NOT_FOR_US = 10,
	FERRULE_DPDK_RX_UNKNOWN_PROTOCOL = 11,
	FERRULE_DPDK_RX_UNKNOWN_PORT = 12,
	FERRULE_DPDK_RX_SPOOFED = 13,
	/** Segments handed to TCP. */
	FERRULE_DPDK_RX_SEGMENTS = 14,
	FERRULE_DPDK_RX_BAD_TCP_CHECKSUM = 15,
	FERRULE_DPDK_ADDRESS_CONFLICTS = 16,
	FERRULE_DPDK_TX_FRAMES = 17,
	FERRULE_DPDK_TX_DATAGRAMS = 18,
	FERRULE_DPDK_TX_RETRIES = 19,
	FERRULE_DPDK_TX_UNRESOLVED = 20,
	FERRULE_DPDK_TX_NO_ROUTE = 21,
	FERRULE_DPDK_TX_DROPPED = 22,
	FERRULE_DPDK_TX_BACKPRESSURE = 23,
	FERRULE_DPDK_NO_BUFFER = 24,
	FERRULE_DPDK_TX_SEGMENTS = 25,
	/** Connections reset at once because there was no room for them. */
	FERRULE_DPDK_TCP_REFUSED = 26,
	/** Connections open now, those that are being closed included. */
	FERRULE_DPDK_TCP_OPEN = 27,
	/** Closed connections whose client did not take the rest in time. */
	FERRULE_DPDK_TCP_LINGER_EXPIRED = 28,
	/** Segments dropped because their header or options do not end where they must. */
	FERRULE_DPDK_TCP_MALFORMED = 29,
	/** IGMP messages of others, and ours. */
	FERRULE_DPDK_RX_IGMP = 40,
	FERRULE_DPDK_TX_IGMP = 41,
	FERRULE_DPDK_COUNTERS = 48,
};

/** Words of a connection, 16 of them. */
enum {
	/** The id while the connection takes bytes to send, else 0. */
	FERRULE_TCP_OPEN_ID = 0,
	/** The id until the poll after the one that reports CLOSED, then 0. */
	FERRULE_TCP_ID = 1,
	/** Unread bytes are [head, tail) of the window. */
	FERRULE_TCP_RECEIVE_HEAD = 2,
	FERRULE_TCP_RECEIVE_TAIL = 3,
	/** 1 = the owner wants to see more. */
	FERRULE_TCP_RECEIVE_WANTED = 4,
	/** Which of the two send buffers is being filled. */
	FERRULE_TCP_SEND_FILL = 5,
	/** Bytes committed to each buffer; 0 again once all are acknowledged. */
	FERRULE_TCP_SEND_COMMITTED = 6,
	/** Bytes committed and not acknowledged. */
	FERRULE_TCP_SEND_PENDING = 8,
	/** 1 = in the list of connections that the next poll looks at. */
	FERRULE_TCP_DIRTY = 9,
	/** 1 = close after what is committed, 2 = reset now. */
	FERRULE_TCP_CLOSE = 10,
	FERRULE_TCP_WORDS = 16,
};

/** Words of a datagram that is to be sent. */
enum {
	FERRULE_DPDK_SEND_LISTENER = 0,
	FERRULE_DPDK_SEND_ADDRESS = 1,
	FERRULE_DPDK_SEND_PORT = 2,
	FERRULE_DPDK_SEND_BYTES = 3,
	FERRULE_DPDK_SEND_WORDS = 4,
};

/** What the poller and TypeScript share; lives until the port is closed. */
struct ferrule_dpdk_shared {
	double counters[FERRULE_DPDK_COUNTERS];
	int32_t completions[FERRULE_DPDK_COMPLETIONS * FERRULE_DPDK_COMPLETION_WORDS];
	int32_t dirty_count;
	int32_t padding;
	int32_t dirty[FERRULE_DPDK_CONNECTIONS];
	int32_t connections[FERRULE_DPDK_CONNECTIONS * FERRULE_TCP_WORDS];
	/** Where the payload of the next datagrams goes: offsets in the packet memory. */
	int32_t offers[FERRULE_DPDK_OFFERS];
	/** The same, written and to be sent. */
	int32_t sends[FERRULE_DPDK_OFFERS * FERRULE_DPDK_SEND_WORDS];
};

/** Words of ferrule_dpdk_open()'s settings. */
enum {
	FERRULE_DPDK_SET_ADDRESS = 0,
	/** Bits of the network part, 20 to 30: hosts are found by index. */
	FERRULE_DPDK_SET_PREFIX = 1,
	/** Next hop to everything outside the network; 0 = none. */
	FERRULE_DPDK_SET_GATEWAY = 2,
	/** Packet buffers. */
	FERRULE_DPDK_SET_BUFFERS = 3,
	/** 1 = the next two words are our MAC address (upper 16, lower 32 bits). */
	FERRULE_DPDK_SET_HAS_MAC = 4,
	FERRULE_DPDK_SET_MAC_HIGH = 5,
	FERRULE_DPDK_SET_MAC_LOW = 6,
	/** Room for so many TCP connections, up to FERRULE_DPDK_CONNECTIONS; 0 = no TCP. */
	FERRULE_DPDK_SET_CONNECTIONS = 7,
	/** Queues; 0 = as many as the device's arguments say, else one. */
	FERRULE_DPDK_SET_QUEUES = 8,
	/** Receive window and send buffers of each connection, multiples of 4096. */
	FERRULE_DPDK_SET_RECEIVE_BYTES = 12,
	FERRULE_DPDK_SET_SEND_BYTES = 13,
	/** Milliseconds that a closed connection may take to send the rest. */
	FERRULE_DPDK_SET_LINGER_MS = 14,
	FERRULE_DPDK_SET_WORDS = 16,
};

/** Elements of ferrule_dpdk_open()'s result. */
enum {
	FERRULE_DPDK_INFO_BYTES_ADDRESS = 0,
	FERRULE_DPDK_INFO_BYTES = 1,
	FERRULE_DPDK_INFO_SHARED_ADDRESS = 2,
	FERRULE_DPDK_INFO_SHARED_BYTES = 3,
	FERRULE_DPDK_INFO_MAC_HIGH = 4,
	FERRULE_DPDK_INFO_MAC_LOW = 5,
	/** Offset of the first connection's receive window; send buffers follow each. */
	FERRULE_DPDK_INFO_STREAMS = 6,
	FERRULE_DPDK_INFO_WORDS = 8,
};

/** What a device does for us: bits. */
enum {
	/** It computes the checksums of what we send. */
	FERRULE_DPDK_FEATURE_TX_CHECKSUMS = 1,
	/** It checks those of what we receive. */
	FERRULE_DPDK_FEATURE_RX_CHECKSUMS = 2,
	/** It spreads flows over the queues by a hash (RSS). */
	FERRULE_DPDK_FEATURE_RSS = 4,
};

/** Elements of ferrule_dpdk_figures()'s result. */
enum {
	FERRULE_DPDK_FIGURE_UP = 0,
	FERRULE_DPDK_FIGURE_MBPS = 1,
	FERRULE_DPDK_FIGURE_RX_FRAMES = 2,
	FERRULE_DPDK_FIGURE_TX_FRAMES = 3,
	FERRULE_DPDK_FIGURE_RX_BYTES = 4,
	FERRULE_DPDK_FIGURE_TX_BYTES = 5,
	/** Frames that the card dropped because we did not take them in time. */
	FERRULE_DPDK_FIGURE_MISSED = 6,
	FERRULE_DPDK_FIGURE_RX_ERRORS = 7,
	FERRULE_DPDK_FIGURE_TX_ERRORS = 8,
	/** Frames that the card dropped because no packet buffer was free. */
	FERRULE_DPDK_FIGURE_NO_BUFFER = 9,
	FERRULE_DPDK_FIGURE_BUFFERS = 10,
	FERRULE_DPDK_FIGURE_BUFFERS_USED = 11,
	FERRULE_DPDK_FIGURE_QUEUES = 12,
	FERRULE_DPDK_FIGURE_FEATURES = 13,
	/** FERRULE_DPDK_COUNTERS of them. */
	FERRULE_DPDK_FIGURE_COUNTERS = 16,
	FERRULE_DPDK_FIGURE_WORDS = 64,
};

/** Elements of ferrule_dpdk_in_use()'s result: what is to be given back. */
enum {
	/** Packet buffers, those that wait in the card's queues included. */
	FERRULE_DPDK_USED_BUFFERS = 0,
	/** Connections as TCP knows them, half open and closing ones included. */
	FERRULE_DPDK_USED_PCBS = 1,
	/** Those that are over and only wait, for two minutes or until room is needed. */
	FERRULE_DPDK_USED_WAITING = 2,
	/** Segments and their parts: to be sent, to be acknowledged, out of order. */
	FERRULE_DPDK_USED_SEGMENTS = 3,
	FERRULE_DPDK_USED_WORDS = 4,
};

/**
 * Starts DPDK's environment, once a process; a second call with the same
 * settings does nothing, with others it is -EALREADY.
 *
 * core is the CPU that will poll, -1 = the first one of the calling thread.
 * The environment moves the calling thread to that CPU and starts threads of
 * its own: those may run anywhere but there, and the calling thread gets its
 * affinity back. pci is a card's address ("0000:03:00.0") that the environment
 * takes over at once, or "" for virtual devices only. memory_mib is the upper
 * bound without huge pages.
 */
FERRULE_EXPORT int32_t ferrule_dpdk_start(int32_t core, int32_t huge_pages, int32_t memory_mib,
					  const char *pci);

/**
 * Opens and starts a port: a PCI address, or a virtual device with its
 * arguments ("net_af_xdp0,iface=veth0"). Returns its handle.
 */
FERRULE_EXPORT int32_t ferrule_dpdk_open(const char *device, const uint32_t *settings, double *info);

/** Stops the port and gives its memory back; nothing shared may be read any more. */
FERRULE_EXPORT int32_t ferrule_dpdk_close(int32_t handle);

/**
 * Takes datagrams for a UDP port; returns the listener's number. address: ours,
 * or a group, which is to be joined besides; 0 = ours and all groups that this
 * listener joins.
 */
FERRULE_EXPORT int32_t ferrule_dpdk_listen(int32_t handle, uint32_t address, uint32_t udp_port);
/** Routers that multicast datagrams of a listener pass, plus one; 1 to begin with. */
FERRULE_EXPORT int32_t ferrule_dpdk_hops(int32_t handle, int32_t listener, uint32_t hops);
/** Makes a listener hear a multicast group; routers and switches are told. */
FERRULE_EXPORT int32_t ferrule_dpdk_join(int32_t handle, int32_t listener, uint32_t group);
FERRULE_EXPORT int32_t ferrule_dpdk_leave(int32_t handle, int32_t listener, uint32_t group);
/** Accepts TCP connections on a port; returns the listener's number. */
FERRULE_EXPORT int32_t ferrule_dpdk_listen_stream(int32_t handle, uint32_t tcp_port);
/** Takes nothing more for that port; connections stay; what is still to be answered can be sent. */
FERRULE_EXPORT int32_t ferrule_dpdk_unlisten(int32_t handle, int32_t listener);

/**
 * Fixes the MAC address of a host. ARP no longer changes it, and frames that
 * give that host as their sender from another MAC address are refused.
 */
FERRULE_EXPORT int32_t ferrule_dpdk_pin_peer(int32_t handle, uint32_t address, uint32_t mac_high,
					     uint32_t mac_low);

/**
 * Sends what is queued, takes one burst, answers ARP and echo requests.
 * Returns the number of completions, whose bytes stay until the next call.
 * wait_us > 0: if there is nothing, look again every 20 us for that long.
 */
FERRULE_EXPORT int32_t ferrule_dpdk_poll(int32_t handle, int32_t wait_us);

/**
 * Queues the first count datagrams that were offered, as `sends` has them, for
 * the next poll, and offers more. Returns how many can be written now: 0 if the
 * queue is full or there is no buffer. What was offered and not sent comes first
 * the next time. -EINVAL if a datagram can't be: it and those after it are not sent.
 */
FERRULE_EXPORT int32_t ferrule_dpdk_send(int32_t handle, int32_t count);

/**
 * Link state, the card's own counters and ours, for any thread; takes
 * microseconds. name: FERRULE_DPDK_NAME_BYTES for the device's. -EBADF = no port
 * has that handle.
 */
FERRULE_EXPORT int32_t ferrule_dpdk_figures(int32_t handle, double *result, char *name);

/**
 * The figures that only this kind of device has, for any thread; returns how
 * many, up to max: FERRULE_DPDK_NAME_BYTES each in names, and their values.
 */
FERRULE_EXPORT int32_t ferrule_dpdk_own_figures(int32_t handle, int32_t max, char *names,
						double *values);

/** What is in use now; may take microseconds. */
FERRULE_EXPORT int32_t ferrule_dpdk_in_use(int32_t handle, double *result);

#endif
