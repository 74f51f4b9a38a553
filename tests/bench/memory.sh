# The peak memory of short runs of lm-train beside --dry-run's estimate, for shapes of 0.8 M to 124 M parameters. SHAPES: fewer
# of them, by number, such as "1 2". Ten minutes on two cores, 4 GB.
need tok-train tok-encode lm-train awk

# Text of made-up words, of which a tokenizer can learn 50,000 tokens.
awk 'BEGIN {
  srand(1)
  for (i = 0; i < 400000; ++i) {
    letters = substr("abcdefghijklmnopqrstuvwxyz", 1 + int(rand() * 24), 1 + int(rand() * 3))
    printf "%s%d%s", letters, rand() * 30000, i % 12 == 11 ? "\n" : " "
  }
}' >text

# layers heads channels context batch vocabulary
shapes=('' '4 4 128 64 12 257' '6 6 384 256 16 257' '4 8 256 256 16 4096' '8 8 512 512 8 8192' '12 12 768 512 2 50257')
others=('' '--ema 0.999' '--micro-batch 1' '--recompute layer' '--precision mixed' '--optimizer adamw' '--objective masked' '--family gpt2' '--valid-fraction 0.05')

worst=0
for number in ${SHAPES:-1 2 3 4 5}; do
  read -r layers heads channels context batch vocabulary <<<"${shapes[number]}"
  reserved=()
  [ "$vocabulary" != 257 ] || reserved=(--no-reserved)
  tok-train --vocab-size "$vocabulary" "${reserved[@]}" -o tok.json text
  tok-encode -t tok.json -o text.tok text
  for other in "${others[@]}"; do
    [[ $other == *masked* && $vocabulary = 257 ]] && continue
    # shellcheck disable=SC2086
    lm-train -t tok.json --layers "$layers" --heads "$heads" --channels "$channels" --context "$context" --batch "$batch" \
      --steps 1 $other -v -o model text.tok 2>said
    sed -nE 's/.*at most ([0-9.]+) MiB in memory, ([0-9.]+) expected.*/\1 \2/p' said >figures
    [ "$(wc -l <figures)" = 1 ] || fail "lm-train -v said no peak: $(cat said)"
    awk -v shape="${shapes[number]}" -v other="$other" '{
      printf "%-24s %-22s peak %8.1f MiB, foretold %8.1f: %+5.1f %%\n", shape, other, $1, $2, 100 * ($2 / $1 - 1)
    }' figures
    worst=$(awk -v worst="$worst" '{ off = $2 > $1 ? $2 / $1 - 1 : 1 - $2 / $1; print (off > worst ? off : worst) }' figures)
  done
done
awk -v worst="$worst" 'BEGIN { printf "the farthest is off by %.1f %%\n", 100 * worst; exit worst > 0.05 }' || fail "more than 5 % off"
