package cli

import (
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/mattn/go-isatty"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

// Exit codes.
const (
	Done   = 0
	Failed = 1
	Usage  = 2
)

// ownPrefix begins every name in the environment that means bbbpool alone.
const ownPrefix = "BBBPOOL_"

// testNames are those that the program's own tests use.
var testNames = []string{"BBBPOOL_TEST_MAIN", "BBBPOOL_TEST_REQUIRE"}

// Run parses the command line by a grammar (a pointer to a struct with kong's tags and Options in it), runs the command
// and returns the exit code. Flags come from the environment, too; an unknown name there that starts with BBBPOOL_ is a
// typing error, and named.
func Run(env *Env, grammar any, options *Options, args []string) int {
	exited := -1
	parser, err := kong.New(grammar,
		kong.Name("bbbpool"),
		kong.Description("A pool of BigBlueButton servers behind one endpoint."),
		kong.Writers(env.Out, env.Err),
		kong.Vars{"version": v1.Build(env.Version).String()},
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.TypeMapper(reflect.TypeFor[time.Duration](), kong.MapperFunc(durations)),
	)
	if err != nil {
		return env.failed(err, Usage)
	}
	dropEmpty(names(parser.Model.Node))
	parsed, err := parser.Parse(args)
	if exited >= 0 { // --help
		return exited
	}
	if err == nil {
		err = unknownNames(parser.Model, os.Environ())
	}
	if err != nil {
		return env.failed(advised(err), Usage)
	}
	env.Options, env.Terminal = *options, isTerminal(env.In)
	env.Watched, env.Shown = isTerminal(env.Err), isTerminal(env.Out)
	if err := parsed.Run(env); err != nil {
		if _, wrong := errors.AsType[UsageError](err); wrong {
			return env.failed(err, Usage)
		}
		return env.failed(err, Failed)
	}
	return Done
}

// Defaults fills a struct of flags from the environment, as Run does for a command.
func Defaults(flags any) error {
	parser, err := kong.New(flags, kong.TypeMapper(reflect.TypeFor[time.Duration](), kong.MapperFunc(durations)))
	if err != nil {
		return err
	}
	dropEmpty(names(parser.Model.Node))
	_, err = parser.Parse(nil)
	return err
}

// isTerminal tells whether somebody sits there.
func isTerminal(end any) bool {
	file, ok := end.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}

func (e *Env) failed(err error, code int) int {
	_, _ = fmt.Fprintln(e.Err, "bbbpool: "+err.Error())
	return code
}

// durations reads "10s", and a bare number as seconds, which is how Scalelite has them.
func durations(ctx *kong.DecodeContext, target reflect.Value) error {
	text := ""
	if err := ctx.Scan.PopValueInto("duration", &text); err != nil {
		return err
	}
	d, err := time.ParseDuration(text)
	if seconds, ok := bareSeconds(text); ok {
		d, err = time.Duration(seconds*float64(time.Second)), nil
	}
	if err != nil {
		return fmt.Errorf("%q is no duration: want 10s, 500ms, 5m, or a number of seconds", text)
	}
	target.SetInt(int64(d))
	return nil
}

// bareSeconds reads a number of seconds, whole or not.
func bareSeconds(text string) (seconds float64, ok bool) {
	if strings.Trim(strings.TrimPrefix(text, "-"), "0123456789.") != "" {
		return 0, false // what else Go takes for a number nobody means
	}
	seconds, err := strconv.ParseFloat(text, 64)
	return seconds, err == nil && math.Abs(seconds) <= math.MaxInt32
}

// dropEmpty takes names without a value out of the environment: in a file of settings NAME= means that it is not set.
func dropEmpty(names []string) {
	for _, name := range names {
		if value, set := os.LookupEnv(name); set && value == "" {
			_ = os.Unsetenv(name) // fails for no name that a flag can have
		}
	}
}

// unknownNames finds names in the environment that start like ours and mean nothing.
func unknownNames(model *kong.Application, environ []string) error {
	known := append(names(model.Node), testNames...)
	var unknown []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, ownPrefix) && !slices.Contains(known, name) {
			unknown = append(unknown, name)
		}
	}
	if unknown == nil {
		return nil
	}
	slices.Sort(unknown)
	return errors.New("unknown in the environment: " + strings.Join(unknown, ", ") +
		"; correct or remove it, bbbpool serve --help lists the names")
}

func names(node *kong.Node) (list []string) {
	for _, flag := range node.Flags {
		list = append(list, flag.Envs...)
	}
	for _, child := range node.Children {
		list = append(list, names(child)...)
	}
	return list
}
