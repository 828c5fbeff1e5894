#!/usr/bin/python3
# Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT
"""Refuses to touch the interface that administration depends on."""

DOCUMENTATION = r"""
module: interface_guard
short_description: Fails where a network interface must not be taken away
description:
  - Names the interfaces that carry a default route, or the connection that this module came in on, with
    everything below them (the cards of a bond, bridge or VLAN).
  - Fails where one of those that are to be changed is among them. Changes nothing.
options:
  interfaces:
    description: Names of interfaces, or PCI addresses of their cards, that are to be changed.
    type: list
    elements: str
    required: true
author: the Ferrule authors
"""

EXAMPLES = r"""
- name: Keep the way in
  interface_guard:
    interfaces: [eth1, "0000:03:00.0"]
"""

RETURN = r"""
protected:
  description: Why, by name of the interface.
  returned: always
  type: dict
"""

import glob
import json
import os

from ansible.module_utils.basic import AnsibleModule


def session():
    """SSH_CONNECTION of the nearest ancestor that has one: sudo takes it out of our own environment."""
    pid = os.getpid()
    while pid > 1:
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                for entry in file.read().split(b"\0"):
                    if entry.startswith(b"SSH_CONNECTION="):
                        return entry.split(b"=", 1)[1].decode().split()
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                pid = int(file.read().rsplit(")", 1)[1].split()[1])
        except OSError:
            return []
    return []


def ip(module, *words):
    code, out, err = module.run_command(["ip", "-json", *words])
    if code != 0:
        module.fail_json(msg=f"Which interface must stay is not known, so none is touched: ip {' '.join(words)}: {err}")
    return json.loads(out or "[]")


def add(found, name, reason):
    """The interface and what it stands on."""
    if not name or name in found:
        return
    found[name] = reason
    for lower in glob.glob(f"/sys/class/net/{name}/lower_*"):
        add(found, os.path.basename(lower)[len("lower_"):], f"it carries {name}: {reason}")


def protected(module):
    found = {}
    for family in ("-4", "-6"):
        for route in ip(module, family, "route", "show", "default"):
            hops = route.get("nexthops", [route])
            for hop in hops:
                add(found, hop.get("dev", ""), "the default route goes through it")
    connection = session()
    if len(connection) == 4:
        client, _, own, _ = connection
        for link in ip(module, "address"):
            if any(one.get("local") == own for one in link.get("addr_info", [])):
                add(found, link["ifname"], f"Ansible came in on its address {own}")
        for route in ip(module, "route", "get", client):
            add(found, route.get("dev", ""), f"the way back to Ansible's host {client} goes through it")
    found.pop("lo", None)
    return found


def pci_address(name):
    device = f"/sys/class/net/{name}/device"
    return os.path.basename(os.path.realpath(device)) if os.path.exists(device) else ""


def main():
    module = AnsibleModule(
        argument_spec={"interfaces": {"type": "list", "elements": "str", "required": True}},
        supports_check_mode=True,
    )
    found = protected(module)
    cards = {pci_address(name): name for name in found}
    for asked in module.params["interfaces"]:
        name = asked if asked in found else cards.get(asked, "") if asked else ""
        if name:
            module.fail_json(
                msg=f"{asked} stays as it is: {found[name]}. Give the engine another card, or take this one out of the list.",
                protected=found,
            )
    module.exit_json(changed=False, protected=found)


if __name__ == "__main__":
    main()
