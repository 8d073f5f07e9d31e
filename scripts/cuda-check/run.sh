#!/bin/sh
# Builds the addons against this machine's libtorch (the one that LIBTORCH names, else Python's torch), checks that GPU
# and processor give the same results, and measures training steps, also those of PyTorch if python3 has torch.
# Needs only g++: no Node, no network.
#
#   sh run.sh [--device cpu|cuda] [--seconds 5]      --seconds: time to measure each configuration
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -xzf "$here/sdgan.tar.gz" -C "$work"
PATH="$work/bin:$PATH"
export PATH
cd "$work"
node packages/torch/scripts/build.mjs
node packages/images/scripts/setup.mjs
node packages/sdgan/bin/sdgan.js doctor
status=0
node scripts/cuda-check/check.mjs "$@" || status=1
node scripts/cuda-check/measure.mjs "$@" || status=1
case "$*" in *cpu*) usable=True ;; *) usable="torch.cuda.is_available()" ;; esac
if python3 -c "import sys, torch; sys.exit(not $usable)" 2>/dev/null; then
  node bench/gpu.mjs "$@" || status=1
else
  echo "No comparison with PyTorch: python3 has no torch for this device."
fi
exit $status
