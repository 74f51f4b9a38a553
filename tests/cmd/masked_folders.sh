# Masked models of Hugging Face have minicons' pseudo-log-likelihoods: [CLS] before a text, [SEP] after it, words by their marks.
need lm-eval-ppl lm-sample perl

golden=$LM_SOURCE/tests/golden
cp -r "$golden/families/bert" "$golden/families/modernbert" .
perl -MJSON::PP -e '
  local $/; my $golden = JSON::PP->new->canonical->decode(<STDIN>);
  for my $name ("bert", "modernbert") {
    open my $file, ">", "$name/tokenizer.json"; print $file JSON::PP->new->canonical->encode($golden->{tokenizer});
  }
  open my $texts, ">", "texts"; print $texts "$_\n" for @{$golden->{texts}};
  for my $key (keys %{$golden->{nats}}) {
    open my $nats, ">", "$key.nats"; print $nats "$_\n" for @{$golden->{nats}{$key}};
  }' <"$golden/masked.json"

# same OURS THEIRS: numbers within 1e-4.
same() {
  paste "$1" "$2" | awk '{ d = $1 - $2; if (d > 1e-4 || d < -1e-4) { print; bad = 1 } } END { exit bad || NR != 4 }' ||
    fail "$2 differs: $(paste "$1" "$2")"
}
for name in bert modernbert; do
  for way in token within-word; do
    options=(-q)
    [ $way = token ] || options+=(--within-word)
    lm-eval-ppl "${options[@]}" --documents line --level document --json $name texts >report
    grep -oE '"pseudo_nats":[0-9.]+' report | sed 's/.*://' >ours
    same ours "$name $way.nats"
  done
  grep -q 'begin \[CLS\] end \[SEP\]"' report || fail "the protocol does not name what is put around: $(head -1 report)"
done

# A mask is filled with what both sides say; from left to right such a model says nothing.
lm-sample -q bert -p 'the cat [MASK] on the mat.' --probs 2 --json >filled
[ "$(grep -o '"id":' filled | wc -l)" = 2 ] || fail "$(cat filled)"
expect_exit 1 lm-sample -q bert -p 'the cat'
expect_one_line_stderr 'write [MASK] where it should predict a token'
