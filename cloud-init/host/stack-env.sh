# shellcheck shell=bash

data=${data:?}

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

# Prints the file that tells what the data is encrypted with: the one in place, else that of a kept release; nothing where
# none does. file_of_key NAME
file_of_key() {
    local file
    for file in "$data/.env" "$data/releases/good/files/.env" "$data/releases/current/files/.env"; do
        if [ -e "$file" ] && [ -n "$(env_value "$1" <"$file")" ]; then
            printf '%s' "$file"
            return
        fi
    done
}
