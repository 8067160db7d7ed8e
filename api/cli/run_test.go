package cli_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/commands"
	"github.com/bbbpool/bbbpool/api/cli/demo"
)

// use runs a command line as the program does, on a pool that is not there.
func use(t *testing.T, args ...string) (code int, said string) {
	t.Helper()
	var grammar struct {
		cli.Options
		commands.All
		Demo      demo.Cmd          `cmd:""`
		Simulator demo.SimulatorCmd `cmd:""`
		Version   cli.VersionCmd    `cmd:""`
	}
	var errs, out bytes.Buffer
	env := &cli.Env{Ctx: t.Context(), In: strings.NewReader(""), Out: &out, Err: &errs, Version: "1.2.3"}
	code = cli.Run(env, &grammar, &grammar.Options, append([]string{"--data", t.TempDir()}, args...))
	return code, errs.String() + out.String()
}

// Wrong use has an exit code of its own, whoever finds it, and a text that says what is right.
func TestRun_Usage(t *testing.T) {
	tests := []struct {
		args string
		code int
		says string
	}{
		{"server add", cli.Usage, "`bbbpool server add --help` tells"},
		{"server", cli.Usage, "`bbbpool server --help` tells"},
		{"serve --nothing", cli.Usage, "`bbbpool --help` lists"},
		{"server add pool.example", cli.Usage, "--secret -"},
		{"server add pool.example --secret -", cli.Usage, "--secret -: there is none"},
		{"server add pool.example --secret s --weight NaN", cli.Usage, "--weight: want a number above 0"},
		{"server set a", cli.Usage, "nothing to change"},
		{"server set a --weight=-Inf", cli.Usage, "--weight: want a number above 0"},
		{"status --admin pool.example", cli.Usage, "https://HOST"},
		{"status --admin https://pool.example", cli.Usage, "BBBPOOL_ADMIN_TOKEN"},
		{"simulator --servers 0", cli.Usage, "--servers: want a number from 1 to 2000"},
		{"simulator --servers 2001", cli.Usage, "--servers"},
		{"simulator --listen 127.0.0.1", cli.Usage, "--listen: want HOST:PORT"},
		{"simulator --listen 127.0.0.1:65536", cli.Usage, "--listen: want a port"},
		{"simulator --listen 127.0.0.1:65535 --servers 2", cli.Usage, "--listen: 2 servers need"},
		{"demo --servers=-1", cli.Usage, "--servers"},
		{"demo --listen nowhere", cli.Usage, "--listen"},
		{"server drain a --recordings-timeout=-1s", cli.Usage, "--recordings-timeout: want a duration, as 24h, or 0"},
		{"server drain a --recordings-timeout 0", cli.Failed, "no bbbpool data"},
		{"server drain a --recordings-timeout soon", cli.Usage, "no duration"},
		{"server test a --meetings 0", cli.Usage, "--short leaves out the load test"},
		{"server sync", cli.Usage, "`bbbpool server sync --help` tells"},
		{"server sync nowhere.yml", cli.Failed, "nowhere.yml: no such file or directory"},
		{"meeting dry-run room --hint=-1", cli.Usage, "--hint: want a number of people"},
		{"tenant set default", cli.Usage, "nothing to change"},
		{"history export --since 7", cli.Usage, "no time: want an age as 30d"},
		{"history export --since 1d --until 2d", cli.Usage, "--until: want a time after --since"},
		{"simulate", cli.Usage, "nothing to replay"},
		{"simulate nowhere.ndjson", cli.Failed, "nowhere.ndjson: no such file or directory"},
		{"status", cli.Failed, "no bbbpool data"},
		{"version", cli.Done, "1.2.3"},
	}
	for _, test := range tests {
		if code, said := use(t, strings.Fields(test.args)...); code != test.code || !strings.Contains(said, test.says) {
			t.Errorf("%s: code %d, want %d with %q: %s", test.args, code, test.code, test.says, said)
		}
	}
}

// The help lists every command, and says of those that take servers away what they do.
func TestRun_Help(t *testing.T) {
	t.Setenv("COLUMNS", "")
	var got strings.Builder
	for _, command := range []string{
		"", "server add", "server set", "server drain", "server panic", "server test", "server sync", "server export", "meeting explain",
		"meeting dry-run", "tenant set", "capacity", "history export",
	} {
		code, said := use(t, append(strings.Fields(command), "--help")...)
		if code != cli.Done {
			t.Errorf("%s: code %d", command, code)
		}
		got.WriteString("$ bbbpool " + strings.TrimSpace(command+" --help") + "\n" + said + "\n")
	}
	golden(t, "help.txt", got.String())
}

// Names in the environment are ours or a typing error; those of the tests are let through one by one.
func TestRun_Environment(t *testing.T) {
	for name, want := range map[string]int{
		"BBBPOOL_TEST_MAIN": cli.Done, "BBBPOOL_TEST_REQUIRE": cli.Done, "BBBPOOL_TEST_MAINS": cli.Usage,
		"BBBPOOL_LISTENS": cli.Usage, "OTHER": cli.Done,
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, "1")
			if code, said := use(t, "version"); code != want || want == cli.Usage && !strings.Contains(said, name) {
				t.Errorf("code %d, want %d: %s", code, want, said)
			}
		})
	}
}
