/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/*
 * The device below a port: whether it can be had, its queues, what it takes
 * off our hands, its link and its own figures.
 *
 *   device_check() ─▶ device_open() ─▶ (polling, dpdk.c) ─▶ device_close()
 */

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rte_dev.h>

#include "dpdk_port.h"

#define DESCRIPTORS 1024
#define RX_CHECKSUMS                                                                               \
	(RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM)
#define TX_CHECKSUMS                                                                               \
	(RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM)
#define FLOWS (RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV4_TCP)

/* A virtual device on a kernel interface: is the interface there, up, and wide enough? */
static int32_t check_interface(struct port *port, const char *device)
{
	const char *argument =
		strncmp(device, "net_af_", 7) == 0 ? strstr(device, ",iface=") : NULL;
	struct ifreq request;
	size_t length;
	int descriptor, err = 0;

	if (argument == NULL)
		return 0;
	argument += strlen(",iface=");
	length = strcspn(argument, ",");
	memset(&request, 0, sizeof(request));
	if (length == 0 || length >= sizeof(request.ifr_name))
		return ferrule_fail(EINVAL, "interface name of %zu bytes", length);
	memcpy(request.ifr_name, argument, length);
	descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		return ferrule_fail(errno, "socket");
	if (ioctl(descriptor, SIOCGIFFLAGS, &request) != 0)
		err = ferrule_fail(errno, "interface %s", request.ifr_name);
	else if ((request.ifr_flags & IFF_UP) == 0)
		err = ferrule_fail(ENETDOWN, "interface %.*s", (int)length, argument);
	else if (ioctl(descriptor, SIOCGIFMTU, &request) != 0)
		err = ferrule_fail(errno, "MTU of interface %s", request.ifr_name);
	else if (request.ifr_mtu < 1500)
		err = ferrule_fail(EMSGSIZE, "interface %.*s has an MTU of %d, 1500 are needed",
				   (int)length, argument, request.ifr_mtu);
	close(descriptor);
	memcpy(port->interface, argument, length);
	return err;
}

bool device_has_carrier(const struct port *port)
{
	struct ifreq request;
	int descriptor;
	bool up;

	if (port->interface[0] == '\0')
		return true;
	memset(&request, 0, sizeof(request));
	memcpy(request.ifr_name, port->interface, sizeof(request.ifr_name));
	descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		return true;
	up = ioctl(descriptor, SIOCGIFFLAGS, &request) == 0 &&
	     (request.ifr_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
	close(descriptor);
	return up;
}

/* Without CAP_NET_ADMIN or CAP_NET_RAW a device opens and then loses every frame. */
static int32_t check_capabilities(void)
{
	struct {
		uint32_t version;
		int32_t pid;
	} header = { 0x20080522, 0 };
	struct {
		uint32_t effective, permitted, inheritable;
	} data[2];
	const uint32_t needed = 1u << 12 | 1u << 13;

	if (syscall(SYS_capget, &header, data) != 0)
		return ferrule_fail(errno, "capget");
	if ((data[0].effective & needed) != needed)
		return ferrule_fail(EPERM, "CAP_NET_ADMIN and CAP_NET_RAW are needed");
	return 0;
}

int32_t device_check(struct port *port, const char *device)
{
	const size_t length = strcspn(device, ",");
	int32_t result;

	if (length == 0 || length >= sizeof(port->name))
		return ferrule_fail(EINVAL, "device name of %zu bytes", length);
	memcpy(port->name, device, length);
	result = check_interface(port, device);
	if (result == 0 &&
	    (strncmp(device, "net_af_", 7) == 0 || strncmp(device, "net_tap", 7) == 0))
		result = check_capabilities();
	return result;
}

static int32_t find_port(struct port *port, const char *device, struct rte_eth_dev_info *info)
{
	uint16_t id;
	int err;

	if (rte_eth_dev_get_port_by_name(port->name, &id) != 0) {
		err = rte_dev_probe(device);
		if (err < 0)
			return ferrule_fail(-err, "probe %s: %s", device, port_log());
		if (rte_eth_dev_get_port_by_name(port->name, &id) != 0)
			return ferrule_fail(ENODEV, "no network port on %s: %s", device, port_log());
	}
	err = rte_eth_dev_info_get(id, info);
	if (err != 0)
		return ferrule_fail(-err, "rte_eth_dev_info_get");
	port->id = id;
	port->device = info->device;
	return 0;
}

/* What comes to a queue of a packet socket or of XDP that nobody looks at is lost. */
static bool has_fixed_queues(const struct rte_eth_dev_info *info)
{
	return strcmp(info->driver_name, "net_af_packet") == 0 ||
	       strcmp(info->driver_name, "net_af_xdp") == 0;
}

static int32_t choose_queues(struct port *port, const struct rte_eth_dev_info *info, uint32_t wanted)
{
	const uint32_t has = RTE_MIN((uint32_t)info->max_rx_queues, (uint32_t)info->max_tx_queues);
	const uint32_t most = RTE_MIN(has, (uint32_t)FERRULE_DPDK_QUEUES);

	if (wanted == 0)
		wanted = has_fixed_queues(info) ? has : 1;
	if (wanted > most)
		return ferrule_fail(EINVAL, "%u queues, %u are possible", wanted, most);
	if (has_fixed_queues(info) && wanted < has)
		return ferrule_fail(EINVAL, "%u queues of the %u that its arguments make", wanted, has);
	port->queues = (uint16_t)wanted;
	return 0;
}

static int32_t set_mac(struct port *port, const uint32_t *settings)
{
	const uint32_t high = settings[FERRULE_DPDK_SET_MAC_HIGH];
	const uint32_t low = settings[FERRULE_DPDK_SET_MAC_LOW];
	struct rte_ether_addr mac = { { (uint8_t)(high >> 8), (uint8_t)high, (uint8_t)(low >> 24),
					(uint8_t)(low >> 16), (uint8_t)(low >> 8), (uint8_t)low } };
	int err = rte_eth_macaddr_get(port->id, &port->mac);

	if (err != 0)
		return ferrule_fail(-err, "rte_eth_macaddr_get");
	if (strncmp(port->name, "net_tap", 7) == 0) {
		/* A tap's address is the kernel's, at the other end. */
		port->mac.addr_bytes[5] ^= 1;
		if (settings[FERRULE_DPDK_SET_HAS_MAC] != 0)
			port->mac = mac;
		return 0;
	}
	if (settings[FERRULE_DPDK_SET_HAS_MAC] == 0 || rte_is_same_ether_addr(&mac, &port->mac))
		return 0;
	err = rte_eth_dev_default_mac_addr_set(port->id, &mac);
	if (err != 0)
		return ferrule_fail(-err, "set the port's MAC address: %s", port_log());
	port->mac = mac;
	return 0;
}

/* Takes what the device offers: checksums, and a hash that spreads flows over queues. */
static int32_t configure(struct port *port, const struct rte_eth_dev_info *info)
{
	const uint64_t flows = info->flow_type_rss_offloads & FLOWS;
	struct rte_eth_conf conf;
	int err;

	memset(&conf, 0, sizeof(conf));
	conf.rxmode.offloads = info->rx_offload_capa & RX_CHECKSUMS;
	if (conf.rxmode.offloads != 0)
		port->features |= FERRULE_DPDK_FEATURE_RX_CHECKSUMS;
	if ((info->tx_offload_capa & TX_CHECKSUMS) == TX_CHECKSUMS) {
		conf.txmode.offloads = TX_CHECKSUMS;
		port->features |= FERRULE_DPDK_FEATURE_TX_CHECKSUMS;
	}
	if (port->queues > 1 && flows != 0) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = flows;
		port->features |= FERRULE_DPDK_FEATURE_RSS;
	}
	err = rte_eth_dev_configure(port->id, port->queues, port->queues, &conf);
	return err == 0 ? 0 : ferrule_fail(-err, "rte_eth_dev_configure: %s", port_log());
}

