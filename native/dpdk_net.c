/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/*
 * ARP, IPv4, ICMP echo and UDP for one port, and the frames of TCP. Every length of a frame is
 * checked before it is used; whatever is not understood is counted and dropped.
 */

#include <netinet/in.h>
#include <string.h>

#include <rte_arp.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "dpdk_port.h"

#define HEADER_BYTES                                                                               \
	(sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr))
#define ARP_FRAME_BYTES (sizeof(struct rte_ether_hdr) + sizeof(struct rte_arp_hdr))
#define TIME_TO_LIVE 64
/** A neighbour that was silent for this long is asked again, and used meanwhile. */
#define PEER_FRESH_SECONDS 30

static bool on_network(const struct port *port, uint32_t address)
{
	return ((address ^ port->address) & ~port->host_mask) == 0;
}

/* A host that can be answered: not us, no network, broadcast or multicast address. */
static bool is_peer_address(const struct port *port, uint32_t address)
{
	const uint32_t host = address & port->host_mask;

	if (address == port->address || address >= 0xe0000000 || address >> 24 == 0 ||
	    address >> 24 == 127)
		return false;
	return !on_network(port, address) || (host != 0 && host != port->host_mask);
}

static struct peer *peer_of(struct port *port, uint32_t address)
{
	return &port->peers[address & port->host_mask];
}

void net_pad(struct rte_mbuf *frame)
{
	uint32_t bytes = rte_pktmbuf_data_len(frame);

	if (bytes >= FRAME_BYTES_MIN)
		return;
	memset(rte_pktmbuf_mtod_offset(frame, uint8_t *, bytes), 0, FRAME_BYTES_MIN - bytes);
	frame->data_len = FRAME_BYTES_MIN;
	frame->pkt_len = FRAME_BYTES_MIN;
}

static void fill_arp(struct port *port, struct rte_mbuf *frame, uint16_t operation,
		     const struct rte_ether_addr *target_mac, uint32_t target)
{
	struct rte_ether_hdr *ether = rte_pktmbuf_mtod(frame, struct rte_ether_hdr *);
	struct rte_arp_hdr *arp = (struct rte_arp_hdr *)(ether + 1);

	if (target_mac == NULL)
		memset(&ether->dst_addr, 0xff, sizeof(ether->dst_addr));
	else
		ether->dst_addr = *target_mac;
	ether->src_addr = port->mac;
	ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_ARP);
	arp->arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER);
	arp->arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	arp->arp_hlen = RTE_ETHER_ADDR_LEN;
	arp->arp_plen = 4;
	arp->arp_opcode = rte_cpu_to_be_16(operation);
	arp->arp_data.arp_sha = port->mac;
	arp->arp_data.arp_sip = rte_cpu_to_be_32(port->address);
	if (target_mac == NULL)
		memset(&arp->arp_data.arp_tha, 0, sizeof(arp->arp_data.arp_tha));
	else
		arp->arp_data.arp_tha = *target_mac;
	arp->arp_data.arp_tip = rte_cpu_to_be_32(target);
	frame->data_len = ARP_FRAME_BYTES;
	frame->pkt_len = ARP_FRAME_BYTES;
	net_pad(frame);
}

static void ask(struct port *port, uint32_t address)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(port->pool);

	if (frame == NULL) {
		port_count(port, FERRULE_DPDK_NO_BUFFER);
		return;
	}
	fill_arp(port, frame, RTE_ARP_OP_REQUEST, NULL, address);
	port_queue(port, frame);
}

void net_announce(struct port *port)
{
	ask(port, port->address);
}

/* Asks for a neighbour, at most ten times a second. */
static void ask_peer(struct port *port, uint32_t address)
{
	struct peer *peer = peer_of(port, address);

	if (peer->asked != 0 && port->now - peer->asked < port->second / 10)
		return;
	peer->asked = port->now;
	ask(port, address);
}

