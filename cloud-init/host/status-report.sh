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

report_json() {
    local i
    printf '{"host":%s,"well":%s,"facts":{' "$(json_text "$(hostname -f)")" \
        "$( ((${#problems[@]} == 0)) && echo true || echo false)"
    for i in "${!names[@]}"; do
        ((i == 0)) || printf ','
        printf '%s:%s' "$(json_text "${names[$i]}")" "$(json_text "${values[$i]}")"
    done
    printf '},"problems":['
    for i in "${!problems[@]}"; do
        ((i == 0)) || printf ','
        json_text "${problems[$i]}"
    done
    printf ']}\n'
}

report() {
    local i red='' plain=''
    if [ -t 1 ]; then
        red=$'\033[31m'
        plain=$'\033[0m'
    fi
    printf '%s, %s\n\n' "$(hostname -f)" "$(date --utc '+%F %R UTC')"
    for i in "${!names[@]}"; do printf '%-13s %s\n' "${names[$i]}" "${values[$i]}"; done
    if ((${#problems[@]} == 0)); then
        printf '\nAll is well.\n'
        return
    fi
    printf '\n%sWrong:%s\n' "$red" "$plain"
    printf '  - %s\n' "${problems[@]}"
}
