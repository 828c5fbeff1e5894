/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/*
 * DPDK's environment, ports and polling. The device below a port is the
 * business of dpdk_device.c, what is inside the frames that of dpdk_net.c.
 */

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_malloc.h>
#include <rte_mempool.h>

#include "dpdk_port.h"

#define BUFFER_CACHE 256
#define BUFFERS_MIN 4096
#define BUFFERS_MAX 262144
#define PAUSE_NS 20000
/* Puts the payload of what we send on a multiple of 16 bytes. */
#define SEND_HEADROOM (RTE_PKTMBUF_HEADROOM + 6)
#define HEADER_BYTES 42

static struct port ports[FERRULE_DPDK_PORTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Ports of this thread, and whether DPDK knows the thread because of them. */
static _Thread_local int32_t thread_ports;
static _Thread_local bool registered;
static bool started;
static bool failed;
static int32_t started_core, started_huge;

/* The last words of DPDK's log: they say why something failed. */
static char log_text[1024];
static size_t log_bytes;

static ssize_t log_write(void *cookie, const char *text, size_t bytes)
{
	size_t index;

	(void)cookie;
	for (index = 0; index < bytes; index++) {
		if (log_bytes == sizeof(log_text) - 1) {
			memmove(log_text, log_text + sizeof(log_text) / 2, sizeof(log_text) / 2 - 1);
			log_bytes = sizeof(log_text) / 2 - 1;
		}
		log_text[log_bytes++] = text[index] == '\n' ? ';' : text[index];
	}
	log_text[log_bytes] = '\0';
	return (ssize_t)bytes;
}

static void log_open(void)
{
	const cookie_io_functions_t functions = { .write = log_write };
	FILE *stream = fopencookie(NULL, "w", functions);

	if (stream == NULL)
		return;
	setvbuf(stream, NULL, _IONBF, 0);
	rte_openlog_stream(stream);
}

static void log_clear(void)
{
	log_bytes = 0;
	log_text[0] = '\0';
}

const char *port_log(void)
{
	/* At most the last 300 bytes: the error text holds 512. */
	return log_bytes > 300 ? log_text + log_bytes - 300 : log_text;
}

static int positive(int err)
{
	if (err == 0)
		return EIO;
	return err < 0 ? -err : err;
}

static int32_t start_environment(int32_t core, int32_t huge_pages, int32_t memory_mib,
				 const char *pci)
{
	char lcores[32], memory[32], prefix[48];
	char *arguments[24];
	int count = 0;

	snprintf(lcores, sizeof(lcores), "0@%d", core);
	snprintf(memory, sizeof(memory), "%d", memory_mib);
	snprintf(prefix, sizeof(prefix), "ferrule-%d", (int)getpid());
	arguments[count++] = (char *)(uintptr_t)"ferrule";
	arguments[count++] = (char *)(uintptr_t)"--lcores";
	arguments[count++] = lcores;
	arguments[count++] = (char *)(uintptr_t)"--file-prefix";
	arguments[count++] = prefix;
	arguments[count++] = (char *)(uintptr_t)"--no-telemetry";
	arguments[count++] = (char *)(uintptr_t)"--log-level=*:warning";
	if (huge_pages != 0) {
		arguments[count++] = (char *)(uintptr_t)"--in-memory";
	} else {
		arguments[count++] = (char *)(uintptr_t)"--no-huge";
		arguments[count++] = (char *)(uintptr_t)"--no-shconf";
		arguments[count++] = (char *)(uintptr_t)"--iova-mode=va";
		arguments[count++] = (char *)(uintptr_t)"-m";
		arguments[count++] = memory;
	}
	if (pci[0] == '\0') {
		arguments[count++] = (char *)(uintptr_t)"--no-pci";
	} else {
		arguments[count++] = (char *)(uintptr_t)"-a";
		arguments[count++] = (char *)(uintptr_t)pci;
	}
	arguments[count] = NULL;
	log_clear();
	if (rte_eal_init(count, arguments) < 0)
		return ferrule_fail(positive(rte_errno), "rte_eal_init: %s", port_log());
	/* Nothing is shared with other processes: its folder stays empty, so away with it. */
	rmdir(rte_eal_get_runtime_dir());
	return 0;
}

static int32_t first_cpu(const cpu_set_t *set)
{
	int32_t cpu;

	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET((size_t)cpu, set))
			return cpu;
	}
	return 0;
}

