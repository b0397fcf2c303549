# shellcheck shell=bash
# How the status is shown: names and values, then what is wrong.
# shellcheck disable=SC2154  # status.sh sets what is shown.

json_text() {
    local text=$1
    text=${text//\\/\\\\}
    text=${text//\"/\\\"}
    text=${text//$'\t'/ }
    printf '"%s"' "${text//[[:cntrl:]]/ }"
}

json_list() {
    local text comma=
    printf '['
    for text in "$@"; do
        printf '%s%s' "$comma" "$(json_text "$text")"
        comma=,
    done
    printf ']'
}

report_json() {
    local i
    printf '{"host":%s,"well":%s,"underWay":%s,"facts":{' "$(json_text "$(hostname -f)")" \
        "$( ((${#problems[@]} == 0)) && echo true || echo false)" \
        "$(if [ -n "$under_way" ]; then json_text "$under_way"; else echo null; fi)"
    for i in "${!names[@]}"; do
        ((i == 0)) || printf ','
        printf '%s:%s' "$(json_text "${names[$i]}")" "$(json_text "${values[$i]}")"
    done
    printf '},"problems":%s,"unsettled":%s}\n' "$(json_list "${problems[@]}")" "$(json_list "${unsettled[@]}")"
}

report() {
    local i red='' plain=''
    if [ -t 1 ]; then
        red=$'\033[31m'
        plain=$'\033[0m'
    fi
    printf '%s, %s\n\n' "$(hostname -f)" "$(date --utc '+%F %R UTC')"
    for i in "${!names[@]}"; do printf '%-13s %s\n' "${names[$i]}" "${values[$i]}"; done
    if [ -n "$under_way" ]; then
        printf '\n%s: look again when that is done.\n' "${under_way^}"
        if ((${#unsettled[@]} > 0)); then
            printf 'Until then:\n'
            printf '  - %s\n' "${unsettled[@]}"
        fi
    fi
    if ((${#problems[@]} > 0)); then
        printf '\n%sWrong:%s\n' "$red" "$plain"
        printf '  - %s\n' "${problems[@]}"
    elif [ -z "$under_way" ]; then
        printf '\nAll is well.\n'
    fi
}
