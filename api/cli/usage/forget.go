package usage

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// ForgetCmd takes out of the records what tells of a person.
type ForgetCmd struct {
	Texts      []string `arg:"" optional:"" name:"text" help:"By what the person is known: name, address, account. Found in any case, as a part of words, too; each spelling is a text of its own."`
	Tenant     string   `placeholder:"ID" help:"Look through the records of this tenant alone."`
	Meeting    string   `placeholder:"ID" help:"Take this meeting out of the history; it needs --tenant."`
	Recordings bool     `help:"Delete the recordings that are found, with their files, for good. Else what was found is taken out of the index."`
	DryRun     bool     `help:"Say what would be done, and do nothing."`
	Yes        bool     `short:"y" help:"Do not ask."`
}

// Run says what there is, asks, and says what was removed and what cannot be reached.
func (c *ForgetCmd) Run(env *cli.Env) error {
	if len(c.Texts) == 0 && c.Meeting == "" {
		return grammar.Misused("say by what the person is known, or pass --meeting")
	}
	if c.Meeting != "" && c.Tenant == "" {
		return grammar.Misused("--meeting: pass --tenant as well; the first one is called default")
	}
	wish := v1.Forget{Texts: c.Texts, Tenant: c.Tenant, Meeting: c.Meeting, Recordings: c.Recordings, DryRun: true}
	intent := cli.Change
	if c.DryRun {
		intent = cli.Look
	}
	return env.With(intent, func(pool *cli.Connection) error {
		found, err := pool.History.Forget(env.Ctx, wish)
		if err != nil {
			return err
		}
		if c.DryRun || nothing(found) {
			return c.tell(env, found)
		}
		if err := c.ask(env, found); err != nil {
			return err
		}
		wish.DryRun = false
		done, err := pool.History.Forget(env.Ctx, wish)
		if err != nil {
			return err
		}
		return c.tell(env, done)
	})
}

// nothing tells whether nothing of a person was found.
func nothing(found v1.Forgotten) bool {
	return found.Sessions+found.Analytics+found.Audits+len(found.Recordings) == 0
}

// ask shows what is about to be removed, and returns nil if that is wanted.
func (c *ForgetCmd) ask(env *cli.Env, found v1.Forgotten) error {
	if c.Yes {
		return nil
	}
	if err := printFound(env, found); err != nil {
		return err
	}
	what := "What was found is removed, for good."
	if c.Recordings && len(found.Recordings) > 0 {
		what = fmt.Sprintf("What was found is removed, and %s deleted with all files, for good.",
			terminal.Plural(len(found.Recordings), "recording")+" "+terminal.IsAre(len(found.Recordings)))
	}
	return env.Confirm(cli.Sure{}, what)
}

// tell says what was removed, or would be, what is left, and what cannot be reached.
func (c *ForgetCmd) tell(env *cli.Env, done v1.Forgotten) error {
	if env.Options.JSON {
		return terminal.PrintJSON(env.Out, done)
	}
	var text strings.Builder
	verb := "removed"
	if done.DryRun {
		verb = "to be removed"
	}
	if nothing(done) {
		text.WriteString("nothing was found, and so nothing removed\n")
	} else {
		fmt.Fprintf(&text, "%s:\n  %s of the history\n  %s\n  what %s of the audit log had of the record\n", verb,
			terminal.Plural(done.Sessions, "session"), ofRecordings(done.Recordings, c.Recordings), entries(done.Audits))
	}
	if done.Analytics > 0 {
		fmt.Fprintf(&text, "  who did what in the meeting, as its servers told %s\n", terminal.Plural(done.Analytics, "time"))
	}
	for _, r := range done.Recordings {
		fmt.Fprintf(&text, "    %s\n", line(r))
	}
	if len(done.Left) > 0 {
		text.WriteString("found, and left as it is:\n")
	}
	for _, l := range done.Left {
		fmt.Fprintf(&text, "  %s %s%s: %s\n", l.What, terminal.Printable(l.ID), of(l.Tenant), terminal.Printable(l.Advice))
	}
	text.WriteString("out of reach, look for it yourself:\n")
	for _, b := range done.Beyond {
		fmt.Fprintf(&text, "  - %s\n", terminal.Printable(b))
	}
	_, err := fmt.Fprint(env.Out, text.String())
	return err
}

func ofRecordings(list []v1.ForgottenRecording, deleted bool) string {
	if deleted {
		return terminal.Plural(len(list), "recording") + ", with their files"
	}
	return "what the index had found in " + terminal.Plural(len(list), "recording")
}

func entries(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return strconv.Itoa(n) + " entries"
}

// line tells of a recording, without what was found in it.
func line(r v1.ForgottenRecording) string {
	where := "of the meeting"
	if len(r.Where) > 0 {
		where = "found in " + strings.Join(r.Where, ", ")
	}
	return terminal.Printable(fmt.Sprintf("%s%s, %s: %s", r.RecordID, of(r.Tenant), r.State, where))
}

func of(tenant string) string {
	if tenant == "" {
		return ""
	}
	return " of tenant " + terminal.Printable(tenant)
}

// printFound shows on standard error what was found, so that the output is the report alone.
func printFound(env *cli.Env, found v1.Forgotten) (err error) {
	err = terminal.Say(env.Err, "found: %s, %s of the audit log, %s\n", terminal.Plural(found.Sessions, "session"),
		entries(found.Audits), terminal.Plural(len(found.Recordings), "recording"))
	for _, r := range found.Recordings {
		err = errors.Join(err, terminal.Say(env.Err, "  %s\n", line(r)))
	}
	return err
}
