# Completion of bbbpool in bash. In ~/.bashrc: source <(bbbpool completion bash)
_bbbpool() {
  local at="" flag="" cur="${COMP_WORDS[COMP_CWORD]}" words="" i word
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="${COMP_WORDS[i]}"
    if [[ $word == "=" ]]; then
      continue # bash takes --flag=value for three words
    elif [[ -n $flag ]]; then
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
  [[ $cur == "=" ]] && cur=""
  if [[ -n $flag ]]; then
    case "$at $flag" in
{{- range .}}{{range .Flags}}{{if .Values}}
    "{{.At}} {{.Name}}") words="{{join .Values}}" ;;{{end}}{{end}}{{end}}
    esac
  elif [[ $cur == -* ]]; then
    case "$at" in
{{- range .}}
    "{{.At}}") words="{{range .Flags}}{{.Name}} {{end}}" ;;{{end}}
    esac
  else
    case "$at" in
{{- range .}}{{if .Commands}}
    "{{.At}}") words="{{range .Commands}}{{.Name}} {{end}}" ;;{{end}}{{end}}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _bbbpool bbbpool