static void send_to(struct port *port, struct rte_mbuf *frame, const struct rte_ether_addr *mac)
{
	struct rte_ether_hdr *ether = rte_pktmbuf_mtod(frame, struct rte_ether_hdr *);
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(ether + 1);
	const bool segment = ip->next_proto_id == IPPROTO_TCP;

	ether->dst_addr = *mac;
	if (port_queue(port, frame))
		port_count(port, segment ? FERRULE_DPDK_TX_SEGMENTS : FERRULE_DPDK_TX_DATAGRAMS);
}

static void release_waiting(struct port *port, uint32_t next_hop, const struct rte_ether_addr *mac)
{
	uint32_t index, kept = 0;

	for (index = 0; index < port->waiting_count; index++) {
		if (port->waiting[index].next_hop == next_hop)
			send_to(port, port->waiting[index].frame, mac);
		else
			port->waiting[kept++] = port->waiting[index];
	}
	port->waiting_count = kept;
}

/*
 * What a frame says about the MAC address of its sender. False: the address is
 * pinned to another one.
 */
static bool learn(struct port *port, uint32_t address, const struct rte_ether_addr *mac)
{
	struct peer *peer;

	if (!on_network(port, address))
		return true;
	peer = peer_of(port, address);
	if (peer->pinned)
		return rte_is_same_ether_addr(&peer->mac, mac);
	if (!rte_is_valid_assigned_ether_addr(mac))
		return false;
	peer->mac = *mac;
	peer->seen = port->now;
	if (!peer->known) {
		peer->known = true;
		if (port->waiting_count > 0)
			release_waiting(port, address, mac);
	}
	return true;
}

void net_waiting(struct port *port)
{
	uint32_t index, kept = 0;

	for (index = 0; index < port->waiting_count; index++) {
		struct waiting waiting = port->waiting[index];

		if (port->now - waiting.since > port->second) {
			rte_pktmbuf_free(waiting.frame);
			port_count(port, FERRULE_DPDK_TX_UNRESOLVED);
			continue;
		}
		ask_peer(port, waiting.next_hop);
		port->waiting[kept++] = waiting;
	}
	port->waiting_count = kept;
}

void net_discard(struct port *port)
{
	uint32_t index;

	for (index = 0; index < port->waiting_count; index++)
		rte_pktmbuf_free(port->waiting[index].frame);
	port->waiting_count = 0;
}

static void wait_for(struct port *port, struct rte_mbuf *frame, uint32_t next_hop)
{
	if (port->waiting_count == FERRULE_DPDK_WAITING) {
		rte_pktmbuf_free(frame);
		port_count(port, FERRULE_DPDK_TX_UNRESOLVED);
		return;
	}
	port->waiting[port->waiting_count].frame = frame;
	port->waiting[port->waiting_count].next_hop = next_hop;
	port->waiting[port->waiting_count].since = port->now;
	port->waiting_count++;
	ask_peer(port, next_hop);
}

static void route(struct port *port, struct rte_mbuf *frame, uint32_t address)
{
	struct rte_ether_addr mac;
	struct peer *peer;
	uint32_t next_hop = address;

	if (address >> 28 == 0xe) {
		multicast_mac(address, &mac);
		send_to(port, frame, &mac);
		return;
	}
	if (!on_network(port, address))
		next_hop = port->gateway;
	if (!is_peer_address(port, address) || next_hop == 0) {
		rte_pktmbuf_free(frame);
		port_count(port, FERRULE_DPDK_TX_NO_ROUTE);
		return;
	}
	peer = peer_of(port, next_hop);
	if (!peer->known) {
		wait_for(port, frame, next_hop);
		return;
	}
	if (!peer->pinned && port->now - peer->seen > PEER_FRESH_SECONDS * port->second)
		ask_peer(port, next_hop);
	send_to(port, frame, &peer->mac);
}

/*
 * Sets the header's checksum and returns that of UDP or TCP, whose field is 0;
 * where the card adds up, both are what it begins with.
 */
