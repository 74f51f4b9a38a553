# The memory that lm-train estimates is what it takes, and --micro-batch auto keeps to --memory.
need tok-train tok-encode lm-train

cat "$LM_SOURCE"/man/*.[157] >pages.txt
tok-train --vocab-size 257 --no-reserved -o bytes.json pages.txt
tok-encode -t bytes.json -o train.tok pages.txt

# The peak as the system counted it, and what was expected before: within a twentieth.
expect_memory() {
  lm-train -t bytes.json --channels 128 --heads 4 --context 64 --steps 2 -v "$@" -o model train.tok 2>said
  sed -nE 's/.*at most ([0-9.]+) MiB in memory, ([0-9.]+) expected.*/\1 \2/p' said >figures
  [ -s figures ] || fail "no figures in: $(cat said)"
  awk '{ exit !($2 > 0.95 * $1 && $2 < 1.05 * $1) }' figures || fail "peak and expected MiB: $(cat figures), with $*"
}
expect_memory --layers 4 --batch 12
expect_memory --layers 4 --batch 12 --optimizer adamw
expect_memory --layers 6 --batch 16 --micro-batch 4 --family gpt2 --dropout 0.1 --ema 0.99 --recompute layer --valid-fraction 0.2

# field NAME FILE: a number of --dry-run's JSON.
field() { sed -nE "s/.*\"$1\": ?([0-9]+).*/\1/p" "$2"; }
dry_run() { lm-train -t bytes.json --layers 4 --channels 128 --heads 4 --context 256 --batch 16 --dry-run --json "$@" train.tok; }

# The more memory, the more sequences a pass; as many for any number of threads, since they decide which bits come out.
last=0
for memory in 80M 90M 120M 170M 300M; do
  dry_run --memory $memory --threads 1 >one
  dry_run --memory $memory --threads 8 >eight
  size=$(field micro-batch one)
  [ "$size" = "$(field micro-batch eight)" ] || fail "$size sequences with one thread, $(field micro-batch eight) with eight"
  [ "$size" -ge "$last" ] || fail "$size sequences in $memory, $last in less"
  last=$size
done
[ "$last" = 16 ] || fail "only $last sequences in 300M"
[ "$(dry_run --memory 80M | sed -nE 's/.*"micro-batch": ?([0-9]+).*/\1/p')" -lt 16 ] || fail "all sequences in 80M"
lm-train -t bytes.json --layers 4 --channels 128 --heads 4 --context 256 --batch 16 --memory 120M --steps 2 -v -o model train.tok 2>said
sed -nE 's/.*at most ([0-9.]+) MiB in memory.*/\1/p' said | awk '{ exit !($1 <= 120) }' || fail "more than --memory 120M: $(cat said)"

# Where nothing fits, the error names what would; a little less does not.
expect_exit 2 dry_run --memory 20M
expect_one_line_stderr "--recompute layer, which needs"
enough=$(sed -nE 's/.*give --memory ([0-9]+)M.*/\1/p' stderr)
recomputed=$(sed -nE 's/.*which needs ([0-9]+)M.*/\1/p' stderr)
[ "$recomputed" -lt "$enough" ] || fail "recomputation needs $recomputed MiB, without it $enough"
dry_run --memory "${enough}M" >/dev/null
dry_run --memory "${recomputed}M" --recompute layer >/dev/null
expect_exit 2 dry_run --memory "$((enough - 1))M"
expect_exit 2 dry_run --memory "$((recomputed - 1))M" --recompute layer
expect_one_line_stderr "give --memory ${recomputed}M"
! grep -q "or --recompute" stderr || fail "recomputation is advised though it is on: $(cat stderr)"
