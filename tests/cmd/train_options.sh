# What lm-train prints, refuses and writes.
need tok-train tok-encode lm-train

cat "$LM_SOURCE"/man/*.[157] >pages.txt
head -c 30000 pages.txt >corpus.txt
tok-train --vocab-size 400 -o tok.json corpus.txt
tok-encode -t tok.json -o train.tok corpus.txt
shape=(--layers 1 --channels 32 --heads 2 --context 32 --batch 4)
train() { lm-train -t tok.json "${shape[@]}" "$@"; }

# One pair for each token of the sentence, the first from end-of-text, and one for the closing end-of-text.
printf 'The capital of France is Paris.' | tok-encode -t tok.json -o sentence.tok -
lm-train -t tok.json --show-examples 1 sentence.tok >examples
tokens=$(printf 'The capital of France is Paris.' | tok-encode -t tok.json --format ids - | wc -w)
[ "$(grep -vc '^#' examples)" = $((tokens + 1)) ] || fail "$(grep -vc '^#' examples) pairs for $tokens tokens and the closing one"
[ "$(grep -v '^#' examples | head -1 | cut -f1)" = '<|endoftext|>' ] || fail "the first input is not end-of-text"
[ "$(grep -v '^#' examples | tail -1 | cut -f2)" = '<|endoftext|>' ] || fail "the last target is not end-of-text"
text=$(grep -v '^#' examples | cut -f2 | sed '$d; s/^"//; s/"$//' | tr -d '\n')
[ "$text" = 'The capital of France is Paris.' ] || fail "the targets spell '$text'"
[ "$(grep -v '^#' examples | cut -f3 | sort -u)" = 1.0 ] || fail "a weight is not 1"

# Looking costs nothing and writes nothing.
train --dry-run train.tok >report
grep -q '^parameters  *[0-9]' report || fail "no parameters in the report"
train --dry-run --json --steps 7 train.tok | grep -q '"steps":7' || fail "no steps in the JSON"

# Usage: exit 2 with one line.
expect_usage() { expect_exit 2 lm-train "$@"; expect_one_line_stderr; }
expect_usage -t tok.json -o model train.tok
expect_usage -t tok.json --steps 1 train.tok
expect_usage -t tok.json --steps 1 -o model
expect_usage --steps 1 -o model train.tok
expect_usage -t tok.json --steps 1 --schedule steep -o model train.tok
expect_usage -t tok.json --steps 1 --objective causality -o model train.tok
expect_usage -t tok.json --steps 1 --betas 0.9 -o model train.tok
expect_usage -t tok.json --steps 1 --dropout 1.5 -o model train.tok
expect_usage -t tok.json --steps 1 --resume=maybe -o model train.tok
expect_usage -t tok.json --one-pass --valid-fraction 0.1 --steps 1 -o model train.tok
expect_usage -t tok.json --one-pass --time 1s -o model train.tok
expect_usage -t tok.json --steps 1 --channels 30 --heads 4 -o model train.tok
expect_usage -t tok.json --steps 1 --kv-heads 3 --heads 4 -o model train.tok
expect_usage -t tok.json --steps 1 --keep best -o model train.tok
expect_usage -t tok.json --steps 1 --valid train.tok --valid-fraction 0.1 -o model train.tok
expect_usage -t tok.json --steps 1 --batch 4G -o model train.tok
expect_usage -t tok.json --steps 1 --layers 100M -o model train.tok
expect_usage -t tok.json --epochs 1G -o model train.tok
expect_usage -t tok.json --time 0s -o model train.tok
expect_usage -t tok.json --time 1s --decay-share 1 -o model train.tok
expect_usage -t tok.json --steps 1 --checkpoint - -o model train.tok
expect_usage -t tok.json --steps 1 --valid - -o model -
expect_usage -t tok.json --show-examples 1 --json train.tok
# No file is read and overwritten, or written twice.
expect_usage -t tok.json --steps 1 -o train.tok train.tok
expect_usage -t tok.json --steps 1 -o ./train.tok train.tok
expect_usage -t tok.json --steps 1 -o tok.json train.tok
expect_usage -t tok.json --steps 1 --checkpoint model -o model train.tok
expect_usage -t tok.json --steps 1 --metrics model -o model train.tok
expect_usage -t tok.json --steps 1 --metrics train.tok -o model train.tok

# Errors: exit 1 with one line, nothing written.
expect_error() { local text=$1; shift; expect_exit 1 lm-train "$@"; expect_one_line_stderr "$text"; }
expect_error "no-such.tok" -t tok.json --steps 1 -o model no-such.tok
expect_error "folder" -t tok.json --steps 1 -o no/such/folder/model train.tok
mkdir occupied
echo mine >occupied/notes.txt
expect_error "notes.txt" -t tok.json --time 1h -o occupied/ train.tok
expect_error "a file has that name" -t tok.json --time 1h -o train.tok/ train.tok
tok-train --vocab-size 390 -o other.json corpus.txt
expect_error "made with tokenizer" -t other.json --steps 1 -o model train.tok
expect_error "no/such/place" -t tok.json --steps 1 --checkpoint no/such/place -o model train.tok
head -c 0 corpus.txt >nothing.tok
expect_error "nothing.tok" -t tok.json --steps 1 -o model nothing.tok
cp train.tok flipped.tok
printf '\1\1' | dd of=flipped.tok bs=1 seek=1000 conv=notrunc status=none
expect_error "flipped.tok" -t tok.json --steps 1 -o model flipped.tok
{ [ ! -e model ] && [ ! -e model.state ]; } || fail "an error wrote something"
expect_exit 1 train --steps 1 -o /dev/full train.tok
expect_one_line_stderr

cp corpus.txt kept
(ulimit -f 20 && expect_exit 1 lm-train -t tok.json "${shape[@]}" --steps 1 --checkpoint /dev/null -o kept train.tok && expect_one_line_stderr "kept")
expect_same kept corpus.txt

# A state that cannot be written costs neither the run nor the model.
expect_exit 1 train --steps 2 --checkpoint /dev/full --checkpoint-every 0s -o stateless train.tok
{ [ "$(grep -c 'training continues' stderr)" = 2 ] && tail -n 1 stderr | grep -q "cannot write '/dev/full'"; } || fail "$(cat stderr)"
train --steps 2 -o model train.tok
expect_same stateless model
expect_exit 1 train --steps 2 --metrics /dev/full -o stateless train.tok
{ [ "$(grep -c 'without metrics' stderr)" = 1 ] && tail -n 1 stderr | grep -q "cannot append to '/dev/full'"; } || fail "$(cat stderr)"
expect_same stateless model

# A closed standard output is an error, a model on it is the model in a file.
train --steps 2 -o model train.tok
train --steps 2 -o - train.tok >streamed
expect_same model streamed

# Metrics: one object a step, validations where they fall; the loss falls.
train --steps 60 --valid-fraction 0.2 --valid-every 20 --metrics metrics.jsonl -o watched train.tok
[ "$(wc -l <metrics.jsonl)" = 60 ] || fail "$(wc -l <metrics.jsonl) lines of metrics"
[ "$(grep -c '"val_loss":[0-9.]*,"val_bits_per_byte":[0-9.]*' metrics.jsonl)" = 3 ] || fail "validations are missing"
for key in step tokens loss grad_norm learning_rate tokens_per_second; do
  [ "$(grep -c "\"$key\":" metrics.jsonl)" = 60 ] || fail "no $key in the metrics"
done
! grep -q noise_scale metrics.jsonl || fail "a noise scale of one micro-batch"
# With two micro-batches or more, the noise scale as well: the same digits for any number of threads, and after a resume.
for threads in 1 2; do
  train --steps 30 --micro-batch 1 --threads $threads --metrics "noise$threads.jsonl" -o noisy train.tok
  grep -o '"noise_scale":[0-9.e+]*' "noise$threads.jsonl" >"noise$threads"
done
[ "$(wc -l <noise1)" -gt 20 ] || fail "$(wc -l <noise1) noise scales in 30 steps"
expect_same noise1 noise2
train --steps 10 --micro-batch 1 --metrics noise3.jsonl --schedule constant --checkpoint noisy3.state -o noisy3 train.tok
train --steps 30 --resume --metrics noise3.jsonl --checkpoint noisy3.state -o noisy3 train.tok
train --steps 30 --micro-batch 1 --metrics noise4.jsonl --schedule constant -o noisy4 train.tok
[ "$(grep -o '"noise_scale":[0-9.e+]*' noise3.jsonl)" = "$(grep -o '"noise_scale":[0-9.e+]*' noise4.jsonl)" ] || fail "the noise scale is another after a resume"
loss() { sed -n "$1s/.*\"loss\":\([0-9]*\)\.\([0-9]\).*/\1\2/p" metrics.jsonl; }
[ "$(loss 60)" -lt "$(loss 1)" ] || fail "the loss did not fall"

