#!/bin/bash
# The certificates of this mail host: obtains and renews them, and places copies for those who read them.
# Usage: certificates issue            obtains what is missing, other than described, or about to expire
#        certificates renew [--force]  the same, by timer or by hand, and looks at what the ports serve
#        certificates install          places copies where the services read them
#        certificates reload           makes the services take what is placed
#        certificates show             how long each is valid, and whether the ports serve them
#        certificates hook             certbot's, after each certificate: install and reload
# shellcheck disable=SC2034  # The other parts use the settings.
set -euo pipefail
umask 077
# Numbers, dates and what programs say are read here.
export LC_ALL=C

data=@MOUNT_POINT@
store=$data/letsencrypt
description=/etc/mailhost/certificates
credentials=/root/.cloudflare.ini
authority_ca=/etc/mailhost/acme-ca.pem
records=/var/lib/mailhost/certificates
work=/run/mailhost/certificates
lock=/run/mailhost.lock

# What went wrong, which is written down as the result.
failure=
# Whether a renewal has come to its end.
renewed=no
# What went wrong while the others go on; `settle` ends the run with it.
faults=()

say() { printf 'mailhost: %s\n' "$*"; }

warn() { printf 'mailhost: warning: %s\n' "$*" >&2; }

fail() {
    failure=$*
    printf 'mailhost: error: %s\n' "$*" >&2
    exit 1
}

fault() {
    faults+=("$*")
    printf 'mailhost: error: %s\n' "$*" >&2
}

settle() {
    ((${#faults[@]} > 0)) || return 0
    failure=$(printf '%s; ' "${faults[@]}")
    failure=${failure%; }
    exit 1
}

# Without the volume, what is written would lie on the root disk, where the next mount hides it.
need_volume() {
    mountpoint --quiet "$data" ||
        fail "the data volume is not mounted at $data, nothing was written: systemctl status mailhost-data says why"
}

# Sets what the description holds; the first lineage is the host's own.
read_description() {
    local key rest
    directory='' email='' propagation='' lineages=()
    declare -gA names_of=()
    [ -r "$description" ] || fail "there is no $description yet: pulumi up writes it"
    while IFS=' ' read -r key rest; do
        case $key in
            directory) directory=$rest ;;
            email) email=$rest ;;
            propagation) propagation=$rest ;;
            lineage)
                lineages+=("${rest%% *}")
                names_of[${rest%% *}]=${rest#* }
                ;;
        esac
    done <"$description"
    if [ -z "$directory" ] || [ -z "$email" ] || [ -z "$propagation" ] || ((${#lineages[@]} == 0)); then
        fail "$description is not whole: pulumi up --replace URN-OF-THE-CERTIFICATE writes it again"
    fi
}

# One at a time with deployments. A script of the SSH channel holds the lock already and hands it down.
take_lock() {
    [ "$(readlink /proc/self/fd/9 2>/dev/null)" != "$lock" ] || return 0
    exec 9>"$lock"
    flock -w 900 9 || fail "another script has been running on this host for 15 minutes: try again when it is done"
}

# What came of this renewal, for those who look later: a line with the time.
record_result() {
    local code=$? result=ok
    # A signal leaves whatever the last command ended with.
    if [ "$code" = 0 ] && [ "$renewed" = no ]; then failure="it was interrupted"; fi
    [ "$code" = 0 ] && [ "$renewed" = yes ] || result="failed: ${failure:-see journalctl --unit mailhost-renew}"
    printf '%s %s\n' "$(date --utc --iso-8601=seconds)" "${result//$'\n'/ }" >"$records/last-renew.new"
    mv -f "$records/last-renew.new" "$records/last-renew"
}

days() { printf '%d days' "$(($1 / 86400))"; }

seconds_left() {
    local end
    end=$(openssl x509 -noout -enddate -in "$1" | cut -d = -f 2)
    printf '%d' "$(($(date --date "$end" +%s) - $(date +%s)))"
}

key_digest() { openssl x509 -noout -pubkey -in "$1" | openssl pkey -pubin -outform DER | sha256sum | cut -c 1-64; }

# Whether certificate and private key belong together.
is_pair() {
    local certificate private
    certificate=$(key_digest "$1" 2>/dev/null) || return 1
    private=$(openssl pkey -in "$2" -pubout -outform DER 2>/dev/null | sha256sum | cut -c 1-64) || return 1
    [ "$certificate" = "$private" ]
}
