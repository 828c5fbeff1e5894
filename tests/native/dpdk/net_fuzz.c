/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/*
 * Random and half-right frames through net_receive(), each in memory of just
 * its own size, so that the address sanitizer sees the first byte read beyond
 * a frame. Built together with dpdk_net.c and dpdk_multicast.c; the queue of sent frames is here.
 *
 *   seed -> frame -> net_receive -> free | datagram | port_queue
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_ip.h>

#include "dpdk_port.h"

#define ROUNDS 300000
#define ADDRESS 0x0a630002u
#define GROUP 0xefc00107u
#define REPLY_BYTES_MIN 42

static uint64_t state;
static uint32_t sent;

static uint32_t next(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 33) % below;
}

bool port_queue(struct port *port, struct rte_mbuf *frame)
{
	(void)port;
	sent++;
	rte_pktmbuf_free(frame);
	return true;
}

/* The port has no TCP: a segment is of an unknown protocol. */
void streams_receive(void *frame, void *headroom, uint8_t *packet, uint32_t bytes)
{
	(void)frame;
	(void)headroom;
	(void)packet;
	(void)bytes;
	abort();
}

static void free_frame(void *address, void *opaque)
{
	(void)opaque;
	free(address);
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

/* Makes a query or a report of it, with a sum that holds. */
static void draw_igmp(uint8_t *frame, uint32_t bytes)
{
	static const uint8_t mac[] = { 0x01, 0x00, 0x5e, 0x00, 0x00, 0x01 };
	static const uint8_t types[] = { 0x11, 0x11, 0x16, 0x22 };
	uint16_t sum;

	memcpy(frame, mac, sizeof(mac));
	put16(frame + 16, bytes - 14);
	put16(frame + 20, 0);
	frame[22] = 1;
	frame[23] = 2;
	put32(frame + 30, 0xe0000001);
	frame[34] = types[next(sizeof(types))];
	put16(frame + 36, 0);
	put32(frame + 38, next(2) ? GROUP : 0);
	sum = (uint16_t)~rte_raw_cksum(frame + 34, bytes - 34);
	memcpy(frame + 36, &sum, sizeof(sum));
}

/* A frame of up to 200 bytes, of one kind, sound or with some bytes wrong. */
static uint32_t draw(uint8_t *frame, const struct port *port)
{
	static const uint8_t types[] = { 0x00, 0x00, 0x00, 0x06, 0xdd };
	const uint32_t bytes = 1 + next(200);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + 14);
	uint32_t index;

	for (index = 0; index < 256; index++)
		frame[index] = (uint8_t)next(256);
	memcpy(frame, &port->mac, 6);
	frame[6] &= 0xfe;
	frame[12] = 0x08;
	frame[13] = types[next(sizeof(types))];
	if (frame[13] == 0x06) {
		static const uint8_t arp[] = { 0, 1, 8, 0, 6, 4, 0 };

		memcpy(frame + 14, arp, sizeof(arp));
		frame[21] = (uint8_t)(1 + next(2));
		put32(frame + 28, 0x0a630000u | next(256));
		put32(frame + 38, ADDRESS);
		return bytes;
	}
	frame[14] = 0x45;
	put16(frame + 16, next(4) ? bytes - 14 : next(300));
	put16(frame + 20, next(8) ? 0 : next(65536));
	frame[23] = next(3) ? 17 : 1;
	put32(frame + 26, 0x0a630000u | next(256));
	put32(frame + 30, ADDRESS);
	put16(frame + 36, 7000);
	put16(frame + 38, next(8) ? bytes - 34 : next(300));
	if (frame[23] == 1) {
		put16(frame + 34, 0x0800);
		put16(frame + 36, 0);
		if (bytes > 42 && next(4)) {
			const uint16_t sum = (uint16_t)~rte_raw_cksum(frame + 34, bytes - 34);

			memcpy(frame + 36, &sum, sizeof(sum));
		}
	} else if (next(2)) {
		put16(frame + 40, 0);
	}
	if (bytes >= 42 && next(6) == 0)
		draw_igmp(frame, bytes);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	for (index = next(3); index > 0 && bytes > 14; index--)
		frame[next(4) ? 14 + next(bytes - 14) : next(bytes)] = (uint8_t)next(256);
	return bytes;
}