train --steps 3 --metrics - -o watched2 train.tok >lines
[ "$(grep -c '"step":' lines)" = 3 ] || fail "no metrics on standard output"

# A time budget ends, is recorded, and its recorded settings repeat it.
train --time 1s -o timed train.tok
steps=$(head -c 20000 timed | grep -ao '\\"steps\\":[0-9]*' | head -1 | grep -o '[0-9]*$')
[ "$steps" -gt 2 ] || fail "only $steps steps in a second"
train --steps "$steps" --warmup 100 -o counted train.tok
expect_same timed counted

# Where time is all that is asked for, the rest is chosen and said, and a resumed run keeps it, however long it then is.
lm-train -t tok.json --time 0.5s -o chosen train.tok 2>said
grep -Eq 'chose --layers [0-9]+ --channels [0-9]+ --context .* --precision (fp32|bf16|fp16) ' said || fail "what was chosen is not said: $(cat said)"
settings() { head -c 20000 "$1" | grep -aoE '\\"(layers|channels|batch|dropout)\\":[0-9.]+' | sort -u; }
settings chosen >first
[ "$(wc -l <first)" = 4 ] || fail "what was chosen is not recorded"
lm-train -t tok.json --time 1s --resume -o chosen train.tok 2>said
settings chosen | cmp - first
[ ! -s said ] || fail "chosen again: $(cat said)"
lm-train -t tok.json --time 1h --dropout 0.25 --dry-run train.tok >report 2>said
{ grep -q -- '--dropout  *0.25' report && ! grep -q -- '--dropout' said; } || fail "what was named is not kept: $(cat report)"
lm-train -t tok.json --time 1h --memory 60M --dry-run train.tok >report 2>said
grep -q 'chose --layers' said || fail "no model fits a small memory: $(cat said)"
for named in '--channels 256' '--steps 3' '--init-from watched'; do
  # shellcheck disable=SC2086 # options are words
  lm-train -t tok.json --time 1h $named --dry-run train.tok >report 2>said
  ! grep -q chose said || fail "chosen in spite of $named: $(cat said)"
