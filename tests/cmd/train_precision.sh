# --precision: what mixed chooses is reported and kept, a 16-bit run resumes bit by bit, and what the CPU lacks is refused.
need tok-train tok-encode lm-train

make_training --layers 2 --channels 32 --heads 2 --context 32 --batch 4
precision_of() { sed -n 's/.*"precision":"\([a-z0-9]*\)".*/\1/p'; }

# mixed is resolved before anything is trained, and -v says to what.
train --precision mixed --dry-run --json train.tok >report
chosen=$(precision_of <report)
case $chosen in fp32 | bf16 | fp16) ;; *) fail "mixed became '$chosen'" ;; esac
expect_exit 0 train --precision mixed --steps 2 -v -o said train.tok
grep -q 'products are computed in [bf]' stderr || fail "-v does not say the precision"

lm-train --version | sed -n 's/^precision: //p' >known
grep -qw fp32 known || fail "--version does not list the precisions"
for precision in bf16 fp16; do
  if ! grep -qw $precision known; then
    expect_exit 1 train --precision $precision --steps 1 -o refused train.tok
    expect_one_line_stderr "lacks AVX512-${precision^^}"
    continue
  fi
  # The tier matters too.
  expect_exit 1 train --precision $precision --simd avx2 --steps 1 -o refused train.tok
  expect_one_line_stderr "tier avx512"

  train --steps 40 --precision $precision --threads 2 -o whole train.tok
  train --steps 40 --precision $precision --threads 1 -o one train.tok
  cmp whole one
  for file in whole whole.state; do
    head -c 20000 $file | tr -d "\\\\" | grep -qa "\"precision\":\"$precision\"" || fail "$file does not say $precision"
  done
  train --steps 40 --precision fp32 -o single train.tok
  ! cmp -s whole single || fail "$precision makes the same model as fp32"

  # A resumed run keeps the choice, whether it is named, left out, or mixed again.
  for again in "--precision $precision" "" "--precision mixed"; do
    rm -f part part.state
    train --steps 15 --schedule constant --warmup 1 --precision $precision -o part train.tok
    # shellcheck disable=SC2086
    train --steps 40 $again --resume -o part train.tok
    train --steps 40 --schedule constant --warmup 1 --precision $precision -o straight train.tok
    cmp part straight
  done
  expect_exit 1 train --steps 50 --precision fp32 --resume -o part train.tok
  expect_one_line_stderr "--precision was"
  train --precision $precision --dry-run --json train.tok | grep -q '"memory_rounded":[1-9]' || fail "no memory for copies"
done
train --dry-run --json train.tok | grep -q '"memory_rounded":0' || fail "fp32 has copies"
expect_exit 2 train --precision half --steps 1 -o refused train.tok
