package grammar

import (
	"embed"
	"strings"
	"text/template"

	"github.com/alecthomas/kong"
)

// completions are a template for each shell, of the list of all places.
//
//go:embed completion
var completions embed.FS

// Completion returns the script that makes a shell (bash, zsh or fish) complete the commands and flags of a grammar.
func Completion(shell string, top *kong.Node) (string, error) {
	name := "bbbpool." + shell
	t, err := template.New(name).Funcs(template.FuncMap{
		"join": func(words []string) string { return strings.Join(words, " ") }, "quote": quoteFor(shell), "option": fishOption,
	}).ParseFS(completions, "completion/"+name)
	if err != nil {
		return "", err
	}
	var script strings.Builder
	err = t.Execute(&script, places(top, ""))
	return script.String(), err
}

// place is a command, and what may follow it. What it is called has a blank before each word.
type place struct {
	At       string
	Commands []choice
	Flags    []choice
}

// choice is a command or a flag that somebody may want.
type choice struct {
	At, Name, Help string
	Valued         bool     // a value follows
	Values         []string // that it may have; none where it may be anything
}

// places lists a command and all below it, without what is hidden.
func places(node *kong.Node, at string) []place {
	here := place{At: at}
	for _, group := range node.AllFlags(true) {
		for _, flag := range group {
			here.Flags = append(here.Flags, flagChoices(flag, at)...)
		}
	}
	list := []place{here}
	for _, child := range node.Children {
		if !child.Hidden {
			list[0].Commands = append(list[0].Commands, choice{At: at, Name: child.Name, Help: firstSentence(child.Help)})
			list = append(list, places(child, at+" "+child.Name)...)
		}
	}
	return list
}

// flagChoices are the forms of a flag.
func flagChoices(flag *kong.Flag, at string) (list []choice) {
	long := choice{At: at, Name: "--" + flag.Name, Help: firstSentence(flag.Help), Valued: !flag.IsBool() && !flag.IsCounter()}
	if flag.Enum != "" {
		long.Values = flag.EnumSlice()
	}
	list = append(list, long)
	if flag.Short != 0 {
		short := long
		short.Name = "-" + string(flag.Short)
		list = append(list, short)
	}
	if flag.Tag.Negatable != "" {
		list = append(list, choice{At: at, Name: "--no-" + flag.Name, Help: long.Help})
	}
	return list
}

// firstSentence is as much of a help text as a shell has room for.
func firstSentence(help string) string {
	first, _, _ := strings.Cut(help, ". ")
	first, _, _ = strings.Cut(first, "; ")
	return strings.TrimSuffix(first, ".")
}

// quoteFor quotes a name, and the text that explains it, for a shell. In zsh a colon separates them.
func quoteFor(shell string) func(words ...string) string {
	return func(words ...string) string {
		text := strings.Join(words, ":")
		if shell == "fish" {
			return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
		}
		return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
}

// fishOption declares a flag in fish.
func fishOption(name string) string {
	if long, is := strings.CutPrefix(name, "--"); is {
		return "-l " + long
	}
	return "-s " + strings.TrimPrefix(name, "-")
}

// Child returns the command of a name below another, or nil where there is none that anybody should know.
func Child(node *kong.Node, name string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == name && !child.Hidden {
			return child
		}
	}
	return nil
}
