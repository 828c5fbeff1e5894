#!/usr/bin/python3
# Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT
"""Moves the interrupts of devices away from cores."""

DOCUMENTATION = r"""
module: interrupt_affinity
short_description: Moves the interrupts of devices away from cores
description:
  - Every interrupt that may come to one of the cores is sent to the cores that remain.
  - Those that the kernel keeps for itself (queues of NVMe disks, timers) can not be moved and are named in C(kept).
    They are tried at each run, and are no change.
options:
  away_from:
    description: Cores that shall have none.
    type: list
    elements: int
    required: true
  state:
    description: Whether to move them, or to let them come to any core again.
    type: str
    choices: [moved, restored]
    default: moved
author: the Ferrule authors
"""

EXAMPLES = r"""
- name: Leave cores 2 and 3 alone
  interrupt_affinity:
    away_from: [2, 3]
"""

RETURN = r"""
kept:
  description: Numbers of interrupts that the kernel does not move.
  returned: always
  type: list
"""

import glob

from ansible.module_utils.basic import AnsibleModule


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read().strip()


def cores_of(text):
    """{0, 1, 2, 5} of "0-2,5"."""
    cores = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        cores.update(range(int(first), int(last or first) + 1))
    return cores


def move(path, text):
    """Whether the kernel lets it be moved."""
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return True
    except OSError:
        return False


def plan(online, away):
    """Path, old and new list of each interrupt that is to be moved."""
    rest = online - away
    todo = []
    for path in sorted(glob.glob("/proc/irq/[0-9]*/smp_affinity_list")):
        found = cores_of(read(path))
        if found & away:
            todo.append((path, found & rest or rest))
    return todo


def main():
    module = AnsibleModule(
        argument_spec={
            "away_from": {"type": "list", "elements": "int", "required": True},
            "state": {"choices": ["moved", "restored"], "default": "moved"},
        },
        supports_check_mode=True,
    )
    online = cores_of(read("/sys/devices/system/cpu/online"))
    away = set(module.params["away_from"]) & online
    if online and away == online:
        module.fail_json(msg="away_from has every core of this host: the kernel's interrupts need one")
    if module.params["state"] == "restored":
        todo = [
            (path, online)
            for path in sorted(glob.glob("/proc/irq/[0-9]*/smp_affinity_list"))
            if cores_of(read(path)) == online - away
        ]
    else:
        todo = plan(online, away)
    moved, kept = [], []
    for path, cores in todo:
        number = int(path.split("/")[3])
        wanted = ",".join(map(str, sorted(cores)))
        before = read(path)
        # A kernel-kept one refuses its own value too: so it is asked without a change.
        if not move(path, before):
            kept.append(number)
        elif module.check_mode or move(path, wanted):
            moved.append((number, before, wanted))
        else:
            kept.append(number)
    module.exit_json(
        changed=bool(moved),
        kept=kept,
        diff={
            "before": "".join(f"interrupt {n}: cores {before}\n" for n, before, _ in moved),
            "after": "".join(f"interrupt {n}: cores {after}\n" for n, _, after in moved),
        },
    )


if __name__ == "__main__":
    main()