int32_t ferrule_dpdk_start(int32_t core, int32_t huge_pages, int32_t memory_mib, const char *pci)
{
	cpu_set_t before, all;
	int32_t result = 0;
	int cpu;

	if (sched_getaffinity(0, sizeof(before), &before) != 0)
		return ferrule_fail(errno, "sched_getaffinity");
	if (core < 0)
		core = first_cpu(&before);
	pthread_mutex_lock(&lock);
	if (failed) {
		result = ferrule_fail(ENOTRECOVERABLE, "DPDK failed to start before in this process");
	} else if (started) {
		if (huge_pages != started_huge)
			result = ferrule_fail(EALREADY, "DPDK runs on CPU %d %s huge pages", started_core,
					      started_huge ? "with" : "without");
	} else {
		log_open();
		/* DPDK's own threads take the calling thread's CPUs, less the one that polls. */
		CPU_ZERO(&all);
		for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
			CPU_SET((size_t)cpu, &all);
		sched_setaffinity(0, sizeof(all), &all);
		result = start_environment(core, huge_pages, memory_mib, pci);
		if (sched_setaffinity(0, sizeof(before), &before) != 0 && result == 0)
			result = ferrule_fail(errno, "sched_setaffinity");
		started = result == 0;
		failed = !started;
		started_core = core;
		started_huge = huge_pages;
	}
	pthread_mutex_unlock(&lock);
	return result;
}

/* Widens the bytes that completions can point into. */
static void span(struct port *port, uint8_t *first, uint64_t length)
{
	uint8_t *end = first + length;

	if (port->bytes == NULL) {
		port->bytes = first;
		port->bytes_count = length;
		return;
	}
	if (end < port->bytes + port->bytes_count)
		end = port->bytes + port->bytes_count;
	if (first < port->bytes)
		port->bytes = first;
	port->bytes_count = (uint64_t)(end - port->bytes);
}

static void measure_pool(struct rte_mempool *pool, void *opaque, struct rte_mempool_memhdr *chunk,
			 unsigned int index)
{
	(void)pool;
	(void)index;
	span(opaque, chunk->addr, chunk->len);
}

/* Packet buffers whose memory can be seen as one array of bytes. */
static int32_t make_pool(struct port *port, int handle, uint32_t buffers)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "ferrule%d", handle);
	port->pool = rte_pktmbuf_pool_create(name, buffers, BUFFER_CACHE, 0,
					     RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (port->pool == NULL)
		return ferrule_fail(positive(rte_errno), "%u packet buffers%s", buffers, port_log());
	rte_mempool_mem_iter(port->pool, measure_pool, port);
	return 0;
}

static bool is_size(uint32_t bytes, uint32_t min, uint32_t max)
{
	return bytes >= min && bytes <= max && bytes % 4096 == 0;
}

static int32_t check_streams(const struct streams_settings *tcp)
{
	if (tcp->connections > FERRULE_DPDK_CONNECTIONS)
		return ferrule_fail(EINVAL, "%u TCP connections, up to %d are possible",
				    tcp->connections, FERRULE_DPDK_CONNECTIONS);
	if (!is_size(tcp->receive_bytes, FERRULE_TCP_RECEIVE_BYTES_MIN,
		     FERRULE_TCP_RECEIVE_BYTES_MAX))
		return ferrule_fail(EINVAL, "a receive window of %u bytes", tcp->receive_bytes);
	if (!is_size(tcp->send_bytes, FERRULE_TCP_SEND_BYTES_MIN, FERRULE_TCP_SEND_BYTES_MAX))
		return ferrule_fail(EINVAL, "send buffers of %u bytes", tcp->send_bytes);
	return 0;
}

