#!/usr/bin/python3
# Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT
"""Switches a host from one release to another, and back where the other is not well.

    stop in order -> current, previous -> units -> start -> gate: health, state hash
                                                              | not passed
    old release healthy <- start <- units <- current <--------+

All of it happens on the host, in one process: neither the way to the host nor the controller is part of it.
"""

DOCUMENTATION = r"""
---
module: ferrule_switch
short_description: Switch a host to another release, behind a gate
description:
  - Stops the unit in order, points C(current) to the release, installs its units, starts it, and waits until it is
    healthy and the release before computes the same state hash at the same sequence.
  - Goes back to the release before where this is not so, and fails.
options:
  release:
    description: Name of the folder below C(releases) that is to run.
    type: str
    required: true
  root:
    description: Where releases lie.
    type: path
    default: /opt/ferrule
  unit:
    description: The engine's unit.
    type: str
    default: ferrule.service
  units_directory:
    description: Where the service manager reads units.
    type: path
    default: /etc/systemd/system
  configuration:
    description: The engine's configuration file.
    type: path
    default: /etc/ferrule/ferrule.toml
  user:
    description: Who the engine runs as.
    type: str
    default: ferrule
  admin_url:
    description: The engine's admin port.
    type: str
    default: http://127.0.0.1:9090
  states:
    description: States of health that pass the gate.
    type: list
    elements: str
    default: [ok]
  gate_wait_s:
    description: Seconds after which a release that is not healthy has failed.
    type: int
    default: 60
  stop_wait_s:
    description: Seconds that an ordered stop may take.
    type: int
    default: 60
  settle_s:
    description: Seconds that it must stay healthy, as the same process.
    type: int
    default: 3
  compare:
    description: Whether the release before must compute the same state hash.
    type: bool
    default: true
author:
  - the Ferrule authors
"""

EXAMPLES = r"""
- name: Switch
  ferrule_switch:
    release: 1.1.0-3f0a9c1d22b4
"""

RETURN = r"""
before:
  description: The release that ran.
  type: str
  returned: always
release:
  description: The release that runs now.
  type: str
  returned: always
away_ms:
  description: Milliseconds from the beginning of the stop until it was healthy.
  type: int
  returned: when it switched
state:
  description: Sequence and state hash that both releases give.
  type: dict
  returned: when compared
rolled_back:
  description: Whether it went back.
  type: bool
  returned: always
"""

import fcntl
import json
import os
import subprocess
import time
import urllib.error
import urllib.request

from ansible.module_utils.basic import AnsibleModule

LOCK = "/run/ferrule-switch.lock"
UNIT_KINDS = (".service", ".slice", ".socket", ".target", ".timer")
POLL_S = 0.2
# systemd's own exit codes: cgroup, namespaces, directories.
SETUP_FAILED = range(200, 244)
SETUP_RETRIES = 3
# A replay from the newest snapshot, on a small machine.
COMPARE_WAIT_S = 300


class NotWell(Exception):
    """The release that was started is not what it should be."""


def run(arguments, timeout_s=120):
    """A command's status and output."""
    try:
        done = subprocess.run(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            timeout=timeout_s, check=False, text=True, env={**os.environ, "LC_ALL": "C"})
    except subprocess.TimeoutExpired:
        return 124, "", "%s did not end within %s s" % (" ".join(arguments), timeout_s)
    return done.returncode, done.stdout, done.stderr


