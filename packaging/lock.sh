#!/bin/sh
# Writes packaging/constraints.txt from what .venv holds. Run as `make lock` after a deliberate change of versions.
set -eu
cd "$(dirname "$0")/.."
{
    echo "# The lock: every package of a tested environment ($(.venv/bin/python -V), Linux). Written by 'make lock'."
    echo "# torch stands without a build suffix, so that CPU and CUDA builds both satisfy it."
    .venv/bin/python -m pip freeze --exclude-editable --exclude pip --exclude setuptools --exclude wheel \
        --exclude medsynth | sed -e 's/^\(torch==[0-9.]*\)+.*$/\1/' | grep -v -e ' @ ' -e '^#'
} > packaging/constraints.txt
