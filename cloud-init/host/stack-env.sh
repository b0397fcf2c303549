# shellcheck shell=bash

# env_value NAME <FILE: the value that a reader of `.env` files gets, without its quotes.
env_value() {
    awk -v name="$1" -v quote="'" '
        { sub(/\r$/, ""); sub(/^[ \t]*(export[ \t]+)?/, "") }
        index($0, name) == 1 && substr($0, length(name) + 1) ~ /^[ \t]*=/ {
            value = substr($0, length(name) + 1)
            sub(/^[ \t]*=[ \t]*/, "", value)
            first = substr(value, 1, 1)
            if ((first == "\"" || first == quote || first == "`") && (end = index(substr(value, 2), first)) > 0) {
                value = substr(value, 2, end - 1)
            } else {
                sub(/[ \t]+#.*$/, "", value)
                sub(/[ \t]+$/, "", value)
            }
        }
        END { print value }'
}
