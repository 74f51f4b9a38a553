# Installing puts programs, pages and presets where they find each other, under DESTDIR.
need cmake
build=$(dirname "$LM_BIN")
[ -e "$build/cmake_install.cmake" ] || skip "$LM_BIN is not in a build folder"

our_programs >programs
DESTDIR=$PWD/root cmake --install "$build" --prefix /usr >installed || fail "cmake --install: $(tail -1 installed)"
while read -r program; do
  [ -x "root/usr/bin/$program" ] || fail "no bin/$program"
  [ -e "root/usr/share/man/man1/$program.1" ] || fail "no man1/$program.1"
done <programs
for page in "$LM_SOURCE"/man/*.[57]; do
  [ -e "root/usr/share/man/man${page##*.}/$(basename "$page")" ] || fail "no $(basename "$page")"
done
[ -e root/usr/share/lm/completions/lm.bash ] || fail "no completions"
for probes in "$LM_SOURCE"/share/lm/probes/*.jsonl; do
  [ -e "root/usr/share/lm/probes/$(basename "$probes")" ] || fail "no $(basename "$probes")"
done
[ -x root/usr/share/lm/demo.sh ] || fail "the demo is not executable"
[ -x root/usr/share/lm/scaling.sh ] || fail "scaling.sh is not executable"
[ -x root/usr/share/lm/study.sh ] || fail "study.sh is not executable"
for script in cost_model.sh slurm/array.sh slurm/pipeline.sh slurm/train.sh; do
  [ -x "root/usr/share/lm/$script" ] || fail "$script is not executable"
done

# A named preset is found beside the installed program, wherever that is.
if [ -x root/usr/bin/lm-train ]; then
  for preset in "$LM_SOURCE"/share/lm/*.toml; do
    expect_exit 0 root/usr/bin/lm-train --config "$(basename "$preset" .toml)" --dump-config
    expect_silence
    grep -qx 'layers = [0-9]*' stdout || fail "$preset sets no layers"
  done
fi
