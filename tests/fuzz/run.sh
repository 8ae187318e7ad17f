#!/usr/bin/env bash
# Runs libFuzzer over each of the targets named, for so many seconds each; called by `make fuzz`.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=tests/fuzz/fuzz
fuzz=(env PATH="$PWD/.tools/bin:$PATH" cargo +nightly fuzz)
options=(--fuzz-dir "$here" --target-dir target/fuzz)

# The versions that everything else is built with.
cp Cargo.lock "$here/Cargo.lock"
echo "building the targets (a few minutes the first time)"
"${fuzz[@]}" build "${options[@]}"
for target in "$@"; do
    echo "fuzzing $target for $SECONDS_EACH s"
    mkdir -p "$here/corpus/$target"
    # What is found goes into the first folder.
    "${fuzz[@]}" run "${options[@]}" "$target" "$here/corpus/$target" "tests/fuzz/corpus/$target" -- \
        -max_total_time="$SECONDS_EACH" -timeout=25 -dict=tests/fuzz/dictionary.txt -print_final_stats=1 -verbosity=0
done