static uint16_t checksums(const struct port *port, struct rte_mbuf *frame, struct rte_ipv4_hdr *ip,
			  uint64_t kind)
{
	ip->hdr_checksum = 0;
	if ((port->features & FERRULE_DPDK_FEATURE_TX_CHECKSUMS) == 0) {
		ip->hdr_checksum = rte_ipv4_cksum(ip);
		return rte_ipv4_udptcp_cksum(ip, ip + 1);
	}
	frame->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | kind;
	frame->l2_len = sizeof(struct rte_ether_hdr);
	frame->l3_len = sizeof(*ip);
	return rte_ipv4_phdr_cksum(ip, frame->ol_flags);
}

/* The sum of RFC 1071 in 16 bits. */
static uint16_t fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* Sum of bytes as words in network order: summed as they lie, turned at the end (RFC 1071, 2 B). */
static uint16_t sum_bytes(const uint8_t *data, uint32_t bytes)
{
	uint64_t sum = 0;
	uint32_t word = 0;

	for (; bytes >= sizeof(word); bytes -= (uint32_t)sizeof(word), data += sizeof(word)) {
		memcpy(&word, data, sizeof(word));
		sum += word;
	}
	word = 0;
	memcpy(&word, data, bytes);
	return rte_be_to_cpu_16(fold(sum + word));
}

/*
 * Both checksums of a datagram, of the values instead of the header: to read
 * in large pieces what was just written in small ones makes the processor wait.
 */
static void sum_datagram(const struct port *port, struct rte_ipv4_hdr *ip, struct rte_udp_hdr *udp,
			 uint32_t address, uint32_t ports, uint32_t udp_bytes)
{
	const uint64_t addresses = (uint64_t)(port->address >> 16) + (port->address & 0xffff) +
				   (address >> 16) + (address & 0xffff);
	const uint32_t total = (uint32_t)sizeof(*ip) + udp_bytes;
	const uint64_t header = (uint64_t)RTE_IPV4_VHL_DEF << 8 | ip->type_of_service;
	const uint64_t transit = (uint64_t)ip->time_to_live << 8 | IPPROTO_UDP;
	const uint32_t payload_bytes = udp_bytes - (uint32_t)sizeof(*udp);
	uint16_t sum;

	sum = fold(header + total + RTE_IPV4_HDR_DF_FLAG + transit + addresses);
	ip->hdr_checksum = rte_cpu_to_be_16((uint16_t)~sum);
	sum = fold(addresses + IPPROTO_UDP + 2 * (uint64_t)udp_bytes + (ports >> 16) +
		   (ports & 0xffff) + sum_bytes((const uint8_t *)(udp + 1), payload_bytes));
	/* 0 would say that there is none (RFC 768). */
	udp->dgram_cksum = sum == 0xffff ? 0xffff : rte_cpu_to_be_16((uint16_t)~sum);
}

void net_send(struct port *port, struct rte_mbuf *frame, uint32_t address, int32_t listener,
	      uint16_t target_port, uint32_t payload_bytes)
{
	struct rte_ether_hdr *ether = rte_pktmbuf_mtod(frame, struct rte_ether_hdr *);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(ether + 1);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	const uint16_t udp_bytes = (uint16_t)(sizeof(*udp) + payload_bytes);

	ether->src_addr = port->mac;
	ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->type_of_service = 0;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + udp_bytes));
	/* Never fragmented, so it needs no identification (RFC 6864). */
	ip->packet_id = 0;
	ip->fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	ip->time_to_live = address >> 28 == 0xe ? port->hops[listener] : TIME_TO_LIVE;
	ip->next_proto_id = IPPROTO_UDP;
	ip->src_addr = rte_cpu_to_be_32(port->address);
	ip->dst_addr = rte_cpu_to_be_32(address);
	udp->src_port = rte_cpu_to_be_16(port->sources[listener]);
	udp->dst_port = rte_cpu_to_be_16(target_port);
	udp->dgram_len = rte_cpu_to_be_16(udp_bytes);
	udp->dgram_cksum = 0;
	if ((port->features & FERRULE_DPDK_FEATURE_TX_CHECKSUMS) == 0)
		sum_datagram(port, ip, udp, address,
			     (uint32_t)port->sources[listener] << 16 | target_port, udp_bytes);
	else
		udp->dgram_cksum = checksums(port, frame, ip, RTE_MBUF_F_TX_UDP_CKSUM);
	frame->data_len = (uint16_t)(HEADER_BYTES + payload_bytes);
	frame->pkt_len = frame->data_len;
	net_pad(frame);
	route(port, frame, address);
}

