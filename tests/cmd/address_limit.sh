# Where addresses are limited (batch queues, ulimit -v) each program works or says so at once; OpenBLAS, which would hang there, is
# linked by none, and opened with one thread when a product first needs it.
need tok-train tok-encode tok-decode lm-train lm-eval-ppl lm-sample lm-fim lm-plot

our_programs >programs
while read -r program; do
  ldd "$(command -v "$program")" >linked
  ! grep -qiE 'blas|lapack|gfortran' linked || fail "$program links $(grep -iE 'blas|lapack|gfortran' linked)"
done <programs

cat "$LM_SOURCE"/man/*.1 >pages.txt
head -c 60000 pages.txt >c.txt
tok-train --vocab-size 400 -o t.json c.txt
tok-encode -t t.json -o c.tok c.txt
shape=(-t t.json --layers 1 --channels 32 --context 32 --batch 2 --objective "causal:0.5,fim:0.5")
lm-train "${shape[@]}" --steps 2 -o m.st c.tok
ldd "$(command -v lm-sample)" | grep -qE 'lib[at]san' && skip "sanitizers take addresses of their own"

# limited KILOBYTES COMMAND...: it ends well, or with one line and exit 1; never by `timeout` or a signal.
limited() {
  local limit=$1 status=0
  shift
  (ulimit -v "$limit" && exec timeout 60 "$@") >stdout 2>stderr </dev/null || status=$?
  case $status in
    0) ;;
    1) expect_one_line_stderr ;;
    # The loader has no room for the program itself, and says so.
    127) grep -q 'cannot .*\(map\|allocate\)' stderr || fail "exit 127 with ulimit -v $limit: $* (stderr: $(head -c 500 stderr))" ;;
    *) fail "exit $status with ulimit -v $limit: $* (stderr: $(head -c 500 stderr))" ;;
  esac
  [ "$status" != 0 ] || succeeded=yes
}

# succeeds KILOBYTES COMMAND...: the same, and it ends well.
succeeds() {
  succeeded=no
  limited "$@"
  [ $succeeded = yes ] || fail "no success with ulimit -v $1: ${*:2} (stderr: $(head -c 500 stderr))"
}

while read -r program; do
  succeeds 150000 "$program" --help
  succeeds 150000 "$program" --version
done <programs
for limit in 20000 50000 100000 150000 300000; do
  limited $limit tok-train --vocab-size 400 --threads 2 -o t2.json c.txt
  limited $limit tok-encode -t t.json --threads 2 -o c2.tok c.txt
  limited $limit tok-decode -t t.json c.tok
  limited $limit lm-sample m.st -p x -n 2 --threads 2
  limited $limit lm-eval-ppl m.st --threads 2 c.txt
  limited $limit lm-fim m.st --prefix-file c.txt -n 2 --threads 2
  limited $limit lm-train "${shape[@]}" --steps 1 --threads 2 -o m2.st c.tok
done
# shellcheck disable=SC2016 # a command for bash
expect_exit 1 bash -c 'ulimit -v 150000 && exec timeout 60 lm-sample m.st -p x -n 1 --threads 64'
expect_one_line_stderr "cannot start '64 threads'"
grep -q 'use fewer' stderr || fail "what to do is not said: $(cat stderr)"

# Portable, products are OpenBLAS's: with room for the program only there is a message, with room for its buffers the same bits.
if grep -q '^flags.* avx2 ' /proc/cpuinfo; then succeeds 100000 lm-sample m.st -p x -n 2 --threads 1; fi
for limit in 100000 150000; do
  # shellcheck disable=SC2016 # a command for bash
  expect_exit 1 bash -c 'ulimit -v '$limit' && exec timeout 60 lm-train "$@"' - "${shape[@]}" --simd portable --threads 1 --steps 1 -o m2.st c.tok
  expect_one_line_stderr "OpenBLAS"
done
lm-train "${shape[@]}" --simd portable --threads 2 --steps 1 -o all.st c.tok
succeeds 700000 lm-train "${shape[@]}" --simd portable --threads 2 --steps 1 -o little.st c.tok
expect_same all.st little.st

# Where it is missing, or no OpenBLAS, that is said; what needs none works.
mkdir broken
echo no library | tee broken/libopenblas.so.0 >broken/libopenblas.so
LD_LIBRARY_PATH=broken expect_exit 1 lm-train "${shape[@]}" --simd portable --steps 1 -o m2.st c.tok
expect_one_line_stderr "cannot open OpenBLAS: "
grep -q 'libopenblas0' stderr || fail "what to install is not said: $(cat stderr)"
printf '1 4\n2 3\n4 2.5\n8 2.3\n' >law.points
LD_LIBRARY_PATH=broken expect_exit 1 lm-plot --data law.points
expect_one_line_stderr "cannot open OpenBLAS: "
grep -q 'libopenblas0' stderr || fail "what to install is not said: $(cat stderr)"
head -n 2 law.points | LD_LIBRARY_PATH=broken expect_exit 0 lm-plot --data
limited 100000 lm-plot --data law.points
succeeds 700000 lm-plot --data law.points
LD_LIBRARY_PATH=broken expect_exit 0 lm-sample --version
grep -q '^blas: none (cannot open OpenBLAS: .*)$' stdout || fail "--version without OpenBLAS: $(cat stdout)"
if grep -q '^flags.* avx2 ' /proc/cpuinfo; then LD_LIBRARY_PATH=broken expect_exit 0 lm-sample m.st -p x -n 2; fi
