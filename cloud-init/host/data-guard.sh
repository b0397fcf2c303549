# shellcheck shell=sh
# Runs where the program runs. Standard input: host, port, user, host key and the host's further addresses, a line each,
# then the private key. MAILHOST_ABANDON_HOST in the environment names a host that is gone for good.
set -eu
umask 077
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 129' HUP INT TERM
IFS= read -r host
IFS= read -r port
IFS= read -r user
IFS= read -r host_key
IFS= read -r further_addresses
cat >"$folder/key"
printf 'mailhost %s\n' "$host_key" >"$folder/known_hosts"
cat >"$folder/receive" <<'END_OF_RECEIVE'
@RECEIVE@
END_OF_RECEIVE
cat >"$folder/script" <<'END_OF_SCRIPT'
@SCRIPT@
END_OF_SCRIPT
code=0
LC_ALL=C ssh -F /dev/null -i "$folder/key" -o IdentitiesOnly=yes -o BatchMode=yes \
    -o StrictHostKeyChecking=yes -o HostKeyAlias=mailhost -o UserKnownHostsFile="$folder/known_hosts" \
    -o GlobalKnownHostsFile=/dev/null -o ConnectTimeout=15 -o ConnectionAttempts=4 \
    -o ServerAliveInterval=15 -o ServerAliveCountMax=8 \
    -p "$port" -l "$user" -- "$host" "$(cat "$folder/receive")" <"$folder/script" 2>"$folder/errors" || code=$?
cat "$folder/errors" >&2
[ "$code" != 0 ] || exit 0
unreachable='^ssh: connect to host .*: ((Connection|Operation) timed out|No route to host|Network is unreachable|Host is down)'
# Whether the machine stays when its program lets go of it.
stays=@STAYS@
says() { grep -q -E -e "$1" "$folder/errors"; }
# Whether anything comes back from an address and port: even a refusal does.
answers() {
    LC_ALL=C ssh -F /dev/null -o BatchMode=yes -o ConnectTimeout=5 -o StrictHostKeyChecking=yes \
        -o UserKnownHostsFile=/dev/null -p "$2" -l nobody -- "$1" true </dev/null 2>"$folder/answer" || true
    ! grep -q -E -e "$unreachable" -e '^Connection (to .* )?timed out' "$folder/answer"
}
# Silence may be a firewall's, or that of an address for SSH alone: a host that answers anywhere is not dead.
is_alive() {
    ! says ': Connection refused' || return 0
    for address in "$host" $further_addresses; do
        for other in 443 25 80; do ! answers "$address" "$other" || return 0; done
    done
    return 1
}
# Every failure to log in at the pinned host ends here, unless the host was given up.
refuse() {
    if [ "${MAILHOST_ABANDON_HOST-}" = "$host" ]; then
        echo "mailhost: warning: $host is given up (MAILHOST_ABANDON_HOST): nothing was stopped or written out there" >&2
        exit 0
    fi
    echo "mailhost: error: $1 Nothing was removed. $2" >&2
    exit 1
}
if [ "$stays" = yes ]; then
    silence="nothing was stopped there: when it comes back, it goes on as a mail host, with the token for Cloudflare in /root/.cloudflare.ini"
    way_in="Add this computer's address, or start sshd there, and run this again"
    by_hand="Put the public key back into authorized_keys on the host"
else
    silence="so its data volume was not unmounted first; the next host checks its file system before use"
    way_in="Add this computer's address, or shut the server down at the provider (the power button: its data volume is then at rest), and run this again"
    by_hand="Put the public key back into authorized_keys on the host, or unmount the data volume there yourself"
fi
gone="If that host is gone for good, run this again with MAILHOST_ABANDON_HOST=$host in the environment"
if [ "$code" != 255 ]; then
    echo "mailhost: error: $host could not be brought to rest, see above: nothing was removed" >&2
    exit 1
elif says "$unreachable" || says '^Connection (to .* )?timed out' || says ': Connection refused'; then
    ! is_alive ||
        refuse "$host is alive, but this computer can't log in at port $port: its address is not in sshAllowedCidrs, or sshd does not run there." "$way_in. $gone"
    echo "mailhost: warning: $host does not answer at any port, $silence" >&2
    exit 0
elif says 'Host key verification failed|IDENTIFICATION HAS CHANGED'; then
    refuse "$host shows another host key than the pinned one: another machine answers at this address." "$gone"
elif says 'Permission denied|Too many authentication failures|Load key'; then
    refuse "$user@$host refuses the program's SSH key." "$by_hand. $gone"
fi
refuse "the connection to $host broke, see above: whether its data is at rest is not known." "Try again. $gone"
