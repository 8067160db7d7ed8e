# Completion of bbbpool in fish. As ~/.config/fish/completions/bbbpool.fish
function __bbbpool_at
    set -l known{{range .}}{{if .At}} "{{.At}}"{{end}}{{end}}
    set -l at ""
    for word in (commandline -opc)[2..-1]
        contains -- "$at $word" $known; and set at "$at $word"
    end
    test "$at" = "$argv[1]"
end
{{range .}}{{$at := .At}}{{range .Commands}}complete -c bbbpool -f -n '__bbbpool_at "{{$at}}"' -a {{.Name}} -d {{quote .Help}}
{{end}}{{range .Flags}}complete -c bbbpool -n '__bbbpool_at "{{$at}}"' {{option .Name}}{{if .Values}} -x -a "{{join .Values}}"{{else if .Valued}} -r{{end}} -d {{quote .Help}}
{{end}}{{end}}
