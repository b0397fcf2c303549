# shellcheck shell=sh
umask 077
folder=$(mktemp -d /run/mailhost-script.XXXXXX) || exit
trap 'rm -rf "$folder"' EXIT
trap 'exit 129' HUP INT TERM
cat >"$folder/script" || exit
if [ "$(tail -n 1 "$folder/script"; printf x)" != "$(printf '@END_MARKER@%s\nx' "$(sed '$d' "$folder/script" | sha256sum | cut -c 1-64)")" ]; then
    echo 'mailhost: error: the script arrived incomplete, nothing of it was run: the connection was cut, try again' >&2
    exit 75
fi
# Open, and already gone: whatever ends this shell, no script and no secret in it stays behind.
exec 3<"$folder/script" 9>@LOCK_FILE@
rm -rf "$folder"
if ! flock -w 900 9; then
    echo 'mailhost: error: another script has been running on this host for 15 minutes, this one was not run: try again when it is done' >&2
    exit 75
fi
code=0 begun=$(date +%s)
timeout -k 30 3600 bash -euo pipefail /dev/fd/3 </dev/null || code=$?
if [ "$(($(date +%s) - begun))" -ge 3600 ]; then echo 'mailhost: error: the script was ended after an hour; run again, it goes on where it was' >&2; fi
exit "$code"
