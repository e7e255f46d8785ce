#!/bin/sh
# Finds a Chromium for the browser tests, or tries to install one.
# Without one it prints that, and fails only under REQUIRE_BROWSER=1.
set -u
cd "$(dirname "$0")/.."

python=.venv/bin/python
download_limit=120 # seconds; without a network the download may hang instead of failing
log=$(mktemp)
trap 'rm -f "$log"' EXIT

found() {
    path=$($python tests/browser/chromium.py) && echo "Browser: $path" && exit 0
}

# Installs Debian's package; the arguments are a prefix such as sudo, or none.
install_package() {
    command -v apt-get >/dev/null || return 1
    export DEBIAN_FRONTEND=noninteractive
    "$@" apt-get update >"$log" 2>&1 </dev/null && "$@" apt-get install -y chromium-headless-shell >>"$log" 2>&1 </dev/null
}

found
if [ -n "${CHROMIUM:-}" ]; then
    echo "CHROMIUM=$CHROMIUM does not start." >&2
else
    echo "No Chromium here: downloading Playwright's."
    $python - "$download_limit" >"$log" 2>&1 <<'LIMITED'
import subprocess, sys
subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], timeout=int(sys.argv[1]))
LIMITED
    found
    tail -n 1 "$log"
    if [ "$(id -u)" = 0 ]; then
        echo "That failed: installing the system's chromium-headless-shell package."
        install_package
    elif sudo -n true 2>/dev/null; then
        echo "That failed: installing the system's chromium-headless-shell package."
        install_package sudo -n
    fi
    found
    tail -n 1 "$log"
fi

if [ "${REQUIRE_BROWSER:-}" = 1 ]; then
    echo "The browser tests need a Chromium and none could be had; name one with CHROMIUM=/path/to/chromium." >&2
    exit 1
fi
echo "None could be had: the browser tests will be skipped."
