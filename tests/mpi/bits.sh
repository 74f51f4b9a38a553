# Every objective and a mixture, both optimizers, both precisions, dropout, held-out data and an average: 1, 2, 4 and 8 ranks of one
# and two threads write the model of one process, and any of them resumes the state of any other. About a quarter of an hour.
# shellcheck disable=SC2154 # make_training sets shape
need tok-train tok-encode lm-train
need_mpi

make_training --layers 2 --channels 64 --heads 2 --context 64 --batch 16
head -c 80000 pages.txt | tail -c 20000 | tok-encode -t tok.json -o valid.tok -

# The last of the formats that there are: which one mixed takes depends on how busy the machine is.
precision=$(lm-train --version | sed -n 's/^precision: .* //p')
precision=${precision:-fp32}
cases=(
  "--micro-batch 2 --objective causal"
  "--micro-batch 2 --objective causal --optimizer adamw"
  "--micro-batch 2 --objective masked --dropout 0.1"
  "--micro-batch 2 --objective prefix --precision $precision"
  "--micro-batch 2 --objective span --optimizer adamw --precision $precision"
  "--micro-batch 2 --objective fim --dropout 0.1"
  "--micro-batch 2 --objective causal:0.5,fim:0.3,masked:0.2 --ema 0.95"
  "--micro-batch 1 --objective causal --valid valid.tok --valid-every 3 --keep best"
  "--micro-batch 1 --objective masked --valid valid.tok --valid-every 5 --ema 0.9 --optimizer adamw"
  "--micro-batch 2 --family gpt2 --tied --dropout 0.2 --clip 0.1"
  "--micro-batch 2 --family llama --recompute layer --valid-fraction 0.1"
)
compared=0
for options in "${cases[@]}"; do
  read -ra words <<<"$options"
  rm -f plain* ranks*
  train "${words[@]}" --steps 11 --schedule constant --threads 1 -o plain train.tok 2>stderr || fail "$options: $(cat stderr)"
  for count in 1 2 4 8; do
    for threads in 1 2; do
      rm -f ranks ranks.state
      ranks $count lm-train -t tok.json "${shape[@]}" "${words[@]}" --steps 11 --schedule constant --threads $threads -o ranks train.tok \
        </dev/null 2>stderr || fail "$count ranks, $options: $(cat stderr)"
      cmp plain ranks || fail "$count ranks of $threads threads: $options"
      compared=$((compared + 1))
    done
  done
  for pair in "1 8" "8 2" "2 4" "4 1"; do
    read -r before after <<<"$pair"
    rm -f ranks ranks.state
    ranks "$before" lm-train -t tok.json "${shape[@]}" "${words[@]}" --steps 5 --schedule constant --threads 1 -o ranks train.tok \
      </dev/null 2>stderr || fail "$before ranks, $options: $(cat stderr)"
    ranks "$after" lm-train -t tok.json "${shape[@]}" "${words[@]}" --steps 11 --schedule constant --threads 1 --resume -o ranks train.tok \
      </dev/null 2>stderr || fail "$after ranks resume, $options: $(cat stderr)"
    cmp plain ranks || fail "$before ranks, then $after: $options"
    compared=$((compared + 1))
  done
done
echo "$compared runs of ranks wrote the models of one process"
