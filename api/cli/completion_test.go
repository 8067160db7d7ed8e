package cli_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
)

// bash completes the last of some words by our script, and returns what it offers.
func bash(t *testing.T, script string, words ...string) []string {
	t.Helper()
	quoted := make([]string, 0, len(words))
	for _, word := range words {
		quoted = append(quoted, "'"+word+"'")
	}
	text := fmt.Sprintf("%s\nCOMP_WORDS=(%s); COMP_CWORD=%d; _bbbpool; printf '%%s\\n' \"${COMPREPLY[@]}\"\n", script,
		strings.Join(quoted, " "), len(words)-1)
	cmd := exec.Command("bash", "--norc", "--noprofile")
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("bash: %v\n%s", err, out)
	}
	return strings.Fields(string(out))
}

// Commands, flags and the values of flags are completed where they belong, wherever the flags before them stand.
func TestCompletionCmd_Bash(t *testing.T) {
	code, script := use(t, "completion", "bash")
	if code != cli.Done {
		t.Fatalf("code %d: %s", code, script)
	}
	for _, test := range []struct{ line, want string }{
		{"bbbpool se", "server"},
		{"bbbpool server sy", "sync"},
		{"bbbpool --data server server e", "enable export"},
		{"bbbpool --json --data=server tenant s", "show set secret sync"},
		{"bbbpool server sync --mode ", "keep cordon force"},
		{"bbbpool server sync --mode = f", "force"},
		{"bbbpool server sync --mode =", "keep cordon force"},
		{"bbbpool server sync file --dr", "--dry-run"},
		{"bbbpool server remove --yes a --fo", "--force"},
		{"bbbpool server set a --no", "--no-hard"},
		{"bbbpool server sync ", ""},    // a file
		{"bbbpool status --admin ", ""}, // anything
		{"bbbpool --admin-t", ""},       // hidden
		{"bbbpool completion --he", "--help"},
	} {
		if got := bash(t, script, strings.Split(test.line, " ")...); strings.Join(got, " ") != test.want {
			t.Errorf("%q is completed by %q, want %q", test.line, got, test.want)
		}
	}
	if got := bash(t, script, "bbbpool", ""); !slices.Contains(got, "status") || !slices.Contains(got, "help") {
		t.Errorf("the commands are %q", got)
	}
}

// The other shells get the same, with what it is for.
func TestCompletionCmd_Others(t *testing.T) {
	for shell, lines := range map[string][]string{
		"zsh": {
			"#compdef bbbpool\n", `" server sync --mode") found=(keep cordon force) ;;`, `'remove:Take a server out of the pool'`,
			`'script:Print the script that sends a server'\''s recordings to the pool'`,
		},
		"fish": {
			`complete -c bbbpool -f -n '__bbbpool_at " server"' -a remove -d 'Take a server out of the pool'`,
			`complete -c bbbpool -n '__bbbpool_at " server sync"' -l mode -x -a "keep cordon force" -d `, `-s y -d 'Do not ask'`,
			`-a script -d 'Print the script that sends a server\'s recordings to the pool'`,
		},
	} {
		code, script := use(t, "completion", shell)
		for _, line := range lines {
			if code != cli.Done || !strings.Contains(script, line) {
				t.Errorf("%s: code %d, no %q", shell, code, line)
			}
		}
		var printed v1.Script
		if _, text := use(t, "completion", shell, "--json"); json.Unmarshal([]byte(text), &printed) != nil || printed.Script != script {
			t.Errorf("%s: in JSON it is something else", shell)
		}
	}
	if code, said := use(t, "completion", "tcsh"); code != cli.Usage {
		t.Errorf("tcsh: code %d, %s", code, said)
	}
}

// Help is the help of the command, however it is asked for.
func TestHelpCmd(t *testing.T) {
	for _, command := range []string{"", "server", "server add", "completion"} {
		code, said := use(t, append([]string{"help"}, strings.Fields(command)...)...)
		if _, want := use(t, append(strings.Fields(command), "--help")...); code != cli.Done || said != want {
			t.Errorf("help %s: code %d, %s, want %s", command, code, said, want)
		}
	}
	if code, said := use(t, "help", "server", "nothing"); code != cli.Usage || !strings.Contains(said, `no command "server nothing"`) {
		t.Errorf("code %d: %s", code, said)
	}
}

// The version is told by a flag as by the command, and in JSON with what the program was built from.
func TestVersionCmd(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"--version"}, {"status", "--version"}} {
		if code, said := use(t, args...); code != cli.Done || said != "1.2.3\n" {
			t.Errorf("%v: code %d, %q", args, code, said)
		}
	}
	var v v1.Version
	_, said := use(t, "version", "--json")
	if err := json.Unmarshal([]byte(said), &v); err != nil || v.Version != "1.2.3" || v.Go == "" {
		t.Errorf("%s: %v", said, err)
	}
	v.Revision, v.Date = "4aebd5e13c2f4aebd5e13c2f", "2026-11-28T10:11:12Z"
	if got := v.String(); got != "1.2.3 (4aebd5e13c2f, 2026-11-28)" {
		t.Errorf("it reads %s", got)
	}
}
