# The scripts of share/lm change folders: what they are given relative to the first one is found all the same. The programs
# are replaced by some that only say that they were called.
mkdir bin code
printf '#!/bin/sh\nexit 9\n' >bin/tok-train
for program in tok-encode lm-train lm-eval-ppl lm-sample lm-fim lm-plot xz; do printf '#!/bin/sh\nexit 10\n' >bin/$program; done
printf '#!/bin/sh\nyes "Gen1:1 In the beginning" | head -n 100\n' >bin/bible
chmod +x bin/*
seq 1000 | tee text >code/1.py
for file in $(seq 2 40); do cp code/1.py "code/$file.py"; done
without_ours=${PATH#"$LM_BIN":}
expect_exit 9 env PATH="$without_ours" LM_BIN=bin "$LM_SOURCE/share/lm/demo.sh" demo
expect_exit 9 env PATH="$without_ours" LM_BIN=bin SOURCE=code "$LM_SOURCE/share/lm/demo-code.sh" demo-code
[ "$(wc -l <demo-code/train.files)" = 38 ] || fail "a relative SOURCE: $(wc -l <demo-code/train.files) files"
expect_exit 9 env PATH="$without_ours" LM_BIN=bin TEXT=text "$LM_SOURCE/share/lm/scaling.sh" scaling
expect_exit 9 env PATH="$without_ours" LM_BIN=bin TEXT=text "$LM_SOURCE/share/lm/study.sh" study

# make scaling and make study give their FOLDER as one word.
if command -v make >/dev/null; then
  for target in scaling study; do
    command=$(env -u MAKEFLAGS -u MAKELEVEL make -s -n --no-print-directory -C "$LM_SOURCE" $target FOLDER='two words' | tail -n 1)
    eval "set -- ${command##*/"$target.sh"}"
    [ "$#,$1" = '1,two words' ] || fail "FOLDER in: $command"
  done
fi

# The benchmark of memory fails if lm-train no longer says what it looks for.
printf '#!/bin/sh\nexit 0\n' >bin/tok-train
cp bin/tok-train bin/tok-encode
printf '#!/bin/sh\necho "lm-train: a peak of 7 MiB" >&2\n' >bin/lm-train
expect_exit 1 env LM_BIN="$PWD/bin" SHAPES=1 bash "$LM_SOURCE/tests/support/run_case" "$LM_SOURCE/tests/bench/memory.sh"
grep -q '^FAILED: .*a peak of 7 MiB' stderr || fail "no reason: $(cat stderr)"