/* Windows and send buffers of TCP connections, near the packet buffers. */
static int32_t make_streams(struct port *port, const uint32_t *settings)
{
	const uint32_t connections = settings[FERRULE_DPDK_SET_CONNECTIONS];
	const uint32_t share =
		settings[FERRULE_DPDK_SET_BUFFERS] / 4 / RTE_MAX(connections, 1u);
	struct streams_settings *tcp = &port->tcp;
	size_t bytes;

	*tcp = (struct streams_settings){
		.port = port,
		.address = port->address,
		.connections = connections,
		.out_of_order_max = RTE_MIN(RTE_MAX(share, 2u), 256u),
		.shared = port->shared,
		.receive_bytes = settings[FERRULE_DPDK_SET_RECEIVE_BYTES],
		.send_bytes = settings[FERRULE_DPDK_SET_SEND_BYTES],
		.linger_ms = settings[FERRULE_DPDK_SET_LINGER_MS],
	};
	if (connections > 0) {
		if (check_streams(tcp) != 0)
			return -EINVAL;
		bytes = streams_bytes(tcp);
		port->streams = rte_malloc("ferrule_streams", bytes, 4096);
		if (port->streams == NULL)
			return ferrule_fail(ENOMEM, "%zu bytes for %u TCP connections", bytes,
					    connections);
		span(port, port->streams, bytes);
	}
	if (port->bytes_count > INT32_MAX)
		return ferrule_fail(EOVERFLOW, "packet buffers span %" PRIu64 " bytes",
				    port->bytes_count);
	return 0;
}

/* After everything else: what it takes must be given back by release(). */
static int32_t start_streams(struct port *port)
{
	int32_t result = 0;

	port->tcp.block = port->streams;
	port->tcp.bytes = port->bytes;
	if (port->tcp.connections > 0)
		result = streams_open(&port->tcp);
	port->has_tcp = port->tcp.connections > 0 && result == 0;
	return result;
}

static void flush(struct port *port)
{
	uint32_t sent = 0;

	while (sent < port->queue_count) {
		const uint32_t rest = port->queue_count - sent;
		const uint16_t burst = (uint16_t)RTE_MIN(rest, (uint32_t)FERRULE_DPDK_BURST);
		const uint16_t taken = rte_eth_tx_burst(port->id, 0, port->queue + sent, burst);

		sent += taken;
		if (taken < burst) {
			port_count(port, FERRULE_DPDK_TX_RETRIES);
			break;
		}
	}
	port->shared->counters[FERRULE_DPDK_TX_FRAMES] += sent;
	port->queue_count -= sent;
	if (port->queue_count > 0 && sent > 0)
		memmove(port->queue, port->queue + sent, port->queue_count * sizeof(port->queue[0]));
}

static void release(struct port *port)
{
	if (port->has_tcp) {
		streams_close_all();
		flush(port);
	}
	if (port->open) {
		int32_t listener;

		for (listener = 0; listener < FERRULE_DPDK_LISTENERS; listener++)
			multicast_leave_all(port, listener);
		multicast_report(port);
		flush(port);
	}
	rte_pktmbuf_free_bulk(port->offered, port->offered_count);
	rte_pktmbuf_free_bulk(port->held, port->held_count);
	rte_pktmbuf_free_bulk(port->queue, port->queue_count);
	net_discard(port);
	device_close(port);
	rte_mempool_free(port->pool);
	rte_free(port->streams);
	free(port->shared);
	free(port->peers);
	memset(port, 0, sizeof(*port));
}

