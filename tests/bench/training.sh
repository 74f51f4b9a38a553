# Training speed: tokens/s and the share of the machine's peak (MFU) of the last of 40 steps, for two shapes and two threads.
need tok-train tok-encode lm-train
text=$(data text/tinyshakespeare.txt)

# speed NAME OPTION...: trains on the stream in `tokens` and prints the last line of progress.
speed() {
  local name=$1
  shift
  lm-train -t tok.json -o model --steps 40 --threads 2 --progress always "$@" tokens 2>progress
  echo "$name: $(tail -n 1 progress)"
}

tok-train --vocab-size 257 --no-reserved --pattern none -o tok.json "$text"
tok-encode -t tok.json -o tokens "$text"
speed '4 layers, 4 heads, 128 channels, context 64, batch 12, vocabulary 257' \
  --layers 4 --heads 4 --channels 128 --context 64 --batch 12

tok-train --vocab-size 4096 -o tok.json "$text"
tok-encode -t tok.json -o tokens "$text"
speed '4 layers, 8 heads, 256 channels, context 256, batch 16, vocabulary 4096' \
  --layers 4 --heads 8 --channels 256 --context 256 --batch 16
