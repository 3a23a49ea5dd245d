# Sourced by the other scripts: goes to the top of the package and defines how they report.
# shellcheck shell=bash

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

# step TEXT: what begins now, with the minutes and seconds since the script began.
step() { printf '[%02d:%02d] %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*"; }

# note TEXT: something to know that stops nothing.
note() { printf '        %s\n' "$*"; }

# fail TEXT: why the script ends here.
fail() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}
