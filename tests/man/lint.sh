# mandoc and groff find nothing to say about any page and print the same text, each program has its page, each cross reference of ours
# leads somewhere, and what the pages, NEWS and --help say of patterns agrees.
set -euo pipefail
cd "$LM_SOURCE/man"
command -v mandoc >/dev/null || { echo "SKIPPED: no mandoc" >&2; exit 77; }

# Style advice is part of it; only the system's name and the look-up of pages outside this folder are not ours.
findings=$(mandoc -T lint -W style ./*.[157] 2>&1 | grep -vE 'STYLE: (referenced manual not found|operating system explicitly)' || true)
[ -z "$findings" ] || { echo "$findings" >&2; exit 1; }

# A comma inside .Ql is part of the literal, and .Fl goes on behind one: what is no further literal or option needs a macro.
runs_on=$(grep -nE '^\.(.* )?(Ql [^ ]+( [^ ]+)* , ([a-z<_]|Ql )|Fl [^ ]+ [,;] [a-z0-9])' ./*.[157] || true)
[ -z "$runs_on" ] || { echo "a literal or option that runs on: $runs_on" >&2; exit 1; }

for source in ../cmd/tok-*.cpp ../cmd/lm-*.cpp; do
  [ -e "$source" ] || continue
  page=$(basename "$source" .cpp).1
  [ -e "$page" ] || { echo "no man/$page" >&2; exit 1; }
done

grep -HoE '^\.Xr (lm|tok)[a-z-]* [157]' ./*.[157] | while IFS=' ' read -r place name section; do
  [ -e "$name.$section" ] || { echo "$place $name $section: no such page" >&2; exit 1; }
done

# The letters of a page, in order, without what the two lay out differently: its first and last line, blanks, hyphens and dashes.
letters() { LC_ALL=C.UTF-8 sed -E $'s/.\b//g; 1d; $d; s/[ —–−‐-]//g' | tr -d '\n' | LC_ALL=C.UTF-8 fold -w 40; }
if command -v groff >/dev/null; then
  folder=$(mktemp -d)
  trap 'rm -r "$folder"' EXIT
  for page in ./*.[157]; do
    for width in 78 130; do
      GROFF_NO_SGR=1 groff -mdoc -ww -Tutf8 -P-c -rLL=${width}n "$page" 2>"$folder/warnings" >"$folder/out"
      [ ! -s "$folder/warnings" ] || { echo "groff of man/$page: $(head -n 5 "$folder/warnings")" >&2; exit 1; }
      letters <"$folder/out" >"$folder/groff"
      mandoc -Tutf8 -O width=$width "$page" | letters >"$folder/mandoc"
      diff "$folder/groff" "$folder/mandoc" >"$folder/difference" ||
        { echo "man/$page prints otherwise in groff (<) than in mandoc (>), $width columns: $(head -n 6 "$folder/difference")" >&2; exit 1; }
    done
  done
else
  echo "no groff: pages are checked by mandoc only" >&2
fi

# --pattern: as in tok-train --help.
patterns=$("$LM_BIN/tok-train" --help | awk '/^  --pattern/ { on = 1; sub(/^  --pattern /, "") } on { printf "%s", $1 } on && !/\|$/ { exit }')
[ -n "$patterns" ] || { echo "tok-train --help lists no patterns" >&2; exit 1; }
for program in tok-encode tok-decode lm-train lm-eval-ppl lm-sample lm-fim lm-convert; do
  "$LM_BIN/$program" --help | tr -d '\n ' | grep -qF "$patterns" || { echo "$program --help lists other patterns than $patterns" >&2; exit 1; }
done
grep -qxF ".It Fl -pattern Ar ${patterns//|/ | }" tok-train.1 || { echo "tok-train.1 lists other patterns than $patterns" >&2; exit 1; }
in_words=$(sed 's/|/, /g; s/, \([^,]*\)$/ and \1/' <<<"$patterns")
tr '\n' ' ' <../NEWS.md | tr -s ' ' | grep -qF "$in_words" || { echo "NEWS.md does not list the patterns $in_words" >&2; exit 1; }
for pattern in ${patterns//|/ }; do
  grep -qx ".It $pattern" lm-tokenizer.5 || { echo "lm-tokenizer.5 does not say what $pattern is" >&2; exit 1; }
done