static int32_t open_port(struct port *port, int handle, const char *device,
			 const uint32_t *settings)
{
	const uint32_t prefix = settings[FERRULE_DPDK_SET_PREFIX];
	const uint32_t buffers = settings[FERRULE_DPDK_SET_BUFFERS];
	int32_t result;

	if (prefix < NETWORK_PREFIX_MIN || prefix > NETWORK_PREFIX_MAX)
		return ferrule_fail(EINVAL, "prefix %u, %d to %d are possible", prefix,
				    NETWORK_PREFIX_MIN, NETWORK_PREFIX_MAX);
	if (buffers < BUFFERS_MIN || buffers > BUFFERS_MAX)
		return ferrule_fail(EINVAL, "%u packet buffers, %d to %d are possible", buffers,
				    BUFFERS_MIN, BUFFERS_MAX);
	port->address = settings[FERRULE_DPDK_SET_ADDRESS];
	port->host_mask = (1u << (32 - prefix)) - 1;
	port->gateway = settings[FERRULE_DPDK_SET_GATEWAY];
	if (port->gateway != 0 && ((port->gateway ^ port->address) & ~port->host_mask) != 0)
		return ferrule_fail(EINVAL, "the gateway is not in our network");
	port->peers = calloc(port->host_mask + 1, sizeof(*port->peers));
	port->shared = aligned_alloc(64, (sizeof(*port->shared) + 63) & ~(size_t)63);
	if (port->peers == NULL || port->shared == NULL)
		return ferrule_fail(ENOMEM, "port tables");
	memset(port->shared, 0, sizeof(*port->shared));
	port->report_at = UINT64_MAX;
	port->random = (uint32_t)rte_rdtsc() | 1;
	result = device_check(port, device);
	if (result == 0)
		result = make_pool(port, handle, buffers);
	if (result == 0)
		result = make_streams(port, settings);
	if (result == 0)
		result = device_open(port, device, settings);
	if (result == 0)
		result = start_streams(port);
	return result;
}

/* DPDK has room for few threads: one without a port is none of its own any more. */
static void leave_thread(void)
{
	if (thread_ports > 0 || !registered)
		return;
	rte_thread_unregister();
	registered = false;
}

int32_t ferrule_dpdk_open(const char *device, const uint32_t *settings, double *info)
{
	struct port *port = NULL;
	int32_t result, handle;

	pthread_mutex_lock(&lock);
	for (handle = 0; handle < FERRULE_DPDK_PORTS; handle++) {
		if (!ports[handle].open) {
			port = &ports[handle];
			break;
		}
	}
	if (!started || port == NULL) {
		pthread_mutex_unlock(&lock);
		return ferrule_fail(port == NULL ? EMFILE : ENXIO, "open %s", device);
	}
	/* Gives this thread its own cache of packet buffers. */
	if (rte_lcore_id() == LCORE_ID_ANY)
		registered = rte_thread_register() == 0;
	log_clear();
	result = open_port(port, handle, device, settings);
	if (result < 0) {
		release(port);
		leave_thread();
		pthread_mutex_unlock(&lock);
		return result;
	}
	port->open = true;
	thread_ports++;
	port->second = rte_get_tsc_hz();
	port->now = rte_rdtsc();
	net_announce(port);
	info[FERRULE_DPDK_INFO_BYTES_ADDRESS] = (double)(uintptr_t)port->bytes;
	info[FERRULE_DPDK_INFO_BYTES] = (double)port->bytes_count;
	info[FERRULE_DPDK_INFO_SHARED_ADDRESS] = (double)(uintptr_t)port->shared;
	info[FERRULE_DPDK_INFO_SHARED_BYTES] = (double)sizeof(*port->shared);
	info[FERRULE_DPDK_INFO_MAC_HIGH] = port->mac.addr_bytes[0] << 8 | port->mac.addr_bytes[1];
	info[FERRULE_DPDK_INFO_MAC_LOW] =
		(double)((uint32_t)port->mac.addr_bytes[2] << 24 | (uint32_t)port->mac.addr_bytes[3] << 16 |
			 (uint32_t)port->mac.addr_bytes[4] << 8 | (uint32_t)port->mac.addr_bytes[5]);
	if (port->has_tcp)
		info[FERRULE_DPDK_INFO_STREAMS] = (double)(port->streams - port->bytes);
	pthread_mutex_unlock(&lock);
	return handle;
}

