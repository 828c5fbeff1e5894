/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/*
 * Groups that a port hears, and what routers and switches are told of them:
 * IGMP version 3 (RFC 3376) for any source, and version 2 (RFC 2236) while a
 * querier of that version is about.
 *
 *   join, leave ──▶ change_at ──┐
 *   query ─────────▶ answer_at ─┴─▶ multicast_look() ──▶ one report of what is due
 *
 * A change is told twice, the second time within a second; a query is answered
 * at a random moment of the time that it gives. A query about certain sources
 * is answered with the whole state of the group, which says more than it asks.
 */

#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>

#include "dpdk_port.h"

#define IGMP_QUERY 0x11
#define IGMP_V2_REPORT 0x16
#define IGMP_V2_LEAVE 0x17
#define IGMP_V3_REPORT 0x22
#define RECORD_IS_EXCLUDE 2
#define RECORD_TO_INCLUDE 3
#define RECORD_TO_EXCLUDE 4
#define ALL_HOSTS 0xe0000001
#define ALL_ROUTERS 0xe0000002
#define ALL_V3_ROUTERS 0xe0000016
/* Robustness, and seconds for which an older querier is remembered: RFC 3376, 8.1 and 8.12. */
#define CHANGE_REPORTS 2
#define OLD_QUERIER_SECONDS 260
#define V2_BYTES 8
#define V3_QUERY_BYTES 12
#define RECORD_BYTES 8
#define NEVER UINT64_MAX

struct igmp {
	uint8_t type;
	uint8_t code;
	uint16_t checksum;
	uint32_t group; /* version 3 reports: the number of records in the lower half */
} __rte_packed;

/* An IPv4 header with the router alert option (RFC 2113). */
struct alert_header {
	struct rte_ipv4_hdr ip;
	uint32_t option;
} __rte_packed;

static uint64_t random_below(struct port *port, uint64_t limit)
{
	uint32_t value = port->random;

	value ^= value << 13;
	value ^= value >> 17;
	value ^= value << 5;
	port->random = value;
	return limit * value >> 32;
}

void multicast_mac(uint32_t group, struct rte_ether_addr *mac)
{
	mac->addr_bytes[0] = 0x01;
	mac->addr_bytes[1] = 0x00;
	mac->addr_bytes[2] = 0x5e;
	mac->addr_bytes[3] = (uint8_t)(group >> 16 & 0x7f);
	mac->addr_bytes[4] = (uint8_t)(group >> 8);
	mac->addr_bytes[5] = (uint8_t)group;
}

static struct group *find_group(struct port *port, uint32_t address)
{
	uint32_t index;

	for (index = 0; index < FERRULE_DPDK_GROUPS; index++) {
		if (port->groups[index].address == address)
			return &port->groups[index];
	}
	return NULL;
}

uint32_t multicast_listeners(struct port *port, uint32_t address)
{
	const struct group *group = find_group(port, address);

	return group == NULL ? 0 : group->listeners;
}

/* Takes the frame of an IGMP message to `target` over; its payload is there already. */
static void send_igmp(struct port *port, struct rte_mbuf *frame, uint32_t target, uint32_t bytes)
{
	struct rte_ether_hdr *ether = rte_pktmbuf_mtod(frame, struct rte_ether_hdr *);
	struct alert_header *header = (struct alert_header *)(ether + 1);
	struct igmp *igmp = (struct igmp *)(header + 1);

	igmp->checksum = 0;
	igmp->checksum = (uint16_t)~rte_raw_cksum(igmp, bytes);
	multicast_mac(target, &ether->dst_addr);
	ether->src_addr = port->mac;
	ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	memset(header, 0, sizeof(*header));
	header->ip.version_ihl = 4 << 4 | sizeof(*header) / 4;
	header->ip.type_of_service = 0xc0;
	header->ip.total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*header) + bytes));
	header->ip.time_to_live = 1;
	header->ip.next_proto_id = IPPROTO_IGMP;
	header->ip.src_addr = rte_cpu_to_be_32(port->address);
	header->ip.dst_addr = rte_cpu_to_be_32(target);
	header->option = RTE_BE32(0x94040000);
	header->ip.hdr_checksum = (uint16_t)~rte_raw_cksum(header, sizeof(*header));
	frame->data_len = (uint16_t)(sizeof(*ether) + sizeof(*header) + bytes);
	frame->pkt_len = frame->data_len;
	net_pad(frame);
	if (port_queue(port, frame))
		port_count(port, FERRULE_DPDK_TX_IGMP);
}

