#!/bin/sh
# The steps of the Dockerfile. They also run in a Debian root that debootstrap made (docs/deployment.md).
#   container.sh system                 packages of Debian, and the user that runs the app
#   container.sh packages cpu|cuda [1]  /opt/venv, with 1 also requirements-scale.txt
#   container.sh app                    what the app writes into its own folder, and compiled modules
set -eu
cd "$(dirname "$0")/.."

system() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update
    apt-get install --yes --no-install-recommends ca-certificates python3 python3-venv
    rm -rf /var/lib/apt/lists/*
    useradd --uid 1000 --create-home --shell /usr/sbin/nologin workbench
    install --directory --owner workbench --group workbench /workspace
}

packages() {
    python3 -m venv /opt/venv
    set -- "$1" "${2:-}" /opt/venv/requirements.txt
    case $1 in
        cuda) cp requirements.txt "$3" ;;
        cpu) # Builds without CUDA's libraries, which take 4 GB
            export PIP_EXTRA_INDEX_URL="${PIP_EXTRA_INDEX_URL:-} ${TORCH_CPU_INDEX-https://download.pytorch.org/whl/cpu}"
            sed -e '/^faiss-cpu==/d' -e 's/^faiss-gpu==\([^ ;]*\).*/faiss-cpu==\1/' \
                -e 's/^torch==\([^ +]*\)$/torch==\1+cpu/' requirements.txt >"$3"
            ;;
        *)
            echo "VARIANT must be cpu or cuda, not $1." >&2
            exit 1
            ;;
    esac
    set -- "$@" -r "$3"
    [ "$2" = 1 ] && set -- "$@" -r requirements-scale.txt
    shift 3
    /opt/venv/bin/pip install --no-cache-dir --no-input --disable-pip-version-check "$@"
}

app() {
    chown workbench:workbench static
    /opt/venv/bin/python -m compileall -q core pages state Home.py serve.py
}

step=$1
shift
"$step" "$@"