static struct port *port_of(int32_t handle)
{
	if (handle < 0 || handle >= FERRULE_DPDK_PORTS || !ports[handle].open)
		return NULL;
	return &ports[handle];
}

int32_t ferrule_dpdk_close(int32_t handle)
{
	struct port *port = port_of(handle);

	if (port == NULL)
		return ferrule_fail(EBADF, "close port %d", handle);
	pthread_mutex_lock(&lock);
	release(port);
	thread_ports--;
	leave_thread();
	pthread_mutex_unlock(&lock);
	return 0;
}

static void read_figures(const struct port *port, const struct rte_eth_stats *stats,
			 const struct rte_eth_link *link, double *result)
{
	result[FERRULE_DPDK_FIGURE_UP] =
		link->link_status == RTE_ETH_LINK_UP && device_has_carrier(port);
	result[FERRULE_DPDK_FIGURE_MBPS] = link->link_speed;
	result[FERRULE_DPDK_FIGURE_RX_FRAMES] = (double)stats->ipackets;
	result[FERRULE_DPDK_FIGURE_TX_FRAMES] = (double)stats->opackets;
	result[FERRULE_DPDK_FIGURE_RX_BYTES] = (double)stats->ibytes;
	result[FERRULE_DPDK_FIGURE_TX_BYTES] = (double)stats->obytes;
	result[FERRULE_DPDK_FIGURE_MISSED] = (double)stats->imissed;
	result[FERRULE_DPDK_FIGURE_RX_ERRORS] = (double)stats->ierrors;
	result[FERRULE_DPDK_FIGURE_TX_ERRORS] = (double)stats->oerrors;
	result[FERRULE_DPDK_FIGURE_NO_BUFFER] = (double)stats->rx_nombuf;
	result[FERRULE_DPDK_FIGURE_BUFFERS] = port->pool->size;
	result[FERRULE_DPDK_FIGURE_BUFFERS_USED] = rte_mempool_in_use_count(port->pool);
	result[FERRULE_DPDK_FIGURE_QUEUES] = port->queues;
	result[FERRULE_DPDK_FIGURE_FEATURES] = port->features;
	memcpy(result + FERRULE_DPDK_FIGURE_COUNTERS, port->shared->counters,
	       sizeof(port->shared->counters));
}

int32_t ferrule_dpdk_figures(int32_t handle, double *result, char *name)
{
	struct rte_eth_stats stats;
	struct rte_eth_link link;
	struct port *port;
	int32_t err = 0;

	memset(&link, 0, sizeof(link));
	memset(&stats, 0, sizeof(stats));
	/* The port stays open as long as its figures are read. */
	pthread_mutex_lock(&lock);
	port = port_of(handle);
	if (port == NULL)
		err = ferrule_fail(EBADF, "figures of port %d", handle);
	else if (rte_eth_link_get_nowait(port->id, &link) != 0)
		err = ferrule_fail(EIO, "rte_eth_link_get_nowait");
	else if (rte_eth_stats_get(port->id, &stats) != 0)
		err = ferrule_fail(EIO, "rte_eth_stats_get");
	if (err == 0) {
		read_figures(port, &stats, &link, result);
		memcpy(name, port->name, sizeof(port->name));
	}
	pthread_mutex_unlock(&lock);
	return err;
}

