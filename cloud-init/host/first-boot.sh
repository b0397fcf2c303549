# shellcheck shell=bash
# Needs apply.sh.

# Lines that may hold a secret are left out: the log is shown to whoever runs the program.
first_boot_log() {
    grep -v '^ci-info' /var/log/cloud-init-output.log 2>/dev/null | tail -n 40 |
        grep -viE 'passw|secret|token|private key' | sed 's/^/mailhost:   | /' || true
}

wait_for_first_boot() {
    local code=0 until=$((SECONDS + 1800))
    if ! command -v cloud-init >/dev/null; then
        say "there is no cloud-init here: nothing to wait for"
        return
    fi
    timeout 1800 cloud-init status --wait >/dev/null 2>&1 || code=$?
    # Debian 12's does not wait any more once a module has failed, while our part still runs.
    while [ "$code" != 124 ] && systemctl show --property=Job cloud-final.service | grep '^Job=[1-9]' >/dev/null; do
        if ((SECONDS < until)); then sleep 1; else code=124; fi
    done
    if [ "$code" = 124 ]; then
        first_boot_log >&2
        fail "cloud-init has not finished after 30 minutes; the end of /var/log/cloud-init-output.log is above"
    fi
    if [ "$code" != 0 ]; then
        say "cloud-init has finished, and complains ($code):"
        cloud-init status --long 2>&1 | grep -viE 'passw|secret|token|private key' | sed 's/^/mailhost:   | /' || true
    fi
    # An error of first boot stays in its status for ever. It must not keep later changes from a host that was set up.
    if [ "$code" != 0 ] && [ "$code" != 2 ] && [ ! -e /var/lib/mailhost/was-as-planned ]; then
        first_boot_log >&2
        fail "cloud-init failed; the end of /var/log/cloud-init-output.log is above. Mend the cause on the host and run" \
            "cloud-init clean --logs --reboot there, or replace the server: pulumi up --replace URN-OF-THE-SERVER"
    fi
    if [ -e /var/lib/mailhost/first-boot-failed ]; then
        say "first boot did not finish its part, this run does; the end of its log:"
        first_boot_log
    fi
}
