# shellcheck shell=bash
# The machine stays when its program lets go of it: its data does too, and nothing of the mail host comes back at the
# next boot. Needs stop-stack.sh.

mount_point=${mount_point:?}
device_file=${device_file:?}

for unit in mailhost-stack.service mailhost-renew.timer; do
    systemctl disable --quiet --now "$unit" 2>/dev/null || true
done
# The program's own credential; what reads it will not run again before a new one is sent.
rm -f /root/.cloudflare.ini
# No replacement comes that would start these again; a later set-up brings its own.
rm -f /var/lib/mailhost/stopped-containers
place=$(cat "$device_file" 2>/dev/null || echo "$mount_point")
if [ "$place" = "$mount_point" ]; then
    place="in $mount_point"
else
    place="on $place (mounted at $mount_point from the next boot on)"
fi
say "left on this machine: all mail, keys and certificates $place, the packages, the firewall and the host's settings;" \
    "the services are stopped and do not start at boot"
