# Does a long training run grow, or slow down? A model of 25 M parameters trains for MINUTES (default 3; 60 shows more); its resident
# memory and its tokens/s are sampled, and their growth is printed. Then the same on a tenth of the tokens for as long, whose time a
# token should be the same. OPTIONS: further ones of lm-train. Alone on the machine; both runs together take twice MINUTES.
need tok-train tok-encode lm-train awk

minutes=${MINUTES:-3}
read -r -a options <<<"${OPTIONS:-}"

# Text of made-up words, some 60 MB of it.
awk 'BEGIN {
  srand(1)
  for (i = 0; i < 8000000; ++i) {
    letters = substr("abcdefghijklmnopqrstuvwxyz", 1 + int(rand() * 24), 1 + int(rand() * 3))
    printf "%s%d%s", letters, rand() * 30000, i % 12 == 11 ? "\n" : " "
  }
}' >large
head -c 6000000 large >small
head -c 3000000 large | tok-train --vocab-size 8192 -o tok.json -

# quarter N KEY: the median of a key in the N-th quarter of the metrics' steps, the first five steps left out.
quarter() {
  sed -nE "s/.*\"$2\":([0-9.eE+-]+).*/\1/p" metrics | tail -n +6 |
    awk -v n="$1" '{ v[NR] = $1 } END { for (i = int((n - 1) * NR / 4) + 1; i <= int(n * NR / 4); ++i) print v[i] }' |
    sort -g | awk '{ v[NR] = $1 } END { print NR ? v[int((NR + 1) / 2)] : "nan" }'
}

for size in large small; do
  tok-encode -t tok.json --documents line -o tokens $size
  rm -f metrics memory
  lm-train -t tok.json --layers 7 --channels 512 --heads 8 --context 256 --batch 8 --time "${minutes}m" --schedule constant \
    --valid-fraction 0.001 --checkpoint-every 5m --metrics metrics "${options[@]}" -o model tokens &
  pid=$!
  # Anonymous memory and, beside it, mapped files, whose pages the system may take back.
  while kill -0 $pid 2>/dev/null; do
    awk '/^RssAnon:/ { anonymous = $2 } /^RssFile:/ { files = $2 } END { if (anonymous) print anonymous, files }' \
      /proc/$pid/status >>memory 2>/dev/null || true
    sleep 1
  done
  wait $pid
  echo "$size: $(wc -c <tokens) bytes of tokens, $(wc -l <metrics) steps in $minutes minutes"
  # The first samples see the model come into being.
  tail -n +11 memory | awk -v minutes="$minutes" '
    NR == 1 { first = $1; first_files = $2 }
    { last = $1; files = $2; if ($1 > most) most = $1 }
    END {
      printf "  resident memory: %.1f MiB after ten seconds, %.1f at the end, %.1f at most; growth %+.2f MiB; mapped files %+.2f MiB\n",
        first / 1024, last / 1024, most / 1024, (last - first) / 1024, (files - first_files) / 1024
    }'
  printf '  tokens/s, median of each quarter of the steps: %.0f %.0f %.0f %.0f\n' "$(quarter 1 tokens_per_second)" \
    "$(quarter 2 tokens_per_second)" "$(quarter 3 tokens_per_second)" "$(quarter 4 tokens_per_second)"
done
