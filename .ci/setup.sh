#!/bin/sh
# Creates .venv if there is none, and installs the given requirements file unless that is done.
# A copy of the file in .venv records what is installed, so that no network is needed again.
set -eu
cd "$(dirname "$0")/.."

requirements=$1
venv=.venv
installed=$venv/$requirements.installed
unfinished=$venv/unfinished # process id of the set-up that is filling .venv

fail() {
    echo "$*" >&2
    exit 1
}

version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

is_new_enough() {
    case $1 in
        3.1[1-9] | 3.[2-9][0-9]) return 0 ;;
        *) return 1 ;;
    esac
}

# Prints the first suitable Python of the arguments; fails with one sentence if there is none.
choose_python() {
    found=
    for candidate in "$@"; do
        version=$(version_of "$candidate") || continue
        if ! is_new_enough "$version"; then
            found="but $candidate is Python $version"
        elif ! "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
            found="and $candidate would do if it could make virtual environments: install its venv package (python3-venv on Debian and Ubuntu)"
        else
            echo "$candidate"
            return
        fi
    done
    fail "The workbench needs Python 3.11 or newer, ${found:-but there is no ${PYTHON:-python3} here}; to name another: make setup PYTHON=/path/to/python3."
}

if [ -e $unfinished ]; then
    other=$(cat $unfinished)
    if ps -p "${other:-0}" -o args= 2>/dev/null | grep -v defunct | grep -q setup.sh; then
        fail "Another set-up (process $other) is filling $venv: wait until it ends, then try again."
    fi
    echo "The last set-up was interrupted: making $venv afresh."
    rm -rf $venv
fi

cmp -s "$requirements" "$installed" && version_of $venv/bin/python >/dev/null && exit 0

if ! is_new_enough "$(version_of $venv/bin/python)" || ! $venv/bin/python -c 'import pip' 2>/dev/null; then
    if [ -n "${PYTHON:-}" ]; then
        python=$(choose_python "$PYTHON")
    else
        python=$(choose_python python3.13 python3.12 python3.11 python3)
    fi
    echo "Making $venv with $python ($(version_of "$python"))."
    rm -rf $venv
    mkdir $venv
    echo $$ >$unfinished
    "$python" -m venv $venv
fi

echo "Installing $requirements; the first time this takes some minutes."
echo $$ >$unfinished
if ! $venv/bin/python -m pip install --no-input --disable-pip-version-check -r "$requirements"; then
    rm $unfinished
    fail "Installing $requirements failed, for the reason above; nothing is lost: the same command goes on from here."
fi
cp "$requirements" "$installed"
rm $unfinished