done

# What --dump-config prints names no default, which would overrule what is chosen or inherited.
lm-train -t tok.json --time 1h --dump-config train.tok >again.toml
lm-train --config again.toml --dry-run >report 2>said
grep -q 'chose --layers .* --dropout .* --precision' said || fail "a dumped configuration chooses less: $(cat said)"
train --family gpt2 --steps 1 -o old train.tok
lm-train --init-from old --steps 1 -o new --dump-config train.tok >again.toml
lm-train --config again.toml

# A small text is read as often as is of use, not for an hour; a run that was interrupted resumes to the same end.
head -c 3000 corpus.txt | tok-encode -t tok.json -o little.tok -
little() { lm-train -t tok.json --time 1h --precision fp32 "$@" little.tok; }
little -o whole 2>said
grep -q -- '--epochs [0-9]* .*by heart' said || fail "no limit is said: $(cat said)"
expect_exit 143 timeout -s TERM --preserve-status 1 lm-train -t tok.json --time 1h --precision fp32 -o parts little.tok
little --resume -o parts 2>said
expect_same whole parts

# Early stop: no validation can be a new best when the rate is 0.
train --steps 1000 --lr 0 --valid-fraction 0.2 --valid-every 1 --patience 3 --metrics stopped.jsonl -o stopped train.tok
[ "$(wc -l <stopped.jsonl)" = 4 ] || fail "stopped after $(wc -l <stopped.jsonl) steps instead of 4"
train --steps 1000 --lr 0 --valid-fraction 0.2 --valid-every 1 --patience 3 --metrics stopped.jsonl --resume -o stopped train.tok
[ "$(wc -l <stopped.jsonl)" = 4 ] || fail "resumed after patience had ended: $(wc -l <stopped.jsonl) steps instead of 4"

# A stream's end is validated too.
train --one-pass --steps 100k --valid train.tok --valid-every 0 --keep best --metrics passed.jsonl -o passed train.tok
{ [ "$(grep -c '"val_loss"' passed.jsonl)" = 1 ] && [ "$(tail -n 2 passed.jsonl | grep -o '"step":[0-9]*' | uniq | wc -l)" = 1 ] && tail -n 1 passed.jsonl | grep -q '"val_loss"'; } || fail "the end of a stream was not validated"

# Fine-tuning keeps the model's shape and starts from its weights.
lm-train --init-from watched --steps 1 --lr 0 -o tuned train.tok
loss_of() { lm-eval-ppl "$1" --json train.tok | sed -n 's/.*"loss" *: *\([0-9.]*\).*/\1/p'; }
[ "$(loss_of tuned)" = "$(loss_of watched)" ] || fail "fine-tuning begins at $(loss_of tuned), its model had $(loss_of watched)"
cp watched tuned && lm-train --init-from tuned --steps 1 -o tuned train.tok
for clash in '--metrics watched' '--checkpoint watched' '-t tok.json -o tok.json'; do
  # shellcheck disable=SC2086 # options are words
  expect_exit 2 lm-train --init-from watched --steps 1 -o tuned $clash train.tok
  expect_one_line_stderr "the same file"
done
expect_error "--channels" --init-from watched --channels 64 --steps 1 -o tuned train.tok

# A folder for Hugging Face, of each family; replaced whole.
mkdir real && ln -s real linked
for _ in 1 2; do train --steps 1 -o linked/ train.tok; done
ln -s nowhere dangling
expect_error "leads nowhere" -t tok.json --steps 1 -o dangling/ train.tok
{ [ -L linked ] && [ -s real/model.safetensors ]; } || fail "a link to a folder is not followed"
for family in qwen3 llama gpt2; do
  for _ in 1 2; do train --family $family --steps 1 -o "hf-$family/" train.tok; done
  [ "$(cd "hf-$family" && printf '%s ' *)" = 'config.json generation_config.json model.safetensors tokenizer.json tokenizer_config.json ' ] || fail "$(ls "hf-$family")"
  lm-train --init-from "hf-$family" --steps 1 -o "tuned-$family" train.tok
done
[ "$(find . -name '.*.tmp*')" = '' ] || fail "temporary files are left: $(find . -name '.*.tmp*')"
