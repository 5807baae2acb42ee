/** What shells are told: each asks `weir completion --line` what fits, and shows it in its own way. */

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** Readline cuts words at colons and equals signs too (COMP_WORDBREAKS): they are put together again. */
const BASH = `# Completion of weir for bash: eval "$(weir completion bash)", or as /usr/share/bash-completion/completions/weir.
_weir() {
  local rest=$COMP_LINE own=\${COMP_WORDS[COMP_CWORD]} words=() lines=() word cut i
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ \${#words[@]} -eq 0 || $rest == [[:space:]]* ]]; then words+=("$word"); else words[-1]+=$word; fi
    rest=\${rest#"\${rest%%[![:space:]]*}"}
    rest=\${rest#"$word"}
  done
  mapfile -t lines < <("$1" completion --line -- "\${words[@]:1}" 2>/dev/null)
  COMPREPLY=()
  case \${lines[0]-} in
    :files) compopt -o default ;;
    :dirs) compopt -o dirnames ;;
    :words)
      [[ $own == [:=] ]] && own=
      cut=\${words[-1]%"$own"}
      COMPREPLY=("\${lines[@]:1}")
      COMPREPLY=("\${COMPREPLY[@]%%$'\\t'*}")
      COMPREPLY=("\${COMPREPLY[@]#"$cut"}")
      ;;
  esac
}
complete -F _weir weir
`;

const ZSH = `#compdef weir
# Completion of weir for zsh: source <(weir completion zsh), or as _weir in a directory of fpath.
_weir() {
  local -a lines told bare
  local line
  lines=("\${(@f)$(\${(Q)words[1]} completion --line -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  case $lines[1] in
    :files) _files ;;
    :dirs) _files -/ ;;
    :words)
      for line in "\${(@)lines[2,-1]}"; do
        if [[ $line == *$'\\t' ]]; then bare+=("\${line%$'\\t'}")
        else told+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}"); fi
      done
      if (( $#bare )); then compadd -- $bare; else _describe weir told; fi
      ;;
  esac
}
if [[ $funcstack[1] == _weir ]]; then _weir "$@"; else compdef _weir weir; fi
`;

const FISH = `# Completion of weir for fish: weir completion fish | source, or as weir.fish in ~/.config/fish/completions.
function __weir_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l lines ($words[1] completion --line -- $words[2..-1] 2>/dev/null)
    switch "$lines[1]"
        case ':files'
            __fish_complete_path (commandline -ct)
        case ':dirs'
            __fish_complete_directories (commandline -ct)
        case ':words'
            printf '%s\\n' $lines[2..-1]
    end
end
complete -c weir -f -k -a '(__weir_complete)'
`;

/** The script of each shell. */
export const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
