# Random ranks of a run are killed at random moments, KILLS times (50), each time followed by a resume by another number of ranks;
# in the end the model is that of a run that nobody killed. Each must end within LIMIT seconds (30).
# shellcheck disable=SC2154 # make_training sets shape
need tok-train tok-encode lm-train
need_mpi

make_training --layers 2 --channels 64 --heads 2 --context 64 --batch 16 --micro-batch 2 --threads 1 --dropout 0.1
RANDOM=${SEED:-7}
steps=400
train --steps $steps --schedule constant -o plain train.tok
kills=0 runs=0
while [ $kills -lt "${KILLS:-50}" ]; do
  count=$((1 << (RANDOM % 3 + 1)))
  runs=$((runs + 1))
  mpirun --quiet --oversubscribe -n $count lm-train -t tok.json "${shape[@]}" --steps $steps --schedule constant --checkpoint-every 0s \
    --resume auto -o ranks train.tok </dev/null 2>stderr &
  pid=$!
  sleep "$((RANDOM % 3)).$((RANDOM % 10))"
  victim=$({ pgrep -P $pid lm-train || true; } | sed -n "$((RANDOM % count + 1))p")
  if [ -n "$victim" ] && kill -9 "$victim" 2>kill.err; then kills=$((kills + 1)); fi
  SECONDS=0
  status=0
  wait $pid || status=$?
  [ -z "$victim" ] || [ $SECONDS -le "${LIMIT:-30}" ] || fail "the run ended only $SECONDS s after rank $victim was killed"
  if [ $status = 0 ]; then
    # It had ended before: the next ones begin anew.
    expect_same plain ranks
    rm -f ranks ranks.state
  fi
done
ranks 2 lm-train -t tok.json "${shape[@]}" --steps $steps --schedule constant --resume auto -o ranks train.tok </dev/null
expect_same plain ranks
echo "$kills ranks killed in $runs runs"
