package grammar

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// New returns a parser for a grammar, which is a pointer to a struct with kong's tags. Durations are read as [durations]
// does, and names in the environment without a value count as not set: they are taken out of it, for this process. A flag with
// the tag empty means something without a value, too.
func New(target any, options ...kong.Option) (*kong.Kong, error) {
	parser, err := kong.New(target, append(options,
		kong.TypeMapper(reflect.TypeFor[time.Duration](), kong.MapperFunc(durations)))...)
	if err != nil {
		return nil, err
	}
	dropEmpty(names(parser.Model.Node, func(f *kong.Flag) bool { return !f.Tag.Has(emptyTag) }))
	return parser, nil
}

// emptyTag is the tag of flags whose names in the environment count as set without a value.
const emptyTag = "empty"

// ownPrefix begins every name in the environment that means bbbpool alone.
const ownPrefix = "BBBPOOL_"

// testNames are those that the program's own tests use.
var testNames = []string{
	"BBBPOOL_TEST_MAIN", "BBBPOOL_TEST_REQUIRE", "BBBPOOL_TEST_CHAOS_TIME", "BBBPOOL_TEST_CHAOS_DIR", "BBBPOOL_TEST_STORM_KILLS",
	"BBBPOOL_TEST_STORM_DIR",
}

// dropEmpty takes names without a value out of the environment: in a file of settings NAME= means that it is not set.
func dropEmpty(names []string) {
	for _, name := range names {
		if value, set := os.LookupEnv(name); set && value == "" {
			_ = os.Unsetenv(name) // fails for no name that a flag can have
		}
	}
}

// CheckEnvironment refuses names in an environment that start like ours and mean nothing to a grammar: they are typing
// errors.
func CheckEnvironment(model *kong.Application, environ []string) error {
	known := append(names(model.Node, anyFlag), testNames...)
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

// names are the names in the environment that some flags of a command and of all below it read.
func names(node *kong.Node, some func(*kong.Flag) bool) (list []string) {
	for _, flag := range node.Flags {
		if some(flag) {
			list = append(list, flag.Envs...)
		}
	}
	for _, child := range node.Children {
		list = append(list, names(child, some)...)
	}
	return list
}

func anyFlag(*kong.Flag) bool { return true }

// UsageError is a wrong command line that only the command itself can tell. It has an exit code of its own.
type UsageError struct{ Err error }

// Error returns what is wrong.
func (e UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the error without its meaning for the exit code.
func (e UsageError) Unwrap() error { return e.Err }

// Misused is a [UsageError] with a text.
func Misused(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// Advised adds where the right use stands to what kong has found wrong.
func Advised(err error) error {
	if wrong, ok := errors.AsType[*kong.ParseError](err); ok {
		if command := wrong.Context.Selected(); command != nil {
			return fmt.Errorf("%w\n`%s --help` tells how to use it", err, command.FullPath())
		}
	}
	return fmt.Errorf("%w\n`bbbpool --help` lists the commands", err)
}
