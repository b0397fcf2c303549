#!/bin/bash
# Keeps one container machine running until it is shut down, and starts it again when it reboots. Runs detached, in a
# mount namespace of its own: however it ends, the kernel unmounts the root disk and frees its loop device.
# Usage: supervise-container.sh CONTROL_GROUP FOLDER NETWORK_NAMESPACE DEVICES
set -euo pipefail
group=$1 folder=$2 namespace=$3 devices=$4

# Processes only at the leaves, so that controllers can be handed down to the machine.
mkdir -p "$group/supervisor" "$group/machine"
echo $$ >"$group/supervisor/cgroup.procs"
for controller in $(<"$group/cgroup.controllers"); do
    echo "+$controller" >"$group/cgroup.subtree_control" || true
done

mkdir -p "$folder/root"
# The file is in this computer's cache, which outlives the machine: waiting for its disk proves nothing.
mount -o loop,nobarrier "$folder/disk.img" "$folder/root"

# nspawn passes it on as the signal below.
nspawn=
trap 'kill -TERM "$nspawn"' TERM

boot() {
    echo "$BASHPID" >"$group/machine/cgroup.procs"
    export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
    exec systemd-nspawn --quiet --register=no --keep-unit --boot --kill-signal=SIGRTMIN+4 \
        --machine="$namespace" --directory="$folder/root" \
        --network-namespace-path="/run/netns/$namespace" \
        --capability=all --system-call-filter="add_key keyctl bpf" \
        --resolv-conf=off --timezone=off --link-journal=no \
        --bind-ro="$folder/seed:/var/lib/cloud/seed/nocloud" --bind="$devices:/dev/disk/by-id"
}

rebooted=133
code=$rebooted
while ((code == rebooted)); do
    boot &
    nspawn=$!
    # A signal interrupts wait, with a code of its own.
    while kill -0 "$nspawn" 2>/dev/null; do
        code=0
        wait "$nspawn" || code=$?
    done
done
# The namespace outlives the machine, and its kernel would answer for it: a machine that is off says nothing.
ip -n "$namespace" link set eth0 down 2>/dev/null || true