static int32_t set_queues_up(struct port *port)
{
	const unsigned int socket = (unsigned int)SOCKET_ID_ANY;
	uint16_t rx = DESCRIPTORS, tx = DESCRIPTORS, queue;
	int err = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rx, &tx);

	if (err != 0)
		return ferrule_fail(-err, "rte_eth_dev_adjust_nb_rx_tx_desc");
	for (queue = 0; queue < port->queues; queue++) {
		err = rte_eth_rx_queue_setup(port->id, queue, rx, socket, NULL, port->pool);
		if (err != 0)
			return ferrule_fail(-err, "rte_eth_rx_queue_setup: %s", port_log());
		err = rte_eth_tx_queue_setup(port->id, queue, tx, socket, NULL);
		if (err != 0)
			return ferrule_fail(-err, "rte_eth_tx_queue_setup: %s", port_log());
	}
	return 0;
}

int32_t device_open(struct port *port, const char *device, const uint32_t *settings)
{
	struct rte_eth_dev_info info;
	int32_t result;
	int err;

	result = find_port(port, device, &info);
	if (result == 0)
		result = choose_queues(port, &info, settings[FERRULE_DPDK_SET_QUEUES]);
	if (result == 0)
		result = configure(port, &info);
	if (result == 0)
		result = set_queues_up(port);
	if (result == 0)
		result = set_mac(port, settings);
	if (result != 0)
		return result;
	err = rte_eth_dev_start(port->id);
	if (err != 0)
		return ferrule_fail(-err, "rte_eth_dev_start: %s", port_log());
	return 0;
}

void device_close(struct port *port)
{
	if (port->device == NULL)
		return;
	rte_eth_dev_stop(port->id);
	rte_eth_dev_close(port->id);
	rte_dev_remove(port->device);
}

int32_t device_own_figures(const struct port *port, int32_t max, char *names, double *values)
{
	const int count = rte_eth_xstats_get(port->id, NULL, 0);
	struct rte_eth_xstat_name *known;
	struct rte_eth_xstat *figures;
	int32_t index, shown = 0;

	if (count <= 0)
		return count < 0 ? ferrule_fail(-count, "rte_eth_xstats_get") : 0;
	known = calloc((size_t)count, sizeof(*known));
	figures = calloc((size_t)count, sizeof(*figures));
	if (known != NULL && figures != NULL &&
	    rte_eth_xstats_get_names(port->id, known, (unsigned int)count) == count &&
	    rte_eth_xstats_get(port->id, figures, (unsigned int)count) == count) {
		shown = RTE_MIN(max, count);
		for (index = 0; index < shown; index++) {
			char *name = names + (size_t)index * FERRULE_DPDK_NAME_BYTES;

			memcpy(name, known[figures[index].id].name, FERRULE_DPDK_NAME_BYTES);
			values[index] = (double)figures[index].value;
		}
	}
	free(known);
	free(figures);
	return shown;
}
