# shellcheck shell=bash
# The data volume and what runs on it. Needs apply.sh and data-device.sh.

# Refused before anything is written: with the new name in place the machine would come up with it at its next boot.
keep_data_device() {
    local elsewhere
    elsewhere=$(data_lies_elsewhere "$@")
    [ -z "$elsewhere" ] || fail "the data lies on $elsewhere, and $1 is described: nothing was changed, and nothing would" \
        "move it. Describe it as before"
}

# Nothing is started without the volume: that is the units' own requirement, here it is only explained. At first boot
# the volume is attached when the server is there, so nobody waits for it.
use_data_volume() {
    local mount_point=$1 mount_unit=$2 prepare_unit=$3 device_file=$4 device
    if [ "${MAILHOST_FIRST_BOOT:-no}" = yes ] && ! mountpoint --quiet "$mount_point"; then
        systemctl enable --quiet "$mount_unit"
        systemctl start --no-block docker.service
        say "first boot is done: Docker starts when the data volume is there"
        exit 0
    fi
    device=$(cat "$device_file")
    if ! mountpoint --quiet "$mount_point"; then
        say "mounting the data volume $device"
        if ! systemctl start "$mount_unit"; then
            systemctl --no-pager --lines=20 status "$prepare_unit" "$mount_unit" >&2 || true
            fail "the data volume $device is not mounted, see above: nothing runs without it"
        fi
    fi
    if ! is_mounted_from "$device" "$mount_point"; then
        fail "$mount_point is $(findmnt --noheadings --output SOURCE --mountpoint "$mount_point"), which is not the data volume $device: stop what runs (systemctl stop docker)," \
            "unmount it (systemctl stop '$mount_unit'), then run this again"
    fi
    systemctl --quiet is-enabled "$mount_unit" 2>/dev/null || systemctl enable --quiet "$mount_unit"
}

# A volume grows while it is in use, and the file system with it.
grow_file_system() {
    local device_file=$1 size_gb=$2 device waited=0 blocks block_size output
    device=$(readlink -f "$(cat "$device_file")")
    # On the root disk.
    [ ! -d "$device" ] || return 0
    # The kernel hears of a larger disk a moment after the provider has made it.
    until (($(blockdev --getsize64 "$device") >= size_gb * 1000000000)); do
        if ((waited >= 30)); then
            say "the data volume $device still has $(($(blockdev --getsize64 "$device") / 1000000000)) GB, not $size_gb:" \
                "reboot the host, then run this again"
            return
        fi
        sleep 1
        waited=$((waited + 1))
    done
    blocks=$(dumpe2fs -h "$device" 2>/dev/null | awk '/^Block count:/ { print $3 }')
    block_size=$(dumpe2fs -h "$device" 2>/dev/null | awk '/^Block size:/ { print $3 }')
    # Less than a block group can't be used.
    (($(blockdev --getsize64 "$device") - blocks * block_size >= 134217728)) || return 0
    if output=$(resize2fs "$device" 2>&1); then
        say "the file system on $device has grown to $(($(blockdev --getsize64 "$device") / 1000000000)) GB"
    elif in_container; then
        say "a container may not grow a file system in use: the one on $device grows when it is mounted next"
    else
        fail "the file system on $device does not grow: $output"
    fi
}

# Owners and modes of folders that exist are the stack's.
make_data_folder() {
    [ -d "$1" ] || install -d -m "$2" "$1"
}

start_data_unit() {
    systemctl --quiet is-enabled "$1" || systemctl enable --quiet "$1"
    systemctl --quiet is-active "$1" || systemctl start "$1" ||
        fail "$1 does not start: $(systemctl --no-pager --lines=5 status "$1" 2>&1 | tail -n 5)"
}

# What a guard stopped for a replacement or a change of the server that then did not come.
start_stopped_containers() {
    local list=/var/lib/mailhost/stopped-containers containers
    [ -e "$list" ] || return 0
    mapfile -t containers <"$list"
    say "starting ${#containers[@]} containers that were stopped for a change of the server"
    docker start "${containers[@]}" >/dev/null || fail "some do not start, see above: docker logs NAME says why"
    rm "$list"
}

# Which machine this is, for cloud-init: a copy of its disk is another one.
instance() { cat /var/lib/cloud/data/instance-id 2>/dev/null || true; }

# What first boot knows is the plan of the day on which the server was made: run once more (cloud-init clean), it has no
# say over what came over SSH since.
leave_what_was_set_up() {
    local instance
    instance=$(instance)
    [ -n "$instance" ] && [ "$(cat /var/lib/mailhost/was-as-planned 2>/dev/null)" = "$instance" ] || return 0
    say "this host was set up already and stays as it is: what changed since comes over SSH"
    exit 0
}

finish() {
    start_stopped_containers
    instance >/var/lib/mailhost/was-as-planned
    rm -f /var/lib/mailhost/first-boot-failed
    say "the host is as planned"
}
