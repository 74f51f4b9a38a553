# The Vim plugin in a real editor in a terminal: what is seen on the screen, and what :w writes. A small script answers in
# lm-fim's place, so that answers and delays are known; the real program answers the last case.
need vim tmux awk
vim --version | grep -q '+job' || skip "this vim has no jobs"
unset VIMINIT EXINIT GVIMINIT MYVIMRC
export LC_ALL=C.UTF-8 XDG_CONFIG_HOME=$PWD/none XDG_DATA_HOME=$PWD/none XDG_STATE_HOME=$PWD/none XDG_CACHE_HOME=$PWD/none
HOME=$PWD
export HOME

# Every request goes to the file requests. What the prefix ends in decides: 'slow' takes half a second, 'broken' is an error,
# 'lines' gets several lines, 'die' ends the program with a message.
cat >fake <<'END'
#!/bin/sh
echo started >>starts
while IFS= read -r request; do
  printf '%s\n' "$request" >>requests
  id=$(printf '%s' "$request" | sed -E 's/.*"id": *([0-9]+).*/\1/')
  prefix=$(printf '%s' "$request" | sed -E 's/.*"prefix": *"([^"]*)".*/\1/')
  case $prefix in
    *slow) sleep 0.5; printf '{"id": %s, "middle": "LATE"}\n' "$id" ;;
    *broken) printf '{"id": %s, "error": "no such thing"}\n' "$id" ;;
    *lines) printf '{"id": %s, "middle": "(x):\\n\\treturn x\\n\\ny = "}\n' "$id" ;;
    *die) echo 'lm-fim: out of luck' >&2; exit 1 ;;
    *) printf '{"id": %s, "middle": "MIDDLE"}\n' "$id" ;;
  esac
  echo "$id" >>answered
