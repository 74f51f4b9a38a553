# Standard output is checked to the last byte, closed descriptors are no surprise, and a closed pipe ends a program quietly.

our_programs >programs
while read -r program; do
  if [ -w /dev/full ]; then
    status=0
    "$program" --help >/dev/full 2>stderr || status=$?
    [ $status = 1 ] || fail "$program --help >/dev/full: exit $status"
    expect_one_line_stderr "standard output"
  fi

  status=0
  "$program" --version >&- 2>stderr || status=$?
  [ $status = 1 ] || fail "$program --version with a closed stdout: exit $status"
  expect_one_line_stderr "standard output"

  expect_exit 0 "$program" --version <&-
  status=0
  "$program" --no-such-option 2>&- >stdout || status=$?
  [ $status = 2 ] || fail "$program with a closed stderr: exit $status"

  # A reader that leaves ends the program, by SIGPIPE where it still writes, even if the caller ignores that signal.
  (trap '' PIPE && "$program" --help 2>stderr | head -1 >stdout) || true
  expect_silence
  grep -q '^usage: ' stdout || fail "$program --help | head -1 printed: $(cat stdout)"
done <programs

# An endless input ends with its reader.
if command -v tok-train >/dev/null && command -v tok-encode >/dev/null; then
  printf 'one two three\nfour five six\n' >text
  tok-train --vocab-size 300 --no-reserved -o tok.json text
  set +o pipefail
  yes 'one two three' | timeout 60 tok-encode -t tok.json --documents line --format ids - 2>stderr | head -1 >stdout
  status=${PIPESTATUS[1]}
  set -o pipefail
  [ "$status" = 141 ] || fail "tok-encode | head -1: exit $status instead of ending by SIGPIPE"
  expect_silence
  [ -s stdout ] || fail "tok-encode | head -1 printed nothing"
fi