static struct igmp *begin_igmp(struct port *port, struct rte_mbuf **frame)
{
	*frame = rte_pktmbuf_alloc(port->pool);
	if (*frame == NULL) {
		port_count(port, FERRULE_DPDK_NO_BUFFER);
		return NULL;
	}
	return rte_pktmbuf_mtod_offset(*frame, struct igmp *,
				       sizeof(struct rte_ether_hdr) + sizeof(struct alert_header));
}

static void send_v2(struct port *port, uint8_t record, uint32_t address)
{
	const bool leaves = record == RECORD_TO_INCLUDE;
	struct rte_mbuf *frame;
	struct igmp *igmp = begin_igmp(port, &frame);

	if (igmp == NULL)
		return;
	igmp->type = leaves ? IGMP_V2_LEAVE : IGMP_V2_REPORT;
	igmp->code = 0;
	igmp->group = rte_cpu_to_be_32(address);
	send_igmp(port, frame, leaves ? ALL_ROUTERS : address, V2_BYTES);
}

/* What is to be said of a group now, or 0. Moves its timers on. */
static uint8_t take_due(struct port *port, struct group *group)
{
	uint8_t record = 0;

	if (port->now >= group->change_at) {
		record = group->listeners == 0 ? RECORD_TO_INCLUDE : RECORD_TO_EXCLUDE;
		group->changes--;
		group->change_at =
			group->changes == 0 ? NEVER : port->now + 1 + random_below(port, port->second);
	} else if (port->now >= group->answer_at && group->listeners != 0) {
		record = RECORD_IS_EXCLUDE;
	}
	if (port->now >= group->answer_at)
		group->answer_at = NEVER;
	return record;
}

static void plan(struct port *port)
{
	uint32_t index;

	port->report_at = NEVER;
	for (index = 0; index < FERRULE_DPDK_GROUPS; index++) {
		const struct group *group = &port->groups[index];

		if (group->address == 0)
			continue;
		port->report_at = RTE_MIN(port->report_at, RTE_MIN(group->change_at, group->answer_at));
	}
}

void multicast_report(struct port *port)
{
	const bool old = port->now < port->old_querier_until;
	struct rte_mbuf *frame = NULL;
	struct igmp *igmp = old ? NULL : begin_igmp(port, &frame);
	uint32_t index, records = 0;

	for (index = 0; index < FERRULE_DPDK_GROUPS; index++) {
		struct group *group = &port->groups[index];
		const uint32_t address = group->address;
		const uint8_t record = address == 0 ? 0 : take_due(port, group);

		if (address != 0 && group->listeners == 0 && group->changes == 0)
			group->address = 0;
		if (record == 0)
			continue;
		if (old) {
			send_v2(port, record, address);
		} else if (igmp != NULL) {
			uint8_t *at = (uint8_t *)(igmp + 1) + (size_t)records++ * RECORD_BYTES;
			const uint32_t wire = rte_cpu_to_be_32(address);

			memset(at, 0, RECORD_BYTES);
			at[0] = record;
			memcpy(at + 4, &wire, sizeof(wire));
		}
	}
	if (igmp != NULL && records > 0) {
		igmp->type = IGMP_V3_REPORT;
		igmp->code = 0;
		igmp->group = rte_cpu_to_be_32(records);
		send_igmp(port, frame, ALL_V3_ROUTERS,
			  (uint32_t)sizeof(*igmp) + records * RECORD_BYTES);
	} else {
		rte_pktmbuf_free(frame);
	}
	plan(port);
}

/* Has the card let the groups' frames in; one that filters nothing refuses, and needs no telling. */
static void set_filter(struct port *port)
{
	struct rte_ether_addr macs[FERRULE_DPDK_GROUPS + 1];
	uint32_t index, count = 0;

	multicast_mac(ALL_HOSTS, &macs[count++]);
	for (index = 0; index < FERRULE_DPDK_GROUPS; index++) {
		if (port->groups[index].address != 0)
			multicast_mac(port->groups[index].address, &macs[count++]);
	}
	if (rte_eth_dev_set_mc_addr_list(port->id, macs, count) != 0 &&
	    rte_eth_allmulticast_enable(port->id) != 0)
		rte_eth_promiscuous_enable(port->id);
}

static void change(struct port *port, struct group *group)
{
	group->changes = CHANGE_REPORTS;
	group->change_at = port->now;
	port->report_at = port->now;
	set_filter(port);
}

