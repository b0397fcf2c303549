# shellcheck shell=sh
# Runs where the program runs. Standard input: host, port, user and host key, a line each, then the private key.
set -eu
umask 077
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 129' HUP INT TERM
IFS= read -r host
IFS= read -r port
IFS= read -r user
IFS= read -r host_key
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
says() { grep -q -E -e "$1" "$folder/errors"; }
# Whether anything comes back from a port: even a refusal does.
answers() {
    LC_ALL=C ssh -F /dev/null -o BatchMode=yes -o ConnectTimeout=5 -o StrictHostKeyChecking=yes \
        -o UserKnownHostsFile=/dev/null -p "$1" -l nobody -- "$host" true </dev/null 2>"$folder/answer" || true
    ! grep -q -E -e "$unreachable" -e '^Connection (to .* )?timed out' "$folder/answer"
}
if [ "$code" != 255 ]; then
    echo "mailhost: error: $host could not be brought to rest, see above: nothing was removed" >&2
    exit 1
elif says "$unreachable" || says '^Connection (to .* )?timed out' || says ': Connection refused'; then
    # Silence may be a firewall's: a host that answers anywhere is not dead.
    for other in 443 25 80; do
        says ': Connection refused' || answers "$other" || continue
        echo "mailhost: error: $host is alive, but this computer can't log in at port $port: its address is not in sshAllowedCidrs, or sshd does not run there. Nothing was removed. Add this computer's address, or shut the server down at the provider (the power button: its data volume is then at rest), and run this again" >&2
        exit 1
    done
    echo "mailhost: warning: $host does not answer at any port, so its data volume was not unmounted first; the next host checks its file system before use" >&2
    exit 0
elif says 'Host key verification failed|IDENTIFICATION HAS CHANGED'; then
    echo "mailhost: error: $host shows another host key than the one that was made for it: another machine answers at this address. Nothing was removed. If the old host is gone for good, remove this guard from the state: pulumi state delete URN" >&2
elif says 'Permission denied|Too many authentication failures|Load key'; then
    echo "mailhost: error: $user@$host refuses the program's SSH key. Nothing was removed. Put the public key back into authorized_keys on the host, or unmount the data volume there yourself and remove this guard from the state: pulumi state delete URN" >&2
else
    echo "mailhost: error: the connection to $host broke, see above: whether its data volume is at rest is not known. Nothing was removed, try again" >&2
fi
exit 1