def ask(url):
    """What the admin port answers: status 503 has a body too. None where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        try:
            return json.loads(error.read())
        except ValueError:
            return None
    except (OSError, ValueError):
        return None


def point(link, target):
    """Makes a symbolic link anew; whoever looks sees the old one or the new one."""
    temporary = "%s.%d" % (link, os.getpid())
    os.symlink(target, temporary)
    os.replace(temporary, link)
    directory = os.open(os.path.dirname(link), os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


class Host:
    """The releases of a host and the unit that runs one of them."""

    def __init__(self, parameters):
        self.p = parameters
        self.current = os.path.join(parameters["root"], "current")
        self.previous = os.path.join(parameters["root"], "previous")
        # Of the unit, when it was started last.
        self.restarts = 0

    def release(self):
        """The release that runs."""
        return os.path.basename(os.readlink(self.current))

    def folder(self, release):
        return os.path.join(self.p["root"], "releases", release)

    def units(self, release):
        """Contents of a release's units, by name."""
        folder = os.path.join(self.folder(release), "systemd")
        found = {}
        for name in sorted(os.listdir(folder)):
            if name.endswith(UNIT_KINDS):
                with open(os.path.join(folder, name), "rb") as file:
                    found[name] = file.read()
        return found

    def show(self, *names):
        """Properties of the unit."""
        _status, out, _err = run(["systemctl", "show", self.p["unit"]] + ["--property=" + name for name in names])
        return dict(line.split("=", 1) for line in out.splitlines() if "=" in line)

    def stop(self):
        """The ordered stop."""
        status, _out, err = run(["systemctl", "stop", self.p["unit"]], self.p["stop_wait_s"])
        state = self.show("ActiveState", "Result")
        if status != 0 or state.get("ActiveState") not in ("inactive", "failed"):
            raise NotWell("%s did not stop: %s %s" % (self.p["unit"], state, err.strip()))
        return state.get("Result") == "success"

    def start(self, release, other, previous):
        """Points to a release, installs its units instead of the other's, and starts it."""
        if previous is not None:
            point(self.previous, previous)
        elif os.path.islink(self.previous):
            os.unlink(self.previous)
        point(self.current, os.path.join("releases", release))
        units = self.units(release)
        for name in self.units(other):
            path = os.path.join(self.p["units_directory"], name)
            if name not in units and os.path.exists(path):
                os.unlink(path)
        for name, content in units.items():
            path = os.path.join(self.p["units_directory"], name)
            with open(path + ".new", "wb") as file:
                file.write(content)
                os.fchmod(file.fileno(), 0o644)
            os.replace(path + ".new", path)
        run(["systemctl", "daemon-reload"])
        run(["systemctl", "reset-failed", self.p["unit"]])
        run(["systemctl", "start", "--no-block", self.p["unit"]])
        self.restarts = int(self.show("NRestarts").get("NRestarts", 0))

    def log(self):
        """The unit's last lines."""
        return run(["journalctl", "--unit=" + self.p["unit"], "--lines=8", "--output=cat", "--no-pager"])[1].strip()

    def gate(self):
        """Waits until what was started is healthy and stays so, as one process."""
        deadline = time.monotonic() + self.p["gate_wait_s"]
        well_since = None
        pid = None
        # A stop between two attempts leaves their count as it was.
        restarts = self.restarts
        while True:
            unit = self.show("ActiveState", "SubState", "MainPID", "NRestarts", "ExecMainStatus")
            health = ask(self.p["admin_url"] + "/health")
            status = (health or {}).get("status", "no answer")
            if unit.get("SubState") == "auto-restart" and int(unit.get("ExecMainStatus", 0)) in SETUP_FAILED:
                # The service manager itself failed, before the release ran: it tries again.
                restarts = self.restarts + SETUP_RETRIES
            if unit.get("ActiveState") == "failed" or int(unit.get("NRestarts", 0)) > restarts:
                raise NotWell("the service ended (health: %s)" % status)
            well = unit.get("ActiveState") == "active" and status in self.p["states"]
            if well and well_since is None:
                well_since, pid = time.monotonic(), unit.get("MainPID")
            elif well_since is not None and (not well or unit.get("MainPID") != pid):
                raise NotWell("it was healthy and did not stay so (health: %s)" % status)
            if well_since is not None and time.monotonic() - well_since >= self.p["settle_s"]:
                return well_since
            if well_since is None and time.monotonic() > deadline:
                raise NotWell("not healthy within %d s: health is %s, the unit is %s" % (
                    self.p["gate_wait_s"], status, unit.get("ActiveState")))
            time.sleep(POLL_S)

    def compute(self, release, sequence):
        """State hash that a release computes from the journal: sequence that it reached, and hash."""
        folder = self.folder(release)
        status, out, err = run([
            "setpriv", "--reuid=" + self.p["user"], "--regid=" + self.p["user"], "--init-groups",
            "env", "--chdir=" + folder, "DENO_DIR=" + folder + "/cache", "DENO_NO_UPDATE_CHECK=1", "NO_COLOR=1",
            "nice", "--adjustment=19",
            folder + "/bin/deno", "run", "--no-prompt", "--cached-only", "--frozen", "--allow-ffi",
            "--allow-env=FERRULE_NATIVE_DIR,CREDENTIALS_DIRECTORY", "--allow-read", "main.ts", "inspect", "--config",
            self.p["configuration"], "--at", str(sequence), "--json", "summary"], COMPARE_WAIT_S)
        if status != 0:
            raise NotWell("%s can not compute the state at sequence %d: %s" % (release, sequence, (err or out).strip()))
        found = json.loads(out.strip().splitlines()[-1])
        return found["sequence"], found["stateHash"]

    def compare(self, release):
        """The state that runs is the one that another release computes."""
        deadline = time.monotonic() + self.p["gate_wait_s"]
        while True:
            state = ask(self.p["admin_url"] + "/state") or {}
            sequence, ours = state.get("sequence"), state.get("stateHash")
            if sequence is not None and ours is not None:
                reached, theirs = self.compute(release, sequence)
                if reached == sequence and theirs == ours:
                    return {"sequence": sequence, "stateHash": ours}
                if reached == sequence:
                    raise NotWell("at sequence %d its state hash is %s, and %s computes %s" % (
                        sequence, ours, release, theirs))
                # What is not in the journal yet is not acknowledged either: ask again.
            if time.monotonic() > deadline:
                raise NotWell("no state to compare: /state says %s" % (state,))
            time.sleep(POLL_S)


