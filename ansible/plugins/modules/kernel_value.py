#!/usr/bin/python3
# Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT
"""A value below /proc/sys or /sys: set, checked, and put back to what it was."""

DOCUMENTATION = r"""
module: kernel_value
short_description: Sets a value below /proc/sys or /sys, and remembers what was there
description:
  - Writes a value where it differs, reads it back, and fails where the kernel took another.
  - The value of before the first change is kept in a file, which C(state=restored) puts back and removes.
  - Check mode and C(--diff) say what would change.
options:
  path:
    description: The file, or a pattern that matches several.
    type: str
    required: true
  value:
    description: What it shall say. Files like C(always [madvise] never) are compared by the word in brackets.
    type: str
  compare:
    description: Whether a greater number is as good.
    type: str
    choices: [exact, at_least]
    default: exact
  missing:
    description: What to do where nothing matches the path.
    type: str
    choices: [fail, ignore]
    default: fail
  state:
    description: Whether to set the value or to put back what was there before.
    type: str
    choices: [set, restored]
    default: set
  store:
    description: Folder of the values of before.
    type: path
    default: /var/lib/ferrule-host/undo
author: the Ferrule authors
"""

EXAMPLES = r"""
- name: Take pages for those who ask
  kernel_value:
    path: /sys/kernel/mm/transparent_hugepage/enabled
    value: madvise
"""

import glob
import os
import re

from ansible.module_utils.basic import AnsibleModule


def current(path):
    """What the file says, with single spaces; of a choice the chosen word."""
    with open(path, encoding="utf-8") as file:
        text = " ".join(file.read().split())
    chosen = re.search(r"\[(\S+)\]", text)
    return chosen.group(1) if chosen else text


def is_fine(found, wanted, compare):
    if compare == "at_least":
        return int(found) >= int(wanted)
    return found == wanted


def write(path, value):
    with open(path, "w", encoding="utf-8") as file:
        file.write(value)


class Store:
    """Values of before the first change, one file for each path."""

    def __init__(self, folder):
        self.folder = folder

    def path_of(self, path):
        return os.path.join(self.folder, path.strip("/").replace("/", "~"))

    def keep(self, path, value):
        os.makedirs(self.folder, mode=0o755, exist_ok=True)
        kept = self.path_of(path)
        if not os.path.exists(kept):
            write(kept, value + "\n")

    def paths_like(self, pattern):
        names = glob.glob(self.path_of(pattern))
        return sorted("/" + os.path.basename(name).replace("~", "/") for name in names)

    def read(self, path):
        with open(self.path_of(path), encoding="utf-8") as file:
            return file.read().strip()

    def forget(self, path):
        os.remove(self.path_of(path))


def plan(module, store):
    """Pairs of path and value to write."""
    params = module.params
    if params["state"] == "restored":
        return [(path, store.read(path)) for path in store.paths_like(params["path"])]
    if params["value"] is None:
        module.fail_json(msg="state=set needs a value")
    paths = sorted(glob.glob(params["path"]))
    if not paths and params["missing"] == "fail":
        module.fail_json(msg=f"This kernel has no {params['path']}")
    wanted = " ".join(params["value"].split())
    return [(path, wanted) for path in paths if not is_fine(current(path), wanted, params["compare"])]


def apply(module, store, todo):
    params = module.params
    for path, value in todo:
        if not os.path.exists(path):
            store.forget(path)
            continue
        before = current(path)
        try:
            write(path, value)
        except OSError as error:
            module.fail_json(msg=f"The kernel refuses {value} for {path} (it says {before}): {error.strerror}")
        if params["state"] == "restored":
            store.forget(path)
            continue
        store.keep(path, before)
        if not is_fine(current(path), value, params["compare"]):
            module.fail_json(msg=f"The kernel took {current(path)} instead of {value} for {path}")


def main():
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "str", "required": True},
            "value": {"type": "str"},
            "compare": {"choices": ["exact", "at_least"], "default": "exact"},
            "missing": {"choices": ["fail", "ignore"], "default": "fail"},
            "state": {"choices": ["set", "restored"], "default": "set"},
            "store": {"type": "path", "default": "/var/lib/ferrule-host/undo"},
        },
        supports_check_mode=True,
    )
    store = Store(module.params["store"])
    todo = plan(module, store)
    lines = [(path, current(path) if os.path.exists(path) else "", value) for path, value in todo]
    diff = {
        "before": "".join(f"{path} = {before}\n" for path, before, _ in lines),
        "after": "".join(f"{path} = {value}\n" for path, _, value in lines),
    }
    if not module.check_mode:
        apply(module, store, todo)
    module.exit_json(changed=bool(todo), diff=diff)


if __name__ == "__main__":
    main()
