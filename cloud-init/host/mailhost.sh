#!/bin/bash
# The mail host's own command.
set -euo pipefail

library=@LIBRARY@

usage() {
    cat <<'END'
Usage: mailhost COMMAND

  status [--json]  what runs, and what should but does not, with the likely cause
  logs [NAME…]     what services and units have said; --follow, --since TIME, --lines N
  renew [--force]  renews the certificates that are due (all of them: the authority's limits count these too)
  setup            how the host is set up
  backup           not part of this version
  restore          not part of this version
  upgrade          how the host is upgraded
  menu             these to choose from, on a terminal; also what no command at all does
  help             says this
END
}

fail() {
    printf 'mailhost: error: %s\n' "$1" >&2
    exit "${2:-1}"
}

setup() {
    printf '%s\n' "This host is set up from the computer on which its program is: pulumi up there." \
        "Here is how it is:" ''
    "$library/status"
}

missing() {
    fail "$1 is not part of this version: nothing was done. $2"
}

upgrade() {
    printf '%s\n' 'Security upgrades of the system install themselves every night, and reboot the host when they need to.' \
        'The mail services: npx mailhost pin --mail-tag v1.2.3 (in a clone: npm run mailhost -- pin --mail-tag v1.2.3),' \
        'then pulumi up, on the computer on which the program is. A release that does not serve is undone.'
    missing 'An upgrade of the mail services on a schedule' 'Run the two commands above when there is a release.'
}

renew() {
    [ "$(id -u)" = 0 ] || fail "certificates are root's: sudo mailhost renew"
    exec "$library/certificates" renew "$@"
}

menu() {
    local choice words
    while :; do
        show_menu
        read -r -p 'Choose 1 to 9, or q to leave: ' choice || break
        words=()
        case $choice in
            1) words=(setup) ;;
            2) words=(backup) ;;
            3) words=(upgrade) ;;
            4) words=(renew) ;;
            5) words=(restore) ;;
            6) words=(help) ;;
            7 | q | Q) exit 0 ;;
            8) words=(status) ;;
            9)
                read -r -p 'Of which service or unit (none: of every service): ' -a words || break
                words=(logs "${words[@]}")
                ;;
            *) printf 'There is no entry %s.\n' "$choice" ;;
        esac
        # What fails has said so; Ctrl-C, which ends logs that are followed, ends nothing else.
        if ((${#words[@]} > 0)); then
            trap : INT
            "${BASH_SOURCE[0]}" "${words[@]}" || true
            trap - INT
        fi
    done
    printf '\n'
    exit 0
}

show_menu() {
    cat <<END

Mail host $(hostname -f)

  1  Initial setup
  2  Setup Backups
  3  Setup Auto Upgrades
  4  Renew certificates
  5  Restore from Backup
  6  Help
  7  Exit
  8  Status
  9  Logs

END
}

# run COMMAND…: ends with the command's own result.
run() {
    case $1 in
        help | -h | --help) usage ;;
        status | logs) exec "$library/$1" "${@:2}" ;;
        renew) renew "${@:2}" ;;
        menu)
            if [ -t 0 ] && [ -t 1 ]; then menu; fi
            fail 'the menu needs a terminal: ssh -t gives a command one' 64
            ;;
        setup) setup ;;
        upgrade) upgrade ;;
        backup)
            missing 'A backup' 'The data volume outlives the server; snapshots of it are the provider'\''s affair until then.'
            ;;
        restore)
            missing 'A restore' 'A volume that has data already is adopted: docs/operations.md of the program says how.'
            ;;
        dns | pin | recover)
            fail "$1 is a command on the computer on which the program is: npx mailhost $1 (in a clone: npm run mailhost -- $1)" 64
            ;;
        *)
            printf 'mailhost: error: there is no command %s\n' "$1" >&2
            usage >&2
            exit 64
            ;;
    esac
    exit
}

if (($# > 0)); then run "$@"; fi
if [ -t 0 ] && [ -t 1 ]; then menu; fi
usage >&2
exit 64