/* Returns true if the frame went out again as the answer. */
static bool receive_arp(struct port *port, struct rte_mbuf *frame)
{
	struct rte_ether_hdr *ether = rte_pktmbuf_mtod(frame, struct rte_ether_hdr *);
	struct rte_arp_hdr *arp = (struct rte_arp_hdr *)(ether + 1);
	struct rte_ether_addr sender_mac;
	uint32_t sender;
	uint16_t operation;

	if (rte_pktmbuf_data_len(frame) < ARP_FRAME_BYTES ||
	    arp->arp_hardware != RTE_BE16(RTE_ARP_HRD_ETHER) ||
	    arp->arp_protocol != RTE_BE16(RTE_ETHER_TYPE_IPV4) ||
	    arp->arp_hlen != RTE_ETHER_ADDR_LEN || arp->arp_plen != 4) {
		port_count(port, FERRULE_DPDK_RX_MALFORMED);
		return false;
	}
	sender = rte_be_to_cpu_32(arp->arp_data.arp_sip);
	sender_mac = arp->arp_data.arp_sha;
	operation = rte_be_to_cpu_16(arp->arp_opcode);
	port_count(port, FERRULE_DPDK_RX_ARP);
	if (sender == port->address) {
		port_count(port, FERRULE_DPDK_ADDRESS_CONFLICTS);
		return false;
	}
	if (rte_be_to_cpu_32(arp->arp_data.arp_tip) != port->address ||
	    !on_network(port, sender) || !is_peer_address(port, sender))
		return false;
	if (operation == RTE_ARP_OP_REPLY) {
		/* Only the answer to a question of the last two seconds. */
		const uint64_t asked = peer_of(port, sender)->asked;

		if (asked != 0 && port->now - asked < 2 * port->second)
			learn(port, sender, &sender_mac);
		return false;
	}
	if (operation != RTE_ARP_OP_REQUEST || !learn(port, sender, &sender_mac))
		return false;
	fill_arp(port, frame, RTE_ARP_OP_REPLY, &sender_mac, sender);
	port_queue(port, frame);
	return true;
}

/* Returns true if the frame went out again as the answer. */
static bool receive_icmp(struct port *port, struct rte_mbuf *frame, uint32_t bytes)
{
	struct rte_ether_hdr *ether = rte_pktmbuf_mtod(frame, struct rte_ether_hdr *);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(ether + 1);
	struct rte_icmp_hdr *icmp = (struct rte_icmp_hdr *)(ip + 1);

	if (bytes < sizeof(*icmp)) {
		port_count(port, FERRULE_DPDK_RX_MALFORMED);
		return false;
	}
	if (rte_raw_cksum(icmp, bytes) != 0xffff) {
		port_count(port, FERRULE_DPDK_RX_BAD_ICMP_CHECKSUM);
		return false;
	}
	if (icmp->icmp_type != RTE_IP_ICMP_ECHO_REQUEST || icmp->icmp_code != 0) {
		port_count(port, FERRULE_DPDK_RX_UNKNOWN_PROTOCOL);
		return false;
	}
	port_count(port, FERRULE_DPDK_RX_ECHO);
	ether->dst_addr = ether->src_addr;
	ether->src_addr = port->mac;
	ip->dst_addr = ip->src_addr;
	ip->src_addr = rte_cpu_to_be_32(port->address);
	ip->time_to_live = TIME_TO_LIVE;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	icmp->icmp_type = RTE_IP_ICMP_ECHO_REPLY;
	icmp->icmp_cksum = 0;
	icmp->icmp_cksum = (uint16_t)~rte_raw_cksum(icmp, bytes);
	frame->data_len = (uint16_t)(sizeof(*ether) + sizeof(*ip) + bytes);
	frame->pkt_len = frame->data_len;
	net_pad(frame);
	port_queue(port, frame);
	return true;
}

