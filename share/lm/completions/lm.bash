# Completions for bash: source this file, or install it as /usr/share/bash-completion/completions/lm-train (and the other names).
# Options and their words come from the program's own --help, so they are always those of the program that will run.

_lm_tools() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} program=$1 names type folder
  command -v "$program" >/dev/null || return
  COMPREPLY=()

  # The value of an option whose help shows its words, as in "--simd auto|portable|avx2|avx512".
  if [[ $previous == -* ]]; then
    type=$("$program" --help | sed -nE "s/^  (-[A-Za-z], )?(--[a-z0-9-]+, )*$previous( ([^ ]+))?( .*)?$/\4/p" | head -n 1)
    if [[ $previous == --config ]]; then
      folder=$(dirname "$(command -v "$program")")
      names=$(cd "$folder/../share/lm" 2>/dev/null && compgen -G '*.toml')
      names=${names//.toml/}
      mapfile -t COMPREPLY < <(compgen -W "$names" -- "$word"; compgen -f -- "$word")
      return
    fi
    if [[ $type == *"|"* && $type != *[A-Z]* ]]; then
      mapfile -t COMPREPLY < <(compgen -W "${type//|/ }" -- "$word")
      return
    fi
  fi

  if [[ $word == -* ]]; then
    names=$("$program" --help | grep -oE '^  -[A-Za-z0-9-]+(, --?[A-Za-z0-9-]+)*' | tr ',' ' ')
    mapfile -t COMPREPLY < <(compgen -W "$names" -- "$word")
    return
  fi
  mapfile -t COMPREPLY < <(compgen -f -- "$word")
}

complete -o filenames -F _lm_tools tok-train tok-encode tok-decode lm-train lm-eval-ppl lm-sample lm-fim lm-convert lm-info lm-plot
