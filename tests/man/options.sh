# Each page's list of options is exactly that of --help.

# Options are the items `.It Fl o , Fl -output Ar FILE` of a page, or `.It Fl o , -output Ar FILE`.
page_options() {
  grep -E '^\.It ' "$1" | awk '{
    flags = 0
    for (i = 2; i <= NF; ++i) {
      if ($i ~ /^[A-Z][a-z]$/) flags = ($i == "Fl")
      else if (flags && $i ~ /^-?[A-Za-z0-9]/) print "-" $i
    }
  }' | sort -u
}

# In --help: the names at the start of a line, "  -o, --output FILE   description".
help_options() {
  "$1" --help | grep -oE '^  -[A-Za-z0-9-]+(, --?[A-Za-z0-9-]+)*' | tr -d ' ' | tr ',' '\n' | sort -u
}

our_programs >programs
while read -r program; do
  page=$LM_SOURCE/man/$program.1
  [ -e "$page" ] || fail "no man/$program.1"
  help_options "$program" >in_help
  page_options "$page" >in_page
  [ -s in_help ] || fail "$program --help shows no option"
  diff in_help in_page >difference || fail "$program: options of --help (<) and of the page (>) differ: $(grep '^[<>]' difference | tr '\n' ' ')"
done <programs
