# Two runs into one MODEL or one state: the second is refused at once, names the first, and touches nothing. Locks leave no files
# behind, except those of a killed run, which the next run takes over; so do temporary folders.
# shellcheck disable=SC2154 # make_training sets shape
need tok-train tok-encode lm-train

make_training

# begin OUTPUT...: a run that stays inside its steps until finish or its end by a signal; its process in $first.
begin() {
  make_gate
  lm-train -t tok.json "${shape[@]}" --steps 90 --metrics gate "$@" train.tok 2>first.stderr &
  first=$!
  open_gate
}
finish() {
  cat <&9 >/dev/null
  exec 9<&-
  wait $first || true
}
# refused NAME LM-TRAIN'S ARGUMENTS...: exit 1, a line that names NAME, the first run and what to do, and nothing new.
refused() {
  local name=$1 before
  shift
  before=$(ls -A . sub)
  expect_exit 1 train --steps 2 "$@" train.tok
  expect_one_line_stderr "cannot write '$name': process $first on host '$(uname -n)'"
  expect_one_line_stderr "wait until it has ended"
  [ "$(ls -A . sub)" = "$before" ] || fail "a refused run left files"
}
no_locks() {
  local found
  found=$(find . -name '.*' -type f)
  [ -z "$found" ] || fail "locks or temporaries are left: $found"
}

mkdir sub
touch stdout stderr
begin -o model
grep -qx "$first $(uname -n)" .model.lock || fail "the lock does not say who holds it: $(cat .model.lock)"
[ -e .model.state.lock ] || fail "the state is not locked"
refused model -o model
refused sub/../model -o sub/../model
refused model --resume=auto -o model
refused model.state -o other --checkpoint model.state
refused model.state -o model.state --checkpoint other
# What writes nothing needs no lock.
expect_exit 0 train --steps 2 -o model --dry-run train.tok
expect_exit 0 train --steps 2 -o model --show-examples 1 train.tok
expect_exit 0 train --steps 2 -o /dev/null train.tok
expect_exit 0 bash -c "lm-train -t tok.json ${shape[*]} --steps 2 -o - train.tok | cat >piped"
[ -z "$(ls .piped.lock /dev/.null.lock 2>/dev/null)" ] || fail "a lock of what is no file"
finish
no_locks
cmp piped <(train --steps 2 -o - train.tok) || fail "another model in a pipe"
expect_exit 0 train --steps 95 --resume -o model train.tok
no_locks

# A failed run leaves none.
expect_exit 1 train --steps 2 -o fresh corpus.txt
no_locks

# A killed run leaves locks that hold nobody up, and a folder has one too, beside it.
ln -s folder link
begin -o folder/
refused folder/ -o folder/
mkdir folder
refused folder -o folder
refused link/ -o link/
{ kill -KILL $first; wait $first || true; } 2>/dev/null
finish
[ -e .folder.lock ] || fail "the lock of a killed run is removed by whom?"
# As a run leaves it that is killed while it writes the folder.
mkdir .folder.99999999.tmp
touch .folder.99999999.tmp/config.json .folder.99999999.tmp/.model.safetensors.99999999.tmp
touch folder/.model.safetensors.99999999.tmp
mkdir .folder.mine.tmp .folder.12.tmp
touch .folder.12.tmp/precious
expect_exit 0 train --steps 2 -o folder/ train.tok
expect_silence
[ "$(cd folder && echo .[!.]* *)" = ".[!.]* config.json generation_config.json model.safetensors tokenizer.json tokenizer_config.json" ] ||
  fail "another folder: $(ls -A folder)"
[ ! -e .folder.99999999.tmp ] || fail "a temporary folder outlives the run that cleans it"
[ -d .folder.mine.tmp ] || fail "a folder that no run made is cleaned"
[ -e .folder.12.tmp/precious ] || fail "a file that no run made is cleaned"
rm -r .folder.mine.tmp .folder.12.tmp
no_locks