int32_t multicast_join(struct port *port, int32_t listener, uint32_t address)
{
	struct group *group = find_group(port, address);

	if (address >> 28 != 0xe || address == ALL_HOSTS)
		return ferrule_fail(EINVAL, "not a multicast group that can be joined");
	if (group == NULL)
		group = find_group(port, 0);
	if (group == NULL)
		return ferrule_fail(ENOBUFS, "%d groups are joined", FERRULE_DPDK_GROUPS);
	if ((group->listeners & 1u << listener) != 0)
		return ferrule_fail(EADDRINUSE, "the listener is in the group");
	if (group->address == 0) {
		memset(group, 0, sizeof(*group));
		group->address = address;
		group->answer_at = NEVER;
	}
	group->listeners |= 1u << listener;
	if ((group->listeners & (group->listeners - 1)) == 0)
		change(port, group);
	return 0;
}

int32_t multicast_leave(struct port *port, int32_t listener, uint32_t address)
{
	struct group *group = address == 0 ? NULL : find_group(port, address);

	if (group == NULL || (group->listeners & 1u << listener) == 0)
		return ferrule_fail(EADDRNOTAVAIL, "the listener is not in the group");
	group->listeners &= ~(1u << listener);
	if (group->listeners == 0)
		change(port, group);
	return 0;
}

void multicast_leave_all(struct port *port, int32_t listener)
{
	uint32_t index;

	for (index = 0; index < FERRULE_DPDK_GROUPS; index++) {
		if ((port->groups[index].listeners & 1u << listener) != 0)
			multicast_leave(port, listener, port->groups[index].address);
	}
}

/* Tenths of a second that a query gives for the answer: RFC 3376, 4.1.1. */
static uint32_t answer_tenths(uint8_t code, bool v3)
{
	if (!v3 || code < 128)
		return code;
	return (uint32_t)((code & 15) | 16) << ((code >> 4 & 7) + 3);
}

static void hear_query(struct port *port, const struct igmp *igmp, uint32_t bytes)
{
	const bool v3 = bytes >= V3_QUERY_BYTES;
	const uint32_t asked = rte_be_to_cpu_32(igmp->group);
	uint64_t at;
	uint32_t index;

	/* A code of zero is version 1 in a short one, and "at once" in a long one. */
	if (!v3)
		port->old_querier_until = port->now + OLD_QUERIER_SECONDS * port->second;
	at = port->now + random_below(port, answer_tenths(igmp->code, v3) * port->second / 10);
	for (index = 0; index < FERRULE_DPDK_GROUPS; index++) {
		struct group *group = &port->groups[index];

		if (group->address == 0 || (asked != 0 && asked != group->address))
			continue;
		group->answer_at = RTE_MIN(group->answer_at, at);
	}
	plan(port);
}

void multicast_hear(struct port *port, const struct rte_mbuf *frame)
{
	const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(frame, const struct rte_ether_hdr *);
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(ether + 1);
	const uint32_t header = (uint32_t)(ip->version_ihl & 15) * 4;
	const uint32_t total = rte_be_to_cpu_16(ip->total_length);
	const struct igmp *igmp;
	struct group *group;

	if (ip->version_ihl >> 4 != 4 || header < sizeof(*ip) || total < header + V2_BYTES ||
	    total > rte_pktmbuf_data_len(frame) - sizeof(*ether) ||
	    (total - header > V2_BYTES && total - header < V3_QUERY_BYTES) ||
	    (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)) != 0 ||
	    rte_be_to_cpu_32(ip->dst_addr) >> 28 != 0xe || ip->time_to_live != 1) {
		port_count(port, FERRULE_DPDK_RX_MALFORMED);
		return;
	}
	igmp = (const struct igmp *)((const uint8_t *)ip + header);
	if (rte_raw_cksum(ip, header) != 0xffff || rte_raw_cksum(igmp, total - header) != 0xffff) {
		port_count(port, FERRULE_DPDK_RX_BAD_IP_CHECKSUM);
		return;
	}
	port_count(port, FERRULE_DPDK_RX_IGMP);
	if (igmp->type == IGMP_QUERY)
		hear_query(port, igmp, total - header);
	/* Another host has said it: with version 2 one report is enough. */
	group = find_group(port, rte_be_to_cpu_32(igmp->group));
	if (igmp->type == IGMP_V2_REPORT && group != NULL && group->address != 0)
		group->answer_at = NEVER;
}
