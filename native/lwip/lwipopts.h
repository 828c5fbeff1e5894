/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * Our options of lwIP: TCP over IPv4 through the raw API, in one thread,
 * without an operating system layer. ARP, ICMP, UDP and all checksums are the
 * business of dpdk_net.c. Found by the name that lwIP gives it.
 */
#ifndef FERRULE_LWIP_OPTIONS_H
#define FERRULE_LWIP_OPTIONS_H

#include "../dpdk_tcp.h"

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_STATS 0
#define MEM_ALIGNMENT 8

#define LWIP_IPV4 1
#define LWIP_IPV6 0
#define LWIP_ARP 0
#define LWIP_ICMP 0
#define LWIP_UDP 0
#define LWIP_RAW 0
#define LWIP_DHCP 0
#define IP_REASSEMBLY 0
#define IP_FRAG 0
#define IP_FORWARD 0

#define LWIP_TCP 1
#define TCP_LISTEN_BACKLOG 1
#define LWIP_WND_SCALE 1
#define TCP_RCV_SCALE 3
#define LWIP_TCP_SACK_OUT 1
#define LWIP_TCP_TIMESTAMPS 1
#define LWIP_TCP_KEEPALIVE 1
#define TCP_OVERSIZE 0
/** A port can be listened to again while its connections go on. */
#define SO_REUSE 1
/** A frame of 1500 bytes less the headers of IPv4 and TCP. */
#define TCP_MSS 1460
/* Sizes that are known when the port opens: lwIP's own checks can't see them. */
#define LWIP_DISABLE_TCP_SANITY_CHECKS 1
#define TCP_WND (FERRULE_TCP_RECEIVE_BYTES_MIN + ferrule_tcp_window_more)
#define TCP_SND_BUF (FERRULE_TCP_SEND_BYTES_MIN + ferrule_tcp_send_more)
/** Packet buffers that one connection may have queued: two for each segment, and some. */
#define TCP_SND_QUEUELEN (FERRULE_TCP_QUEUE_MIN + ferrule_tcp_queue_more)
#define FERRULE_TCP_QUEUE_MIN 52
extern uint32_t ferrule_tcp_window_more, ferrule_tcp_send_more, ferrule_tcp_queue_more;
#define TCP_SNDLOWAT (FERRULE_TCP_SEND_BYTES_MIN / 2)
#define TCP_SNDQUEUELOWAT 64
/** Milliseconds. Retransmission counts in twice this: at the least 60 to 90 ms. */
#define TCP_TMR_INTERVAL 15
#define LWIP_TCP_RTO_TIME 1000
/** Frames out of order that a connection may hold; a share of all buffers. */
#define TCP_OOSEQ_PBUFS_LIMIT(pcb) ferrule_tcp_out_of_order_max
extern uint16_t ferrule_tcp_out_of_order_max;

/* The first sequence number cannot be guessed (RFC 6528). */
#define LWIP_HOOK_TCP_ISN(local, local_port, remote, remote_port) ferrule_tcp_random()

/* Memory is dpdk_tcp_pools.c, which has the place of lwIP's mem.c and memp.c. */
#define MEM_LIBC_MALLOC 1
#define MEMP_NUM_TCP_SEG TCP_SND_QUEUELEN
#define PBUF_POOL_SIZE 0
#define LWIP_SUPPORT_CUSTOM_PBUF 1

/* dpdk_net.c checks and fills them in. */
#define CHECKSUM_GEN_IP 0
#define CHECKSUM_GEN_TCP 0
#define CHECKSUM_CHECK_IP 0
#define CHECKSUM_CHECK_TCP 0

#endif
