#!/bin/bash
# Prepares the data volume for its mount: waits for the device, makes a file system when the device is blank, checks
# the one that is there. Anything else is refused: a wrong guess would cost every mailbox. Where the mount point itself
# stands in place of a device, the data lies on the root disk.
# Usage: data-volume DEVICE_FILE MOUNT_POINT
set -euo pipefail

device_file=$1
mount_point=$2
wait_seconds=120
reason_file=/run/mailhost/data-volume-failure

refuse() {
    printf '%s\n' "$*" | tee "$reason_file" >&2
    exit 1
}

# The mount point can't be written to while nothing is mounted on it, not even by root.
guard_mount_point() {
    install -d -m 0755 "${mount_point%/*}" "$mount_point"
    if [ -n "$(ls -A "$mount_point")" ]; then
        refuse "$mount_point holds files on the root disk, which a mount would hide: move them away, then" \
            "systemctl start docker"
    fi
    chattr +i "$mount_point" 2>/dev/null || systemd-detect-virt --quiet --container ||
        refuse "the root file system can't make $mount_point immutable (chattr +i): use ext4 or xfs for the root disk"
}

use_root_disk() {
    install -d -m 0755 "${mount_point%/*}" "$mount_point"
    touch "$mount_point/.mailhost-probe" 2>/dev/null ||
        refuse "$mount_point can't be written to (lsattr -d $mount_point): it is the place of a data device that is not" \
            "mounted. Describe that device again, or run chattr -i $mount_point if its data is not needed, then" \
            "systemctl start docker"
    rm "$mount_point/.mailhost-probe"
}

wait_for_device() {
    local waited=0
    until [ -b "$device" ]; do
        ((waited < wait_seconds)) ||
            refuse "the data volume $device has not appeared within $wait_seconds seconds: attach it to this server," \
                "then systemctl start docker. Nothing runs without it"
        ((waited > 0)) || printf 'waiting for %s\n' "$device"
        sleep 1
        waited=$((waited + 1))
    done
}

@IS_BLANK@

check_file_system() {
    local code=0
    e2fsck -p "$device" || code=$?
    # 1: mended by itself.
    ((code <= 1)) ||
        refuse "the file system on $device has errors that need a decision (e2fsck -p: $code): make a snapshot of the" \
            "volume, run e2fsck $device, then systemctl start docker"
}

# A volume that was enlarged while nothing had it mounted.
grow_file_system() {
    local blocks block_size
    blocks=$(dumpe2fs -h "$device" 2>/dev/null | awk '/^Block count:/ { print $3 }')
    block_size=$(dumpe2fs -h "$device" 2>/dev/null | awk '/^Block size:/ { print $3 }')
    # Less than a block group can't be used.
    (($(blockdev --getsize64 "$device") - blocks * block_size >= 134217728)) || return 0
    # resize2fs wants a full check first. Without the growth the volume is as good as before.
    e2fsck -fp "$device" && resize2fs "$device" || printf 'the file system on %s did not grow\n' "$device" >&2
}

install -d -m 0755 /run/mailhost
rm -f "$reason_file"
if mountpoint --quiet "$mount_point"; then exit 0; fi
device=$(cat "$device_file")
if [ "$device" = "$mount_point" ]; then
    use_root_disk
    ln -sfn "$device" /run/mailhost/data-device
    exit 0
fi
guard_mount_point
wait_for_device
case $(blkid -p -s TYPE -o value "$device" || true) in
    ext4)
        check_file_system
        grow_file_system
        ;;
    "")
        is_blank "$device" || refuse "$device is not blank and holds no ext4 file system ($(blkid -p "$device" 2>&1 || true)):" \
            "nothing was written to it. If it is the right volume and its data can go, run" \
            "wipefs --all $device && blkdiscard --zeroout --length 1MiB $device, then systemctl start docker"
        printf '%s is blank: making an ext4 file system\n' "$device"
        mkfs.ext4 -q -m 1 -L mailhost-data "$device"
        ;;
    *)
        refuse "$device holds a file system that is not ext4 ($(blkid -p "$device" 2>&1 || true)): nothing was written" \
            "to it. Attach the right volume, then systemctl start docker"
        ;;
esac
ln -sfn "$device" /run/mailhost/data-device
