# shellcheck shell=bash
# Writes what the host's certificates are, and obtains those that are missing.

# From standard input, at once or not at all: write_whole FILE MODE
write_whole() {
    local file=$1 mode=$2 next=$1.mailhost-new
    [ -d "${file%/*}" ] || install -d -m 0755 "${file%/*}"
    (umask 077 && cat >"$next")
    chmod "$mode" "$next"
    mv -fT "$next" "$file"
}

obtain_certificates() {
    local program=/usr/local/lib/mailhost/certificates
    if [ ! -x "$program" ]; then
        printf 'mailhost: error: %s is missing: the host is not set up as planned, pulumi up does that first\n' "$program" >&2
        exit 1
    fi
    "$program" issue
}
