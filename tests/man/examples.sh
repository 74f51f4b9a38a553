# The commands of every page's EXAMPLES run. Convention: in .Bd -literal blocks, a line that begins with "$ " is a command, lines
# that begin with "> " continue it, other lines are output (not compared). They run in the order of the page, in a folder that
# holds what examples may name (below); budgets are cut down, and a model without a configuration is made tiny.
need mandoc tok-train tok-encode lm-train

# shellcheck disable=SC2016 # the dollar sign is the prompt
example_commands() {
  mandoc -T ascii -O width=400 "$1" | sed 's/.\x08//g' |
    awk '/^[A-Z]/ { inside = ($1 == "EXAMPLES") }
         inside && /^ *\$ / { sub(/^ *\$ /, ""); if (command) print command; command = $0; next }
         inside && /^ *> / && command { sub(/^ *> /, ""); sub(/\\$/, "", command); command = command " " $0; next }
         command { print command; command = "" }
         END { if (command) print command }'
}

shorten() {
  sed -E 's/--(time|epochs) [0-9.]+[smhk]?/--steps 3/g; s/--steps [0-9.]+[kM]?/--steps 3/g; s/--tokens [0-9.]+[kMG]?/--steps 3/g
          s/--(checkpoint-every) [0-9.]+[smh]/--\1 1s/g; s/--(warmup|valid-every) [0-9.]+k?/--\1 1/g
          /--config/! s/lm-train /lm-train --config tiny --batch 2 --context 32 /'
}

sample_folder() {
  cat "$LM_SOURCE"/man/*.[157] >corpus.txt
  head -c 20000 "$LM_SOURCE/README.md" >valid.txt
  cp valid.txt held-out.txt
  head -40 corpus.txt >lines.txt
  head -100 corpus.txt | gzip >shard1.gz
  head -200 corpus.txt | gzip >shard2.gz
  printf 'In the beginning' >prompt.txt
  printf '{"text":"one document"}\n{"text":"another one"}\n' >documents.jsonl
  tok-train --vocab-size 600 -o tok.json corpus.txt
  tok-encode -t tok.json -o train.tok corpus.txt
  tok-encode -t tok.json -o valid.tok valid.txt
  lm-train -t tok.json --config tiny --batch 2 --context 32 --steps 2 -o model.safetensors train.tok
}

mkdir samples
(cd samples && sample_folder)

for page in "$LM_SOURCE"/man/*.[157]; do
  name=$(basename "$page")
  example_commands "$page" | shorten >commands
  if grep -q '^parallel ' commands && ! command -v parallel >/dev/null; then
    echo "$name: left out, as there is no GNU parallel"
    continue
  fi
  rm -rf run && cp -r samples run
  while read -r command; do
    [[ $command == *lm-fim* ]] && ! command -v lm-fim >/dev/null && continue
    (cd run && bash -o pipefail -c "$command" </dev/null >../output 2>../errors) ||
      fail "$name: exit $?: $command: $(head -c 500 errors)"
  done <commands
  echo "$name: $(wc -l <commands) commands"
done
