package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/alecthomas/kong"
	"github.com/mattn/go-isatty"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
)

// Exit codes.
const (
	Done   = 0
	Failed = 1
	Usage  = 2
)

// Run parses the command line by a grammar (a pointer to a struct with kong's tags and Options in it), runs the command
// and returns the exit code. Flags come from the environment, too; an unknown name there that starts with BBBPOOL_ is a
// typing error, and named.
func Run(env *Env, commands any, options *Options, args []string) int {
	exited := -1
	parser, err := grammar.New(commands,
		kong.Name("bbbpool"),
		kong.Description("A pool of BigBlueButton servers behind one endpoint."),
		kong.Writers(env.Out, env.Err),
		kong.Vars{"version": v1.Build(env.Version).String()},
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		return env.failed(err, Usage)
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 { // --help
		return exited
	}
	if err == nil {
		err = grammar.CheckEnvironment(parser.Model, os.Environ())
	}
	if err != nil {
		return env.failed(grammar.Advised(err), Usage)
	}
	env.Options, env.Terminal = *options, isTerminal(env.In)
	env.Watched, env.Shown = isTerminal(env.Err), isTerminal(env.Out)
	if err := parsed.Run(env); err != nil {
		if _, wrong := errors.AsType[grammar.UsageError](err); wrong {
			return env.failed(err, Usage)
		}
		return env.failed(err, Failed)
	}
	return Done
}

// Defaults fills a struct of flags from the environment, as Run does for a command.
func Defaults(flags any) error {
	parser, err := grammar.New(flags)
	if err != nil {
		return err
	}
	_, err = parser.Parse(nil)
	return err
}

// isTerminal tells whether somebody sits there.
func isTerminal(end any) bool {
	file, ok := end.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}

// failed prints why a command failed, and returns an exit code.
func (e *Env) failed(err error, code int) int {
	_, _ = fmt.Fprintln(e.Err, "bbbpool: "+err.Error())
	return code
}