int32_t ferrule_dpdk_own_figures(int32_t handle, int32_t max, char *names, double *values)
{
	struct port *port;
	int32_t result;

	pthread_mutex_lock(&lock);
	port = port_of(handle);
	if (port == NULL)
		result = ferrule_fail(EBADF, "figures of port %d", handle);
	else
		result = device_own_figures(port, max, names, values);
	pthread_mutex_unlock(&lock);
	return result;
}

static bool is_taken(const struct port *port, int32_t listener, uint32_t address, uint32_t udp_port)
{
	const uint32_t bound = port->bound[listener];

	return port->listeners[listener] == udp_port &&
	       (bound == address || bound == 0 || address == 0);
}

int32_t ferrule_dpdk_listen(int32_t handle, uint32_t address, uint32_t udp_port)
{
	struct port *port = port_of(handle);
	int32_t listener, free_listener = -1;

	if (port == NULL)
		return ferrule_fail(EBADF, "listen on port %d", handle);
	if (udp_port == 0 || udp_port > 65535)
		return ferrule_fail(EINVAL, "UDP port %u", udp_port);
	if (address != 0 && address != port->address && address >> 28 != 0xe)
		return ferrule_fail(EADDRNOTAVAIL, "neither our address nor a multicast group");
	for (listener = FERRULE_DPDK_LISTENERS - 1; listener >= 0; listener--) {
		if (is_taken(port, listener, address, udp_port))
			return ferrule_fail(EADDRINUSE, "UDP port %u", udp_port);
		/* One that was closed still sends: it is taken when no fresh one is left. */
		if (port->listeners[listener] == 0 &&
		    (free_listener < 0 || port->sources[listener] == 0 ||
		     port->sources[free_listener] != 0))
			free_listener = listener;
	}
	if (free_listener < 0)
		return ferrule_fail(EMFILE, "%d UDP ports are in use", FERRULE_DPDK_LISTENERS);
	port->listeners[free_listener] = (uint16_t)udp_port;
	port->sources[free_listener] = (uint16_t)udp_port;
	port->bound[free_listener] = address;
	port->hops[free_listener] = 1;
	return free_listener;
}

static bool is_datagram_listener(const struct port *port, int32_t listener)
{
	return port != NULL && listener >= 0 && listener < FERRULE_DPDK_LISTENERS &&
	       port->sources[listener] != 0;
}

int32_t ferrule_dpdk_hops(int32_t handle, int32_t listener, uint32_t hops)
{
	struct port *port = port_of(handle);

	if (!is_datagram_listener(port, listener))
		return ferrule_fail(EBADF, "listener %d of port %d", listener, handle);
	if (hops < 1 || hops > 255)
		return ferrule_fail(EINVAL, "%u hops, 1 to 255 are possible", hops);
	port->hops[listener] = (uint8_t)hops;
	return 0;
}

int32_t ferrule_dpdk_join(int32_t handle, int32_t listener, uint32_t group)
{
	struct port *port = port_of(handle);

	if (!is_datagram_listener(port, listener) || port->listeners[listener] == 0)
		return ferrule_fail(EBADF, "listener %d of port %d", listener, handle);
	return multicast_join(port, listener, group);
}

int32_t ferrule_dpdk_leave(int32_t handle, int32_t listener, uint32_t group)
{
	struct port *port = port_of(handle);

	if (!is_datagram_listener(port, listener))
		return ferrule_fail(EBADF, "listener %d of port %d", listener, handle);
	return multicast_leave(port, listener, group);
}

int32_t ferrule_dpdk_listen_stream(int32_t handle, uint32_t tcp_port)
{
	struct port *port = port_of(handle);

	if (port == NULL)
		return ferrule_fail(EBADF, "listen on port %d", handle);
	if (!port->has_tcp)
		return ferrule_fail(ENOTSUP, "the port was opened with room for no connection");
	return streams_listen(tcp_port);
}

