# shellcheck shell=bash
# Where the data lies, and whether that is where it is described.

# Whether what is mounted there is the device; the folder itself stands for the root disk.
is_mounted_from() {
    local device=$1 mount_point=$2
    if [ "$device" = "$mount_point" ]; then
        [ "$(stat -c %d "$mount_point")" = "$(stat -c %d "${mount_point%/*}")" ]
    else
        [ "$(readlink -m "$(findmnt --noheadings --output SOURCE --mountpoint "$mount_point")")" = "$(readlink -m "$device")" ]
    fi
}

# Prints where the data lies when that is not the device: what is mounted, else what an earlier set-up wrote down in the
# file, if one is given. A mount unit for another disk would bring that one up at the next boot, empty.
data_lies_elsewhere() {
    local device=$1 mount_point=$2 device_file=${3-} before
    if mountpoint --quiet "$mount_point"; then
        is_mounted_from "$device" "$mount_point" || findmnt --noheadings --output SOURCE --mountpoint "$mount_point"
        return 0
    fi
    [ -n "$device_file" ] && [ -s "$device_file" ] || return 0
    before=$(cat "$device_file")
    [ "$before" = "$device" ] || [ "$(readlink -m "$before")" = "$(readlink -m "$device")" ] || printf '%s\n' "$before"
}