done
END
chmod +x fake
# Before run_case's own end: no editor is left, whatever happens.
case_end=$(trap -p EXIT)
case_end=${case_end#"trap -- '"}
case_end=${case_end%"' EXIT"}
# shellcheck disable=SC2064,SC2154 # the text of the other trap is wanted now, and it knows the status
trap "status=\$?; tmux -S '$PWD/socket' kill-server 2>/dev/null || true; (exit \$status); $case_end" EXIT

tm() { tmux -S "$PWD/socket" "$@"; }
screen() { tm capture-pane -p -t editor; }
# wait_for COMMAND...: until it succeeds, ten seconds at the most.
wait_for() {
  local tries=200
  until "$@"; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || fail "$editor: waited in vain for: $* (screen: $(screen | grep -v '^~*$' || true))"
    sleep 0.05
  done
}
sees() { screen | grep -qF -- "$1"; }
sees_not() { ! sees "$1"; }
holds() { [ "$(cat text)" = "$1" ]; }
lines_of() { [ -e "$1" ] && [ "$(wc -l <"$1")" = "$2" ]; }

# open_editor CONTENT [VIMSCRIPT]: an editor on a file of that text, with the cursor in insert mode at the text's end.
open_editor() {
  rm -f requests starts answered text messages
  printf '%s' "$1" >text
  {
    [ "$editor" = nvim ] || echo 'set nocompatible'
    echo 'set noswapfile noundofile autoindent backspace=2 tabstop=4 shortmess+=I laststatus=2 ruler showmode'
    echo "set runtimepath^=$LM_SOURCE/share/lm/vim ttimeout ttimeoutlen=10"
    printf "let g:lm_fim_command = './fake'\nlet g:lm_fim_model = 'model'\n%s\n" "${2:-}"
  } >rc
  tm -f /dev/null start-server ';' set-option -s escape-time 0 ';' \
    new-session -d -s editor -x 80 -y 24 "$editor -u rc -i NONE -n text"
  wait_for sees ' All'
  keys G A
}
keys() { tm send-keys -t editor "$@"; }
# written TEXT: the buffer is written, and is TEXT.
written() {
  keys Escape
  keys ':w' Enter
  wait_for holds "$1"
}
close_editor() {
  keys Escape
  keys ':redir! > messages | silent messages | redir END' Enter
  keys ':qa!' Enter
  while tm has-session -t editor 2>/dev/null; do sleep 0.05; done
}

plugin_cases() {
  # Asked, the text is seen and not yet there; Tab makes it so, and u takes back just that.
  open_editor 'ask'
  keys Space C-b
  wait_for sees 'ask MIDDLE'
  keys Tab
  keys '!'
  written 'ask MIDDLE!'
  keys u
  written 'ask '
  close_editor
  [ "$(cat requests)" = "$(printf '{"id":1,"n":64,"prefix":"ask ","suffix":"\\n"}')" ] ||
    [ "$(tr -d ' ' <requests | grep -c '"prefix":"ask","suffix":"\\n"')" = 1 ] || fail "$editor: asked $(cat requests)"

  # Another key dismisses it, and Tab is a tab again.
  open_editor 'ask '
  keys C-b
  wait_for sees MIDDLE
  keys x
  wait_for sees 'ask x'
  wait_for sees_not MIDDLE
  keys Tab
  written "$(printf 'ask x\t')"
  close_editor

  # In the middle of a line and of a text, what follows keeps its place; several lines keep their own indentation.
  open_editor "$(printf '\tdef f lines|rest\nlast')"
  keys Escape g g f '|' s C-b
  wait_for sees 'return x'
  keys Tab z
  written "$(printf '\tdef f lines(x):\n\treturn x\n\ny = zrest\nlast')"
  close_editor
  grep -q '"suffix": *"rest\\nlast\\n"' requests || fail "$editor: suffix of $(cat requests)"
  grep -q '"prefix": *"\\tdef f lines"' requests || fail "$editor: prefix of $(cat requests)"

  # An answer that comes after more was typed is dropped; each request replaces the one before it, and the last is shown.
  open_editor 'slow'
  keys C-b
  wait_for lines_of requests 1
  keys a C-b b C-b c C-b
  wait_for sees 'slowabcMIDDLE'
  lines_of requests 4 || fail "$editor: $(wc -l <requests) requests instead of 4"
  [ "$(grep -o '"replaces": *[0-9]*' requests | tr -dc '0-9\n' | tr '\n' ' ')" = '1 2 3 ' ] || fail "$editor: sent $(cat requests)"
  sees_not LATE || fail "$editor: a late answer is shown"
  written 'slowabc'
  close_editor

  # Leaving insert mode is an end, too.
  open_editor 'slow'
  keys C-b
  wait_for lines_of requests 1
  keys Escape
  wait_for lines_of answered 1
  sleep 0.1
  sees_not LATE || fail "$editor: an answer is shown in normal mode"
  written 'slow'
  close_editor

  # After a pause without being asked, where that is wanted.
  open_editor 'pause' 'let g:lm_fim_auto = 1 | let g:lm_fim_delay = 50'
  keys d
  wait_for sees 'pausedMIDDLE'
  keys Tab
  written 'pausedMIDDLE'
  close_editor

  # Without ghost text the answer is inserted at once.
  open_editor 'ask ' 'let g:lm_fim_ghost = 0'
  keys C-b
  wait_for sees 'ask MIDDLE'
  written 'ask MIDDLE'
  close_editor

  # Quotes, backslashes, tabs and other letters arrive as they are.
  open_editor "$(printf 'naïve "q" \\\\ \t→')" 'let b:lm_fim_single_line = 1'
  keys C-b
  wait_for sees MIDDLE
  written "$(printf 'naïve "q" \\\\ \t→')"
  close_editor
  grep -q '"single_line": *true' requests || fail "$editor: asked $(cat requests)"
  grep -qF '"naïve \"q\" \\\\ \t→"' requests || fail "$editor: asked $(cat requests)"

  # An error is shown once, and the program continues.
  # (Messages are looked up at the end: on the screen the next redraw may take their place.)
  open_editor 'broken'
  keys C-b
  wait_for lines_of answered 1
  keys C-b
  wait_for lines_of answered 2
  keys ' ' C-b
  wait_for sees 'broken MIDDLE'
  close_editor
  [ "$(grep -c 'lm-fim: no such thing' messages)" = 1 ] || fail "$editor: told $(cat messages)"
  lines_of starts 1 || fail "$editor: started $(wc -l <starts) times"

  # A program that ends is told of, and asked again starts again.
  open_editor 'die'
  keys C-b
  wait_for lines_of starts 1
  sleep 1
  keys d C-b
  wait_for sees 'diedMIDDLE'
  close_editor
  grep -qF 'out of luck' messages || fail "$editor: told $(cat messages)"
  lines_of starts 2 || fail "$editor: started $(wc -l <starts) times"

  # Unasked, a program that fails at its start is not started again and again.
  open_editor 'di' 'let g:lm_fim_auto = 1 | let g:lm_fim_delay = 20'
  keys e
  wait_for lines_of starts 1
  sleep 1
  keys x
  sleep 0.2
  keys y
  sleep 0.2
  lines_of starts 1 || fail "$editor: started $(wc -l <starts) times"
  written 'diexy'
  close_editor

  # No model, no program: that is said, and typing continues.
  open_editor 'ask ' 'unlet g:lm_fim_model'
  keys C-b
  keys x
  written 'ask x'
  close_editor
  grep -qF 'no model' messages || fail "$editor: told $(cat messages)"
  open_editor 'ask ' 'let g:lm_fim_command = "./absent"'
  keys C-b
  close_editor
  grep -qF "no program './absent'" messages || fail "$editor: told $(cat messages)"

  # The user's own mapping of a key stays.
  open_editor 'ask ' 'inoremap <Tab> TAB| let g:lm_fim_complete_key = "<C-L>"'
  keys C-l
  wait_for sees MIDDLE
  keys Tab
  written 'ask TAB'
  close_editor
}

for editor in vim nvim; do
  command -v $editor >/dev/null || continue
  plugin_cases
done

# With the real program, what is accepted is what it writes between the same two texts.
editor=vim
if command -v tok-train tok-encode lm-train lm-fim >/dev/null; then
  yes 'alpha beta gamma' | head -n 300 >corpus || true
  tok-train --vocab-size 400 -o tok.json corpus
  tok-encode -t tok.json -o corpus.tok corpus
  lm-train -t tok.json --objective fim --layers 2 --channels 32 --heads 2 --context 64 --steps 200 -o model corpus.tok
  printf 'alpha beta gamma\nalpha ' >prefix
  printf '\nalpha beta gamma\n' >suffix
  middle=$(lm-fim model --prefix-file prefix --suffix-file suffix --single-line -n 6)
  [ -n "$middle" ] || fail "this model writes nothing"
  open_editor "$(cat prefix suffix)" \
    'let g:lm_fim_command = "lm-fim" | let g:lm_fim_tokens = 6 | let g:lm_fim_single_line = 1'
  keys Escape '2G' A C-b
  wait_for sees "alpha $middle"
  keys Tab
  written "$(cat prefix; printf '%s' "$middle"; cat suffix)"
  close_editor
fi

# Its help page leads to every setting, mapping and command that there is.
cp -r "$LM_SOURCE/share/lm/vim/doc" doc
vim -u NONE -i NONE -n -es -c "helptags doc" -c q
{
  grep -oE "s:setting\('[a-z_]+'" "$LM_SOURCE/share/lm/vim/autoload/lm.vim" | sed -E "s/.*'([a-z_]+)'/g:lm_fim_\1/"
  grep -oE "'lm_fim_[a-z_]+'" "$LM_SOURCE/share/lm/vim/plugin/lm.vim" | sed -E "s/'(.*)'/g:\1/"
  grep -oE '<Plug>\(lm-[a-z]+\)|\bLmStop' "$LM_SOURCE/share/lm/vim/plugin/lm.vim" | sed 's/^Lm/:&/'
} | sort -u >names
[ "$(wc -l <names)" = 14 ] || fail "other names than these 14: $(cat names)"
while read -r name; do
  grep -qF "$name"$'\t' doc/tags || fail "no help for $name"
done <names
