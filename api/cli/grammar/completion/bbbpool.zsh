#compdef bbbpool
# Completion of bbbpool in zsh. As _bbbpool in a directory of $fpath, or in ~/.zshrc: source <(bbbpool completion zsh)
_bbbpool() {
  local at="" flag="" i word
  local -a found
  for ((i = 2; i < CURRENT; i++)); do
    word="${words[i]}"
    if [[ -n $flag ]]; then
      flag=""
      continue
    fi
    case "$at $word" in
{{- range .}}{{range .Flags}}{{if .Valued}}
    "{{.At}} {{.Name}}") flag="{{.Name}}" ;;{{end}}{{end}}{{end}}
{{- range .}}{{if .At}}
    "{{.At}}") at="{{.At}}" ;;{{end}}{{end}}
    esac
  done
  if [[ -n $flag ]]; then
    case "$at $flag" in
{{- range .}}{{range .Flags}}{{if .Values}}
    "{{.At}} {{.Name}}") found=({{join .Values}}) ;;{{end}}{{end}}{{end}}
    esac
  elif [[ ${words[CURRENT]} == -* ]]; then
    case "$at" in
{{- range .}}
    "{{.At}}") found=({{range .Flags}}{{quote .Name .Help}} {{end}}) ;;{{end}}
    esac
  else
    case "$at" in
{{- range .}}{{if .Commands}}
    "{{.At}}") found=({{range .Commands}}{{quote .Name .Help}} {{end}}) ;;{{end}}{{end}}
    esac
  fi
  if (( ${#found} )); then
    _describe bbbpool found
  else
    _files
  fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _bbbpool "$@"
else
  compdef _bbbpool bbbpool
fi
