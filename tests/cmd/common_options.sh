# What all programs share: versions, help, refusals of wrong usage, and a configuration that repeats a run.

our_programs >programs
while read -r program; do
  expect_exit 0 "$program" --version
  expect_silence
  head -1 stdout | grep -q "^$program (lm-tools) [0-9]" || fail "$program --version begins: $(head -1 stdout)"
  for fact in compiler simd precision unicode; do
    grep -q "^$fact: ." stdout || fail "$program --version does not say $fact"
  done
  case $program in
    lm-info) ! grep -q '^blas' stdout || fail "lm-info names a BLAS, and multiplies nothing" ;;
    lm-*) grep -q '^blas: OpenBLAS .' stdout || fail "$program --version does not name the BLAS" ;;
    *) ! grep -q '^blas' stdout || fail "$program --version names a BLAS" ;;
  esac

  # The tier decides the BLAS core, whatever the environment asks for.
  OPENBLAS_CORETYPE=Haswell expect_exit 0 "$program" --simd portable --version
  grep -q '^simd: portable$' stdout || fail "$program: --simd portable is not in force"
  ! grep -q 'Haswell' stdout || fail "$program: the environment chose the BLAS core"

  expect_exit 0 "$program" --help
  expect_silence
  head -1 stdout | grep -q "^usage: $program " || fail "$program --help begins: $(head -1 stdout)"
  [ "$(wc -L <stdout)" -le 100 ] || fail "$program --help is $(wc -L <stdout) columns wide"
  "$program" -h | cmp - stdout || fail "$program: -h and --help differ"

  expect_exit 2 "$program" --no-such-option
  expect_one_line_stderr "unknown option '--no-such-option'"
  grep -q "^$program: .*; see --help$" stderr || fail "$program: $(cat stderr)"
  [ ! -s stdout ] || fail "$program: wrong usage writes to stdout"
  for wrong in '--threads 0' '--threads x' '--simd mmx' '--config no/such.toml' '--config no-such-name' '--threads'; do
    # shellcheck disable=SC2086 # two words
    expect_exit 2 "$program" $wrong
    expect_one_line_stderr
  done

  printf 'no-such-key = 1\n' >unknown.toml
  expect_exit 2 "$program" --config unknown.toml
  expect_one_line_stderr "unknown key 'no-such-key'"
  printf 'threads = 1\nverbose = true\n' >known.toml
  expect_exit 0 "$program" --config known.toml --dump-config
  expect_silence
  grep -qx 'threads = 1' stdout || fail "$program: --dump-config forgets a key of --config"
  cp stdout dumped.toml
  expect_exit 0 "$program" --config dumped.toml --dump-config
  expect_same stdout dumped.toml
done <programs