def switch(module, host):
    """Does it; returns what the module says."""
    p = module.params
    to, before = p["release"], host.release()
    result = {"changed": to != before, "before": before, "release": to, "rolled_back": False,
              "diff": {"before": before + "\n", "after": to + "\n"}}
    if to == before or module.check_mode:
        return result
    previous = os.readlink(host.previous) if os.path.islink(host.previous) else None
    began = time.monotonic()
    try:
        result["stopped_in_order"] = host.stop()
    except NotWell as error:
        run(["systemctl", "start", "--no-block", p["unit"]])
        result.update(changed=False, release=before)
        module.fail_json(msg="%s. Nothing was switched; %s goes on." % (error, before), **result)
    try:
        host.start(to, before, os.path.join("releases", before))
        result["away_ms"] = int((host.gate() - began) * 1000)
        if p["compare"]:
            result["state"] = host.compare(before)
        return result
    except (NotWell, OSError, ValueError) as error:
        reason, log = str(error), host.log()
    # Whatever went wrong, the release before runs again.
    result.update(release=before, rolled_back=True, reason=reason, log=log)
    try:
        host.stop()
        host.start(before, to, previous)
        result["away_ms"] = int((host.gate() - began) * 1000)
    except (NotWell, OSError, ValueError) as error:
        module.fail_json(msg="%s failed its gate: %s. %s is not well either: %s. A person must look." % (
            to, reason, before, error), **result)
    result["state"] = ask(p["admin_url"] + "/state")
    return module.fail_json(msg="%s failed its gate: %s. Rolled back: %s runs, and is healthy." % (
        to, reason, before), **result)


def main():
    module = AnsibleModule(
        argument_spec={
            "release": {"type": "str", "required": True},
            "root": {"type": "path", "default": "/opt/ferrule"},
            "unit": {"type": "str", "default": "ferrule.service"},
            "units_directory": {"type": "path", "default": "/etc/systemd/system"},
            "configuration": {"type": "path", "default": "/etc/ferrule/ferrule.toml"},
            "user": {"type": "str", "default": "ferrule"},
            "admin_url": {"type": "str", "default": "http://127.0.0.1:9090"},
            "states": {"type": "list", "elements": "str", "default": ["ok"]},
            "gate_wait_s": {"type": "int", "default": 60},
            "stop_wait_s": {"type": "int", "default": 60},
            "settle_s": {"type": "int", "default": 3},
            "compare": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    host = Host(module.params)
    if not os.path.isfile(os.path.join(host.folder(module.params["release"]), "MANIFEST")) and not module.check_mode:
        module.fail_json(msg="%s is no whole release: it has no MANIFEST" % host.folder(module.params["release"]))
    if not os.path.islink(host.current):
        module.fail_json(msg="%s is no link: deploy with site.yml first" % host.current)
    with open(LOCK, "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            module.fail_json(msg="Another switch is under way on this host: it holds %s" % LOCK)
        module.exit_json(**switch(module, host))


if __name__ == "__main__":
    main()