/* Over the bytes behind the IPv4 header. What the card found sound is not added up again. */
static bool checksum_holds(const struct rte_mbuf *frame, const struct rte_ipv4_hdr *ip,
			   uint32_t bytes)
{
	uint32_t sum;

	if ((frame->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		return true;
	sum = rte_ipv4_phdr_cksum(ip, 0);
	sum += rte_raw_cksum(ip + 1, bytes);
	return (sum & 0xffff) + (sum >> 16) == 0xffff;
}

static bool header_checksum_holds(const struct rte_mbuf *frame, const struct rte_ipv4_hdr *ip)
{
	return (frame->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD ||
	       rte_raw_cksum(ip, sizeof(*ip)) == 0xffff;
}

static int32_t find_listener(struct port *port, uint32_t address, uint16_t udp_port)
{
	const uint32_t hears =
		address == port->address ? UINT32_MAX : multicast_listeners(port, address);
	int32_t listener, found = -1;

	for (listener = 0; udp_port != 0 && listener < FERRULE_DPDK_LISTENERS; listener++) {
		if (port->listeners[listener] != udp_port || (hears & 1u << listener) == 0)
			continue;
		if (port->bound[listener] == address)
			return listener;
		if (port->bound[listener] == 0)
			found = listener;
	}
	return found;
}

/* Returns the listener of a sound datagram, or -1. */
static int32_t receive_udp(struct port *port, const struct rte_mbuf *frame, uint32_t bytes)
{
	const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(frame, const struct rte_ether_hdr *);
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(ether + 1);
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(ip + 1);
	int32_t listener;

	if (bytes < sizeof(*udp) || rte_be_to_cpu_16(udp->dgram_len) != bytes ||
	    udp->src_port == 0) {
		port_count(port, FERRULE_DPDK_RX_MALFORMED);
		return -1;
	}
	if (udp->dgram_cksum != 0 && !checksum_holds(frame, ip, bytes)) {
		port_count(port, FERRULE_DPDK_RX_BAD_UDP_CHECKSUM);
		return -1;
	}
	listener = find_listener(port, rte_be_to_cpu_32(ip->dst_addr),
				 rte_be_to_cpu_16(udp->dst_port));
	if (listener < 0)
		port_count(port, FERRULE_DPDK_RX_UNKNOWN_PORT);
	return listener;
}

/* Our address with our MAC address, or a group that we hear with the group's. */
static bool is_for_us(struct port *port, const struct rte_ether_addr *mac, uint32_t address)
{
	struct rte_ether_addr expected = port->mac;

	if (address != port->address) {
		if (address >> 28 != 0xe || multicast_listeners(port, address) == 0)
			return false;
		multicast_mac(address, &expected);
	}
	return rte_is_same_ether_addr(mac, &expected);
}

/* Checks the IPv4 header; returns the bytes after it, or -1 with the reason counted. */
static int32_t check_ipv4(struct port *port, const struct rte_mbuf *frame)
{
	const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(frame, const struct rte_ether_hdr *);
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(ether + 1);
	const uint32_t frame_bytes = rte_pktmbuf_data_len(frame);
	const uint16_t fragment_mask = RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK);
	uint32_t bytes, reason;

	if (frame_bytes < sizeof(*ether) + sizeof(*ip)) {
		port_count(port, FERRULE_DPDK_RX_MALFORMED);
		return -1;
	}
	bytes = rte_be_to_cpu_16(ip->total_length);
	if (ip->version_ihl >> 4 != 4 || (ip->version_ihl & 15) < 5)
		reason = FERRULE_DPDK_RX_MALFORMED;
	else if ((ip->version_ihl & 15) != 5)
		reason = FERRULE_DPDK_RX_OPTIONS;
	else if (!header_checksum_holds(frame, ip))
		reason = FERRULE_DPDK_RX_BAD_IP_CHECKSUM;
	else if (bytes < sizeof(*ip) || bytes > frame_bytes - sizeof(*ether))
		reason = FERRULE_DPDK_RX_MALFORMED;
	else if (!is_for_us(port, &ether->dst_addr, rte_be_to_cpu_32(ip->dst_addr)))
		reason = FERRULE_DPDK_RX_NOT_FOR_US;
	else if ((ip->fragment_offset & fragment_mask) != 0)
		reason = FERRULE_DPDK_RX_FRAGMENTS;
	else if (!is_peer_address(port, rte_be_to_cpu_32(ip->src_addr)))
		reason = FERRULE_DPDK_RX_MALFORMED;
	else
		return (int32_t)(bytes - sizeof(*ip));
	port_count(port, reason);
	return -1;
}

/* Hands a sound segment to TCP. Returns -1 = free it, -2 = TCP has it. */
static int32_t receive_segment(struct port *port, struct rte_mbuf *frame, uint32_t bytes)
{
	const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(frame, const struct rte_ether_hdr *);
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(ether + 1);
	const struct rte_tcp_hdr *tcp = (const struct rte_tcp_hdr *)(ip + 1);
	uint8_t *packet = rte_pktmbuf_mtod_offset(frame, uint8_t *, sizeof(*ether));

	if (bytes < sizeof(*tcp) || frame->data_off < FERRULE_TCP_HEADROOM) {
		port_count(port, FERRULE_DPDK_RX_MALFORMED);
		return -1;
	}
	if (!checksum_holds(frame, ip, bytes)) {
		port_count(port, FERRULE_DPDK_RX_BAD_TCP_CHECKSUM);
		return -1;
	}
	if (!learn(port, rte_be_to_cpu_32(ip->src_addr), &ether->src_addr)) {
		port_count(port, FERRULE_DPDK_RX_SPOOFED);
		return -1;
	}
	port_count(port, FERRULE_DPDK_RX_SEGMENTS);
	streams_receive(frame, frame->buf_addr, packet, (uint32_t)sizeof(*ip) + bytes);
	return -2;
}

void *streams_frame_new(struct port *port, uint8_t **packet)
{
	struct rte_mbuf *frame;

	if (port->queue_count == FERRULE_DPDK_SEND_QUEUE)
		return NULL;
	frame = rte_pktmbuf_alloc(port->pool);
	if (frame == NULL) {
		port_count(port, FERRULE_DPDK_NO_BUFFER);
		return NULL;
	}
	*packet = rte_pktmbuf_mtod_offset(frame, uint8_t *, sizeof(struct rte_ether_hdr));
	return frame;
}

void streams_frame_send(struct port *port, void *started, uint32_t address, uint32_t bytes)
{
	struct rte_mbuf *frame = started;
	struct rte_ether_hdr *ether = rte_pktmbuf_mtod(frame, struct rte_ether_hdr *);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(ether + 1);
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(ip + 1);

	ether->src_addr = port->mac;
	ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	ip->packet_id = 0;
	ip->fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	tcp->cksum = 0;
	tcp->cksum = checksums(port, frame, ip, RTE_MBUF_F_TX_TCP_CKSUM);
	frame->data_len = (uint16_t)(sizeof(*ether) + bytes);
	frame->pkt_len = frame->data_len;
	net_pad(frame);
	route(port, frame, address);
}

void streams_frame_free(void *frame)
{
	rte_pktmbuf_free(frame);
}

/* Returns the listener of a datagram (the frame is kept), -1 = free it, -2 = it was sent. */
static int32_t receive_ipv4(struct port *port, struct rte_mbuf *frame)
{
	const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(frame, const struct rte_ether_hdr *);
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(ether + 1);
	const int32_t bytes = check_ipv4(port, frame);
	bool unicast;
	int32_t listener;

	if (bytes < 0)
		return -1;
	unicast = rte_be_to_cpu_32(ip->dst_addr) == port->address;
	if (ip->next_proto_id == IPPROTO_ICMP && unicast)
		return receive_icmp(port, frame, (uint32_t)bytes) ? -2 : -1;
	if (ip->next_proto_id == IPPROTO_TCP && port->has_tcp && unicast)
		return receive_segment(port, frame, (uint32_t)bytes);
	if (ip->next_proto_id != IPPROTO_UDP) {
		port_count(port, FERRULE_DPDK_RX_UNKNOWN_PROTOCOL);
		return -1;
	}
	listener = receive_udp(port, frame, (uint32_t)bytes);
	if (listener >= 0 && !learn(port, rte_be_to_cpu_32(ip->src_addr), &ether->src_addr)) {
		port_count(port, FERRULE_DPDK_RX_SPOOFED);
		return -1;
	}
	return listener;
}

static void describe(const struct port *port, const struct rte_mbuf *frame, int32_t listener,
		     int32_t *completion)
{
	const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(frame, const struct rte_ether_hdr *);
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(ether + 1);
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(ip + 1);
	const uint8_t *payload = (const uint8_t *)(udp + 1);

	completion[FERRULE_DPDK_COMPLETION_KIND] = FERRULE_DPDK_KIND_DATAGRAM;
	completion[FERRULE_DPDK_COMPLETION_ID] = listener;
	completion[FERRULE_DPDK_COMPLETION_LISTENER] = listener;
	completion[FERRULE_DPDK_COMPLETION_OFFSET] = (int32_t)(payload - port->bytes);
	completion[FERRULE_DPDK_COMPLETION_LENGTH] =
		(int32_t)(rte_be_to_cpu_16(udp->dgram_len) - sizeof(*udp));
	completion[FERRULE_DPDK_COMPLETION_ADDRESS] = (int32_t)rte_be_to_cpu_32(ip->src_addr);
	completion[FERRULE_DPDK_COMPLETION_PORT] = rte_be_to_cpu_16(udp->src_port);
}

static bool is_group_mac(const struct rte_ether_addr *mac)
{
	return mac->addr_bytes[0] == 0x01 && mac->addr_bytes[1] == 0 && mac->addr_bytes[2] == 0x5e &&
	       mac->addr_bytes[3] < 0x80;
}

/* To a group's MAC address. Returns as receive_ipv4(). */
static int32_t receive_group(struct port *port, struct rte_mbuf *frame)
{
	const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(frame, const struct rte_ether_hdr *);
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(ether + 1);

	if (rte_pktmbuf_data_len(frame) < sizeof(*ether) + sizeof(*ip) ||
	    ip->next_proto_id != IPPROTO_IGMP)
		return receive_ipv4(port, frame);
	multicast_hear(port, frame);
	return -1;
}

bool net_receive(struct port *port, struct rte_mbuf *frame, int32_t *completion)
{
	const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(frame, const struct rte_ether_hdr *);
	int32_t outcome = -1;
	bool ours;

	port_count(port, FERRULE_DPDK_RX_FRAMES);
	if (frame->nb_segs != 1 || rte_pktmbuf_data_len(frame) < sizeof(*ether)) {
		port_count(port, FERRULE_DPDK_RX_MALFORMED);
		rte_pktmbuf_free(frame);
		return false;
	}
	ours = rte_is_same_ether_addr(&ether->dst_addr, &port->mac);
	/* Some drivers show what others send from this interface. */
	if (rte_is_same_ether_addr(&ether->src_addr, &port->mac))
		port_count(port, FERRULE_DPDK_RX_NOT_FOR_US);
	else if (ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4) && ours)
		outcome = receive_ipv4(port, frame);
	else if (ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4) &&
		 is_group_mac(&ether->dst_addr))
		outcome = receive_group(port, frame);
	else if (ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_ARP) &&
		 (ours || rte_is_broadcast_ether_addr(&ether->dst_addr)))
		outcome = receive_arp(port, frame) ? -2 : -1;
	else if (ours)
		port_count(port, FERRULE_DPDK_RX_UNKNOWN_PROTOCOL);
	else
		port_count(port, FERRULE_DPDK_RX_NOT_FOR_US);
	if (outcome >= 0) {
		port_count(port, FERRULE_DPDK_RX_DATAGRAMS);
		describe(port, frame, outcome, completion);
		return true;
	}
	if (outcome == -1)
		rte_pktmbuf_free(frame);
	return false;
}