int32_t ferrule_dpdk_unlisten(int32_t handle, int32_t listener)
{
	struct port *port = port_of(handle);

	if (port != NULL && port->has_tcp && listener >= FERRULE_DPDK_LISTENERS)
		return streams_unlisten(listener);
	if (port == NULL || listener < 0 || listener >= FERRULE_DPDK_LISTENERS)
		return ferrule_fail(EBADF, "listener %d of port %d", listener, handle);
	multicast_leave_all(port, listener);
	port->listeners[listener] = 0;
	return 0;
}

int32_t ferrule_dpdk_pin_peer(int32_t handle, uint32_t address, uint32_t mac_high, uint32_t mac_low)
{
	const uint8_t mac[RTE_ETHER_ADDR_LEN] = {
		(uint8_t)(mac_high >> 8), (uint8_t)mac_high,	   (uint8_t)(mac_low >> 24),
		(uint8_t)(mac_low >> 16), (uint8_t)(mac_low >> 8), (uint8_t)mac_low,
	};
	struct port *port = port_of(handle);
	struct peer *peer;

	if (port == NULL)
		return ferrule_fail(EBADF, "pin a peer of port %d", handle);
	if (((address ^ port->address) & ~port->host_mask) != 0)
		return ferrule_fail(EINVAL, "the peer is not in our network");
	peer = &port->peers[address & port->host_mask];
	memcpy(peer->mac.addr_bytes, mac, sizeof(mac));
	peer->known = true;
	peer->pinned = true;
	return 0;
}

bool port_queue(struct port *port, struct rte_mbuf *frame)
{
	if (port->queue_count == FERRULE_DPDK_SEND_QUEUE) {
		rte_pktmbuf_free(frame);
		port_count(port, FERRULE_DPDK_TX_DROPPED);
		return false;
	}
	port->queue[port->queue_count++] = frame;
	return true;
}

/* Milliseconds of a clock that starts somewhere and wraps. */
static uint32_t milliseconds(const struct port *port)
{
	return (uint32_t)(port->now / (port->second / 1000));
}

/* From one queue after the other, as many frames as one poll takes. */
static uint16_t receive(struct port *port, struct rte_mbuf **burst)
{
	uint16_t queue, received = 0;

	for (queue = 0; queue < port->queues && received < FERRULE_DPDK_BURST; queue++) {
		received += rte_eth_rx_burst(port->id, port->queue_at, burst + received,
					     (uint16_t)(FERRULE_DPDK_BURST - received));
		port->queue_at++;
		if (port->queue_at == port->queues)
			port->queue_at = 0;
	}
	return received;
}

static int32_t look(struct port *port)
{
	struct rte_mbuf *burst[FERRULE_DPDK_BURST];
	uint16_t received, index;
	int32_t count = 0;

	port->now = rte_rdtsc();
	if (port->has_tcp)
		streams_before(milliseconds(port));
	if (port->queue_count > 0)
		flush(port);
	received = receive(port, burst);
	for (index = 0; index < received; index++)
		rte_prefetch0(rte_pktmbuf_mtod(burst[index], void *));
	for (index = 0; index < received; index++) {
		int32_t *completion =
			port->shared->completions + count * FERRULE_DPDK_COMPLETION_WORDS;

		if (net_receive(port, burst[index], completion))
			port->held[count++] = burst[index];
	}
	port->held_count = (uint32_t)count;
	if (port->has_tcp)
		count = streams_describe(count);
	if (port->waiting_count > 0)
		net_waiting(port);
	if (port->now >= port->report_at)
		multicast_report(port);
	/* Answers to ARP and echo requests, and what they released. */
	if (port->queue_count > 0)
		flush(port);
	return count;
}

