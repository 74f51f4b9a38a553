# What lm-objectives(7) shows of --show-examples is what the program prints, to the byte.
need tok-train tok-encode lm-train

page=$LM_SOURCE/man/lm-objectives.7
# Each command of EXAMPLES to NUMBER.command, and the output that the page shows to NUMBER.expected.
awk '/^\.Sh / { inside = ($2 == "EXAMPLES") }
     !inside { next }
     /^\.(Bd|Ed|Pp)/ { file = ""; next }
     /^\$ / { ++number; file = number ".command"; sub(/^\$ /, ""); sub(/\\e$/, "\\"); print > file; next }
     /^> / { sub(/^> /, ""); sub(/\\e$/, "\\"); print > file; next }
     file { file = number ".expected"; print > file }' "$page"
shown=0
for ((number = 1; ; ++number)); do
  [ -e $number.command ] || break
  grep -q -- '--steps' $number.command && break # what follows rests on training
  bash -o pipefail -c "$(cat $number.command)" >output </dev/null || fail "exit $?: $(cat $number.command)"
  [ -e $number.expected ] || continue
  cmp $number.expected output || fail "the page shows something else: $(cat $number.command)"
  shown=$((shown + 1))
done
[ $shown = 5 ] || fail "$shown examples, not one of each objective"
