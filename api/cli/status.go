package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// NoServers tells what comes next in a new pool.
const NoServers = "no servers yet: bbbpool server add URL --secret SECRET --enable"

// StatusCmd shows the pool at a glance.
type StatusCmd struct{}

// Run prints the sums, and what is wrong in words.
func (c *StatusCmd) Run(env *Env) error {
	return env.With(Report, func(pool *Connection) error {
		st, err := pool.Status(env.Ctx)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return terminal.PrintJSON(env.Out, st)
		}
		return printStatus(env, st)
	})
}

func printStatus(env *Env, st v1.Status) error {
	pairs := [][2]string{
		{"version", st.Version},
		{"servers", servers(st.Servers)},
		{"meetings", strconv.Itoa(st.Meetings)},
		{"users", fmt.Sprintf("%d, and %s more expected", st.Users, terminal.Number(st.Expected))},
	}
	pairs = append(append(pairs, recordingSums(st.Recordings)...), backups(env, st.Backup)...)
	pairs = append(pairs, instances(st)...)
	if err := terminal.Sheet(env.Out, pairs...); err != nil {
		return err
	}
	st.Problems = append(st.Problems, elsewhere(st)...)
	text := "nothing is wrong\n"
	if len(st.Problems) > 0 {
		text = "what is wrong:\n" + bullets(st.Problems)
	}
	if st.Servers.Total == 0 {
		text += NoServers + "\n"
	}
	_, err := fmt.Fprint(env.Out, "\n"+text)
	return err
}

// instances says which processes there are, where there are several.
func instances(st v1.Status) [][2]string {
	if len(st.Instances) == 0 {
		return nil
	}
	leader := "none of them leads"
	if st.Leader != "" {
		leader = st.Leader + " leads"
	}
	text := fmt.Sprintf("%d; %s", len(st.Instances), leader)
	if st.LagMS != nil {
		text += fmt.Sprintf("; %s ms behind at most", strconv.FormatFloat(*st.LagMS, 'f', 0, 64))
	}
	return [][2]string{{"instances", terminal.Printable(text)}}
}

// elsewhere is what is wrong at other instances than the one that has answered, and not there.
func elsewhere(st v1.Status) (list []string) {
	for _, one := range st.Instances {
		if one.State == v1.Silent {
			list = append(list, fmt.Sprintf("instance %s at %s says nothing", one.ID, one.Address))
		}
		for _, text := range one.Problems {
			if !one.Self && !slices.Contains(st.Problems, text) {
				list = append(list, fmt.Sprintf("at %s: %s", one.ID, text))
			}
		}
	}
	return list
}

// backups says how old the last good backup is, where the pool makes any by itself.
func backups(env *Env, b *v1.BackupStatus) [][2]string {
	if b == nil {
		return nil
	}
	text := "none has been verified yet"
	if b.Verified != nil {
		text = fmt.Sprintf("verified, %s old; %d records, %s", terminal.Span(max(0, int64(env.Time().Sub(*b.Verified).Seconds()))),
			b.Rows, terminal.Size(b.Bytes))
	}
	if b.Failed != nil {
		text += "; the last attempt failed"
	}
	return [][2]string{{"backup", terminal.Printable(text)}}
}

// recordingSums says what there is of recordings, if there is anything.
func recordingSums(sums *v1.RecordingSums) (pairs [][2]string) {
	if sums == nil {
		return nil
	}
	kinds := some(tally{"published", sums.Published}, tally{"unpublished", sums.Unpublished},
		tally{"processing", sums.Processing}, tally{"deleted", sums.Deleted})
	if kinds != "" {
		pairs = append(pairs, [2]string{"recordings", kinds + "; " + terminal.Size(sums.Bytes)})
	}
	if imports := some(tally{"open", sums.Importing}, tally{"failed", sums.Failed}); imports != "" {
		pairs = append(pairs, [2]string{"imports", imports})
	}
	if sums.Owed > 0 {
		pairs = append(pairs, [2]string{"owed", fmt.Sprintf("%d, %d of them overdue", sums.Owed, sums.Overdue)})
	}
	return pairs
}

// servers says how many there are of each kind that there is.
func servers(c v1.Counts) string {
	text := strconv.Itoa(c.Total)
	states := some(tally{"enabled", c.Enabled}, tally{"cordoned", c.Cordoned}, tally{"draining", c.Draining},
		tally{"disabled", c.Disabled})
	if states != "" {
		text += ": " + states
	}
	healths := some(tally{"online", c.Online}, tally{"suspect", c.Suspect}, tally{"offline", c.Offline},
		tally{"unknown", c.Unknown})
	if healths != "" {
		text += "; " + healths
	}
	return text
}

type tally struct {
	what string
	n    int
}

// some leaves out those of which there are none.
func some(tallies ...tally) string {
	var list []string
	for _, t := range tallies {
		if t.n > 0 {
			list = append(list, strconv.Itoa(t.n)+" "+t.what)
		}
	}
	return strings.Join(list, ", ")
}

func bullets(list []string) string {
	var b strings.Builder
	for _, text := range list {
		b.WriteString("  " + terminal.Printable(text) + "\n")
	}
	return b.String()
}
