#!/bin/sh
# Runs a command with its temporary files in memory, if there is room: tests sync so many files that a
# disk takes most of their time.
set -eu
needed_kb=${1:?kilobytes of room}
shift

free_kb() {
    df -Pk /dev/shm 2>/dev/null | awk 'END { print $4 + 0 }'
}

available_kb() {
    awk '/^MemAvailable:/ { print $2 }' /proc/meminfo 2>/dev/null || echo 0
}

if [ -w /dev/shm ] && [ "$(free_kb)" -ge "$needed_kb" ] && [ "$(available_kb)" -ge "$needed_kb" ]; then
    folder=$(mktemp -d /dev/shm/tests.XXXX)
    trap 'rm -rf "$folder"' EXIT
    trap 'exit 130' INT TERM
    TMPDIR=$folder "$@"
else
    exec "$@"
fi
