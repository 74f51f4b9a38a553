# mandoc finds nothing to say about any page, each program has its page, and each cross reference of ours leads somewhere.
set -euo pipefail
cd "$LM_SOURCE/man"
command -v mandoc >/dev/null || { echo "SKIPPED: no mandoc" >&2; exit 77; }

# Style advice is part of it; only the system's name and the look-up of pages outside this folder are not ours.
findings=$(mandoc -T lint -W style ./*.[157] 2>&1 | grep -vE 'STYLE: (referenced manual not found|operating system explicitly)' || true)
[ -z "$findings" ] || { echo "$findings" >&2; exit 1; }

for source in ../cmd/tok-*.cpp ../cmd/lm-*.cpp; do
  [ -e "$source" ] || continue
  page=$(basename "$source" .cpp).1
  [ -e "$page" ] || { echo "no man/$page" >&2; exit 1; }
done

grep -HoE '^\.Xr (lm|tok)[a-z-]* [157]' ./*.[157] | while IFS=' ' read -r place name section; do
  [ -e "$name.$section" ] || { echo "$place $name $section: no such page" >&2; exit 1; }
done
