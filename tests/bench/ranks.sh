# Two ranks of one thread beside one process of two threads, in turn, and what a slow network costs: tokens/s, the share of the sums
# of gradients that is hidden behind the backward pass, and memory. CHANNELS="256 384 512", STEPS=8 and ROUNDS=3 choose.
need tok-train tok-encode lm-train
need_mpi

text=$(data text/tinyshakespeare.txt)
tok-train --vocab-size 4096 -o tok.json "$text"
tok-encode -t tok.json -o train.tok "$text"
steps=${STEPS:-8}

# run NAME COMMAND...: appends the median of the tokens/s of its steps, except the first two, to the file NAME.
run() {
  local name=$1
  shift
  rm -f model model.state metrics
  "$@" --metrics metrics -v -o model train.tok </dev/null 2>stderr || fail "$(cat stderr)"
  tail -n +3 metrics | sed 's/.*"tokens_per_second":\([0-9.e+]*\).*/\1/' | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }' >>"$name"
  sed -n 's/.*sums of gradients over ranks took \([0-9.]*\) s, of which \([0-9.]*\) s.*/\1 \2/p' stderr >>"$name.sums"
}
median() { sort -g "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

printf '%-9s %-22s %10s %10s %10s\n' channels run tokens/s ratio hidden
for channels in ${CHANNELS:-256 384 512}; do
  args=(-t tok.json --layers 4 --channels "$channels" --context 256 --batch 16 --micro-batch 8 --steps "$steps")
  rm -f one two slow*
  for _ in $(seq "${ROUNDS:-3}"); do
    run one lm-train "${args[@]}" --threads 2
    run two mpirun -n 2 lm-train "${args[@]}" --threads 1
  done
  one=$(median one) two=$(median two)
  printf '%-9s %-22s %10.0f %10s %10s\n' "$channels" "1 of 2 threads" "$one" 1 -
  printf '%-9s %-22s %10.0f %10s %10s\n' "$channels" "2 of 1 thread" "$two" "$(awk "BEGIN { printf \"%.2f\", $two / $one }")" \
    "$(awk '{ busy += $1; waited += $2 } END { printf "%.0f %%", 100 * (1 - waited / busy) }' two.sums)"
  # A network of 1 ms and 100 MB/s, and one of 10 ms and 25 MB/s.
  for delay in 0.001,1e8 0.01,2.5e7; do
    LM_MESSAGE_DELAY=$delay run "slow$delay" mpirun -n 2 lm-train "${args[@]}" --threads 1
    slow=$(median "slow$delay")
    printf '%-9s %-22s %10.0f %10s %10s\n' "$channels" "2, delay $delay" "$slow" \
      "$(awk "BEGIN { printf \"%.2f\", $slow / $one }")" \
      "$(awk '{ busy += $1; waited += $2 } END { printf "%.0f %%", 100 * (1 - waited / busy) }' "slow$delay.sums")"
  done
done
