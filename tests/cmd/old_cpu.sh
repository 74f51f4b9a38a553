# A CPU without AVX runs the programs too, in the portable tier and with its bits.
need tok-train tok-encode lm-train qemu-x86_64
old() { qemu-x86_64 -cpu Nehalem "$(command -v "$1")" "${@:2}"; }
old tok-train --version >version 2>&1 || skip "qemu-x86_64 cannot run these programs"
grep -q portable version || fail "another tier on a CPU without AVX: $(cat version)"

cat "$LM_SOURCE"/man/*.[157] >pages.txt
head -c 20000 pages.txt >corpus.txt
tok-train --vocab-size 400 -o tok.json corpus.txt
old tok-train --vocab-size 400 -o old.json corpus.txt
expect_same old.json tok.json
tok-encode -t tok.json -o train.tok corpus.txt
train=(-t tok.json --layers 1 --channels 32 --heads 2 --context 32 --batch 4 --steps 3)
lm-train "${train[@]}" --simd portable -o model train.tok
old lm-train "${train[@]}" -o old train.tok
expect_same old model
old lm-train "${train[@]}" --precision mixed --dry-run train.tok >report
grep -q -- '--precision *"fp32"' report || fail "mixed takes what this CPU lacks: $(cat report)"
expect_exit 1 old lm-train "${train[@]}" --simd avx2 -o avx2 train.tok
expect_one_line_stderr "this CPU's best is 'portable'"
