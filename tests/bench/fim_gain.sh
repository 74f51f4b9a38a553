# What filling in the middle costs and gives: the same model on the same code for as many steps, trained with fim and from
# left to right. Two figures: how much worse the one trained with fim predicts held-out files from left to right (aim: 0.02
# nats a token at the most), and how much better it predicts held-out lines of 5 to 40 tokens given both sides than given
# only what precedes them: the same eight lines. The gain is asked of spm, lm-fim's default. psm is shown beside it: models of
# this size have not learned by then to look across the suffix for where the prefix ends, and lose more by the middle's first
# token than the suffix gives. STEPS and TASKS: other numbers of them. Ten minutes on two cores.
need tok-train tok-encode lm-train lm-eval-ppl lm-fim lm-sample awk iconv

SHAPE="--config code --steps ${STEPS:-3000}" TIME=10h TASKS=${TASKS:-1000} "$LM_SOURCE/share/lm/demo-code.sh" demo |
  grep -v '^$' | grep -A 2 -e '^== Missing' -e '^== The code' -e '^== def add'

# json_number KEY: the number under KEY in a line of JSON.
json_number() { sed -nE "s/.*\"$1\" *: *([-+0-9.eE]+).*/\1/p"; }
mapfile -t held_out <demo/held-out.files
for objective in causal fim; do
  lm-eval-ppl "demo/$objective.safetensors" --json "${held_out[@]}" | json_number loss >"$objective.loss"
done
paste causal.loss fim.loss | awk '{
  printf "held-out files from left to right, nats a token: causal %.4f, fim %.4f, difference %+.4f\n", $1, $2, $2 - $1
}'

for layout in psm spm; do
  lm-eval-ppl demo/fim.safetensors --infilling --layout $layout --json demo/tasks.jsonl >infilling
  for key in loss prefix_loss gain gain_low gain_high exact_match; do json_number $key <infilling; done | paste -s |
    awk -v layout=$layout '{
      printf "held-out lines by %s, nats a token: given both sides %.4f, given what precedes %.4f\n", layout, $1, $2
      printf "gain %.4f (95 %% interval %.4f to %.4f); exactly right %.1f %%\n", $3, $4, $5, 100 * $6
    }'
done
awk -v low="$(json_number gain_low <infilling)" 'BEGIN { exit !(low > 0) }' || fail "the suffix does not help"
