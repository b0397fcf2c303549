# shellcheck shell=bash
# Whether a disk holds nothing that anybody knows of: no file system, no partition table, no other byte in its first MiB.
is_blank() {
    local found=0
    blkid -p "$1" >/dev/null 2>&1 || found=$?
    [ "$found" = 2 ] && [ -z "$(wipefs --no-act "$1")" ] && cmp --quiet --bytes=1048576 "$1" /dev/zero
}
