# shellcheck shell=bash
# Stops everything that writes to the data volume, and unmounts it: the machine is about to go.

mount_point=${mount_point:?}
mount_unit=${mount_unit:?}
device_file=${device_file:?}

say() { printf 'mailhost: %s\n' "$*"; }

fail() {
    printf 'mailhost: error: %s\n' "$*" >&2
    exit 1
}

stop_containers() {
    local running
    if ! command -v docker >/dev/null || ! systemctl --quiet is-active docker.service; then return; fi
    mapfile -t running < <(timeout 60 docker ps --quiet --no-trunc)
    if ((${#running[@]} > 0)); then
        printf '%s\n' "${running[@]}" >/var/lib/mailhost/stopped-containers
        say "stopping ${#running[@]} containers; to start them again: docker start \$(cat /var/lib/mailhost/stopped-containers)"
        # A minute for a database to write what it holds; then it is killed, which a journal survives.
        timeout 120 docker stop -t 60 "${running[@]}" >/dev/null || say "some containers did not stop in time"
    fi
}

# Containers outlive the daemon, so it goes after them.
stop_docker() {
    local unit
    for unit in docker.socket docker.service; do
        ! systemctl --quiet is-active "$unit" || timeout 120 systemctl stop "$unit" || say "$unit did not stop in time"
    done
}

# Processes that use the mount point as they see it.
holders_by_path() {
    local process link target
    for process in /proc/[0-9]*; do
        for link in "$process"/cwd "$process"/root "$process"/exe "$process"/fd/*; do
            target=$(readlink "$link" 2>/dev/null) || continue
            case $target in
                "$mount_point" | "$mount_point"/*)
                    printf '  %s (%s): %s\n' "${process#/proc/}" "$(cat "$process/comm" 2>/dev/null)" "$target"
                    break
                    ;;
            esac
        done
    done
}

# Processes for which the device is still mounted: a container's mounts are its own.
holders_by_device() {
    local numbers=$1 process
    for process in /proc/[0-9]*; do
        if awk -v numbers="$numbers" '$3 == numbers { found = 1 } END { exit !found }' "$process/mountinfo" 2>/dev/null; then
            printf '  %s (%s)\n' "${process#/proc/}" "$(cat "$process/comm" 2>/dev/null)"
        fi
    done
}

unmount() {
    local holders
    mountpoint --quiet "$mount_point" || return 0
    timeout 90 systemctl stop "$mount_unit" 2>/dev/null || true
    ! mountpoint --quiet "$mount_point" || umount "$mount_point" 2>/dev/null || {
        holders=$(holders_by_path)
        fail "$mount_point can't be unmounted, it is used by (process, name, file):
${holders:-  nobody that can be seen: look at systemctl status $mount_unit}
End them on the host, then run this again; nothing was removed"
    }
}

device=$(readlink -f "$(cat "$device_file" 2>/dev/null)" || true)
numbers=
if [ -b "$device" ]; then
    numbers=$(stat -c '%t %T' "$device")
    numbers=$((16#${numbers% *})):$((16#${numbers#* }))
fi
stop_containers
stop_docker
timeout 120 sync
unmount
if [ -n "$numbers" ]; then
    holders=$(holders_by_device "$numbers")
    [ -z "$holders" ] || fail "the data volume $device is still mounted for these processes (number, name):
$holders
End them on the host, then run this again; nothing was removed"
fi
say "the data volume is at rest: everything is written, nothing is mounted"