static struct rte_mbuf *wrap(struct rte_mempool *pool, const uint8_t *bytes, uint32_t length)
{
	const uint32_t room = length < REPLY_BYTES_MIN || length > FRAME_BYTES_MIN ? length :
										      FRAME_BYTES_MIN;
	/* One frame at a time is under way. */
	static struct rte_mbuf_ext_shared_info info;
	struct rte_mbuf *frame = rte_pktmbuf_alloc(pool);
	uint8_t *memory = malloc(room);

	if (memory == NULL || frame == NULL)
		abort();
	memcpy(memory, bytes, length);
	info.free_cb = free_frame;
	info.fcb_opaque = NULL;
	rte_mbuf_ext_refcnt_set(&info, 1);
	rte_pktmbuf_attach_extbuf(frame, memory, RTE_BAD_IOVA, (uint16_t)room, &info);
	frame->data_off = 0;
	frame->data_len = (uint16_t)length;
	frame->pkt_len = length;
	return frame;
}

static int check(const struct port *port, uint32_t datagrams)
{
	const double *counters = port->shared->counters;
	double classes = counters[FERRULE_DPDK_RX_IGMP];
	uint32_t index;

	for (index = FERRULE_DPDK_RX_DATAGRAMS; index <= FERRULE_DPDK_RX_SPOOFED; index++) {
		classes += counters[index];
		if (counters[index] == 0 && index != FERRULE_DPDK_RX_SPOOFED) {
			fprintf(stderr, "no frame reached counter %u\n", index);
			return 1;
		}
	}
	if (classes != counters[FERRULE_DPDK_RX_FRAMES] ||
	    counters[FERRULE_DPDK_RX_DATAGRAMS] != datagrams || sent == 0) {
		fprintf(stderr, "frames are not counted once\n");
		return 1;
	}
	printf("%d frames, %u datagrams, %u answers\n", ROUNDS, datagrams, sent);
	return 0;
}

int main(int count, char **arguments)
{
	static char *environment[] = { (char *)(uintptr_t)"net_fuzz",	 (char *)(uintptr_t)"--no-huge",
				       (char *)(uintptr_t)"--no-shconf", (char *)(uintptr_t)"--no-pci",
				       (char *)(uintptr_t)"-m",		 (char *)(uintptr_t)"32",
				       (char *)(uintptr_t)"--iova-mode=va",
				       (char *)(uintptr_t)"--no-telemetry", NULL };
	static struct port port;
	static struct ferrule_dpdk_shared shared;
	int32_t completion[FERRULE_DPDK_COMPLETION_WORDS];
	uint8_t bytes[256];
	uint32_t round, datagrams = 0;

	state = count > 1 ? strtoull(arguments[1], NULL, 0) : 1;
	if (state == 0 || rte_eal_init(8, environment) < 0)
		return 2;
	port.pool = rte_pktmbuf_pool_create("fuzz", 1023, 0, 0, 256, SOCKET_ID_ANY);
	port.shared = &shared;
	port.address = ADDRESS;
	port.random = 1;
	port.groups[0] = (struct group){ .address = GROUP, .listeners = 1,
					   .change_at = UINT64_MAX, .answer_at = UINT64_MAX };
	port.host_mask = 255;
	port.mac = (struct rte_ether_addr){ { 2, 0, 0, 0, 0, 1 } };
	port.now = 1000;
	port.second = 1000000;
	port.listeners[3] = 7000;
	port.peers = calloc(256, sizeof(*port.peers));
	if (port.pool == NULL || port.peers == NULL)
		return 2;
	port.peers[5].known = true;
	port.peers[5].pinned = true;
	for (round = 0; round < ROUNDS; round++) {
		struct rte_mbuf *frame = wrap(port.pool, bytes, draw(bytes, &port));

		port.now++;
		if (net_receive(&port, frame, completion)) {
			datagrams++;
			rte_pktmbuf_free(frame);
		}
	}
	round = (uint32_t)rte_mempool_avail_count(port.pool);
	if (round != 1023) {
		fprintf(stderr, "%u packet buffers are lost\n", 1023 - round);
		return 1;
	}
	free(port.peers);
	return check(&port, datagrams);
}