int32_t ferrule_dpdk_poll(int32_t handle, int32_t wait_us)
{
	static const struct timespec pause = { 0, PAUSE_NS };
	struct port *port = port_of(handle);
	uint64_t start, limit;
	int32_t count;

	if (port == NULL)
		return ferrule_fail(EBADF, "poll port %d", handle);
	if (port->held_count > 0) {
		rte_pktmbuf_free_bulk(port->held, port->held_count);
		port->held_count = 0;
	}
	count = look(port);
	if (count > 0 || wait_us <= 0)
		return count;
	start = port->now;
	limit = port->second / 1000000 * (uint64_t)wait_us;
	while (count == 0 && port->now - start < limit) {
		nanosleep(&pause, NULL);
		count = look(port);
	}
	return count;
}

/* Buffers for what may be sent next, as many as the queue has room for. */
static int32_t offer(struct port *port)
{
	const uint32_t room = FERRULE_DPDK_SEND_QUEUE - port->queue_count;
	const uint32_t wanted = RTE_MIN(room, (uint32_t)FERRULE_DPDK_OFFERS);
	struct rte_mbuf *frame;

	if (room == 0)
		port_count(port, FERRULE_DPDK_TX_BACKPRESSURE);
	while (port->offered_count < wanted) {
		frame = rte_pktmbuf_alloc(port->pool);
		if (frame == NULL) {
			port_count(port, FERRULE_DPDK_NO_BUFFER);
			break;
		}
		frame->data_off = SEND_HEADROOM;
		port->shared->offers[port->offered_count] = (int32_t)(
			rte_pktmbuf_mtod(frame, uint8_t *) + HEADER_BYTES - port->bytes);
		port->offered[port->offered_count++] = frame;
	}
	return (int32_t)RTE_MIN(port->offered_count, wanted);
}

static bool send_one(struct port *port, struct rte_mbuf *frame, const int32_t *send)
{
	const int32_t listener = send[FERRULE_DPDK_SEND_LISTENER];
	const uint32_t udp_port = (uint32_t)send[FERRULE_DPDK_SEND_PORT];
	const uint32_t bytes = (uint32_t)send[FERRULE_DPDK_SEND_BYTES];

	if (!is_datagram_listener(port, listener) || bytes > FERRULE_DPDK_DATAGRAM_BYTES ||
	    udp_port == 0 || udp_port > 65535)
		return false;
	net_send(port, frame, (uint32_t)send[FERRULE_DPDK_SEND_ADDRESS], listener,
		 (uint16_t)udp_port, bytes);
	return true;
}

int32_t ferrule_dpdk_send(int32_t handle, int32_t count)
{
	struct port *port = port_of(handle);
	struct ferrule_dpdk_shared *shared;
	int32_t i, rest;

	if (port == NULL)
		return ferrule_fail(EBADF, "send on port %d", handle);
	if (count < 0 || (uint32_t)count > port->offered_count)
		return ferrule_fail(EINVAL, "send %d of %u datagrams", count, port->offered_count);
	shared = port->shared;
	for (i = 0; i < count; i++) {
		if (!send_one(port, port->offered[i],
			      shared->sends + i * FERRULE_DPDK_SEND_WORDS))
			break;
	}
	rest = (int32_t)port->offered_count - i;
	memmove(port->offered, port->offered + i, (size_t)rest * sizeof(port->offered[0]));
	memmove(shared->offers, shared->offers + i, (size_t)rest * sizeof(shared->offers[0]));
	port->offered_count = (uint32_t)rest;
	if (i < count)
		return ferrule_fail(EINVAL, "send datagram %d of %d", i + 1, count);
	return offer(port);
}

int32_t ferrule_dpdk_in_use(int32_t handle, double *result)
{
	struct port *port = port_of(handle);

	if (port == NULL)
		return ferrule_fail(EBADF, "what port %d uses", handle);
	memset(result, 0, FERRULE_DPDK_USED_WORDS * sizeof(*result));
	result[FERRULE_DPDK_USED_BUFFERS] = rte_mempool_in_use_count(port->pool);
	if (port->has_tcp)
		streams_in_use(result);
	return 0;
}
