package cli_test

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/admin"
	"github.com/bbbpool/bbbpool/api/cli"
	recordingcmds "github.com/bbbpool/bbbpool/api/cli/recordings"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
)

// keep gives the pool recordings, and something to be told from each of them.
func (p *pool) keep(t *testing.T) *library {
	t.Helper()
	l := newLibrary()
	p.have(l)
	for _, tenant := range []string{"default", "school"} {
		if _, err := p.stores.State.CreateTenant(t.Context(), store.Tenant{ID: tenant, Secrets: []store.TenantSecret{{Name: "n1", Secret: "x"}}, Created: now}); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// kept are the recordings of a pool.
type kept interface {
	admin.Catalogue
	admin.Editor
	admin.Audit
	admin.Queue
	Counts(ctx context.Context) ([]store.RecordingCount, error)
	Owed(ctx context.Context) ([]recordings.Owing, error)
	Volume() []volume.Status
	Problems(ctx context.Context) []problems.Problem
	Behind(id string) error
}

// have gives the pool recordings.
func (p *pool) have(k kept) {
	p.api.Recordings = &admin.Recordings{
		Catalogue: k, Edits: k, Audit: k, Behind: k.Behind, Owed: k.Owed, Volumes: k.Volume, Tenants: p.api.Tenants,
	}
	p.api.Imports = &admin.Imports{Queue: k, Tenants: p.api.Tenants}
	p.api.Pool.Recordings, p.api.Servers.Roster.Debts = k, k.Owed
	p.problems.Report(k)
}

// What there is of recordings looks as it should, and hides what a terminal would obey.
func TestRecordingCmds_Golden(t *testing.T) {
	var commands [][]string
	for _, line := range []string{
		"status", "check", "recording list", "recording list --state unpublished --tenant school", "recording list --limit 1",
		"recording list --meeting nobody", "recording list --meta term=1", "recording list --owed",
		"recording list --owed --tenant school", "recording show aa-1", "recording show bb-2", "recording show xx",
		"recording jobs", "recording jobs --all", "recording jobs --state dropped", "recording verify",
		"recording prune --older-than 180d --dry-run", "recording prune --keep-under 500GiB --tenant default --yes",
		"status --json", "recording list --json", "recording list --owed --json --tenant school",
		"recording show aa-1 --json", "recording jobs --json --state failed", "recording verify --json",
		"recording prune --older-than 180d --dry-run --json",
	} {
		commands = append(commands, strings.Fields(line))
	}
	runGolden(t, map[string]func(*pool, *testing.T){
		"recordings": func(p *pool, t *testing.T) { p.keep(t) },
	}, commands)
}

// A terminal shows the two ends of a name that is long; who reads the list otherwise, or as JSON, gets it whole. Those
// that wait say why.
func TestRecordingJobsCmd_LongNames(t *testing.T) {
	p := newPool(t)
	l := p.keep(t)
	long := "/srv/old/\x1b[2J" + strings.Repeat("scalelite-recordings/", 20) + "2026/algebra.tar#" + strings.Repeat("0", 40) + "-17"
	const short = `/srv/old/\x1b[2Jscal…` + "000000000000000000000000000000000000-17"
	l.jobs = []store.Job{
		{ID: long, State: store.JobWaiting, Reason: "volume library: not mounted", Changed: now},
		{ID: "b.tar", State: store.JobWaiting, Changed: now},
	}
	p.serve(t)
	run := func(shown, asJSON bool) (out, errs string) {
		var o, e bytes.Buffer
		env := &cli.Env{
			Ctx: t.Context(), Out: &o, Err: &e, Shown: shown, Options: cli.Options{Data: p.dir, JSON: asJSON},
		}
		if err := (&recordingcmds.JobsCmd{}).Run(env); err != nil {
			t.Error(err)
		}
		return o.String(), e.String()
	}
	out, errs := run(true, false)
	line := strings.Split(out, "\n")[1]
	if !strings.HasPrefix(line, short+"  waiting ") || !strings.HasSuffix(line, "volume library: not mounted") || len(line) > 180 ||
		!strings.Contains(errs, "--json") {
		t.Errorf("at a terminal: %s%s", out, errs)
	}
	if out, errs = run(false, false); !strings.Contains(out, strings.ReplaceAll(long, "\x1b", `\x1b`)+"  waiting ") || errs != "" {
		t.Errorf("into a file: %s%s", out, errs)
	}
	if out, errs = run(true, true); !strings.Contains(out, strings.ReplaceAll(long, "\x1b", `\u001b`)+`"`) || errs != "" {
		t.Errorf("as JSON: %s%s", out, errs)
	}
	l.jobs = l.jobs[1:]
	if out, errs = run(true, false); !strings.Contains(out, "b.tar  waiting") || errs != "" {
		t.Errorf("a short name: %s%s", out, errs)
	}
}

// What changes something does it to everything that is named, asks where it must, and says what it has done.
func TestRecordingCmds_Change(t *testing.T) {
	const refused = "pass --yes"
	tests := []struct {
		args, answer string
		asked        []string // of the pool
		says         string
		done         bool
	}{
		{"publish aa-1 cc-3", "", []string{"publish [aa-1] true", "publish [cc-3] true"}, "recording cc-3: published\n", true},
		{"publish xx", "", nil, `there is no recording "xx"`, false},
		{"unpublish xx aa-1", "", []string{"publish [aa-1] false"}, "not done for 1 of 2", false},
		{"unpublish aa-1 --json", "", []string{"publish [aa-1] false"}, `"recordID": "aa-1"`, true},
		{"protect aa-1", "", []string{"protect [aa-1] true"}, "recording aa-1: protected\n", true},
		{"unprotect aa-1", "", []string{"protect [aa-1] false"}, "recording aa-1: unprotected\n", true},
		{"protect", "", nil, "name recordings, or pass --all", false},
		{"protect aa-1 --all", "", nil, "name recordings, or pass --all", false},
		{"protect aa-1 --tenant school", "", nil, "--tenant goes with --all", false},
		{"protect --all", "", nil, refused, false},
		{"protect --all", "n\n", nil, "2 recordings of all tenants are protected: from then on", false},
		{"protect --all --yes", "", []string{"protect [cc-3] true"}, "1 recording: protected\n", true},
		{"unprotect --all --tenant school", "y\n", nil, "1 recording of tenant school is unprotected", true},
		{"unprotect --all --yes --json", "", []string{"protect [aa-1] false"}, `"changed": 1`, true},
		{"delete aa-1", "", nil, refused, false},
		{"delete aa-1 cc-3", "n\n", nil, "2 recordings with 105.0 MiB are deleted.", false},
		{"delete aa-1 xx --yes", "", nil, `there is no recording "xx"`, false},
		{"delete aa-1", "y\n", []string{"delete [aa-1]"}, `Algebra \x1b[2J`, true},
		{"delete aa-1 --yes", "", []string{"delete [aa-1]"}, "recording aa-1: deleted\n", true},
		{"restore aa-1", "", nil, "recording aa-1 is not deleted", false},
		{"assign aa-1 --tenant school", "", []string{"assign aa-1 school"}, "recording aa-1: belongs to school\n", true},
		{"assign aa-1", "", nil, "--tenant", false},
		{"retry bad.tar", "", []string{"retry bad.tar"}, "import bad.tar: tried again\n", true},
		{"retry --all", "", []string{"retry bad.tar", "retry new.tar"}, "import new.tar: tried again\n", true},
		{"retry", "", nil, "name imports, or pass --all", false},
		{"jobs --all --state failed", "", nil, "do not go together", false},
		{"drop bad.tar", "", nil, refused, false},
		{"drop bad.tar new.tar --yes", "", nil, "no import that has failed: new.tar", false},
		{"drop bad.tar", "y\n", []string{"drop bad.tar"}, "1 archive is forgotten", true},
		{"drop bad.tar -y", "", []string{"drop bad.tar"}, "import bad.tar: dropped\n", true},
		{"list --limit=-1", "", nil, "--limit: want", false},
		{"list --owed --state published", "", nil, "--owed goes with --tenant", false},
		{"list --state lost", "", nil, "--state", false},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) {
			p := newPool(t)
			l := p.keep(t)
			o := p.run(t, test.answer, append([]string{"recording"}, strings.Fields(test.args)...)...)
			checkOutcome(t, o, test.says, test.done)
			if diff := cmp.Diff(test.asked, l.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

func checkOutcome(t *testing.T, o outcome, says string, done bool) {
	t.Helper()
	said := o.out + o.err
	if o.failed != nil {
		said += o.failed.Error()
	}
	if (o.failed == nil) != done || !strings.Contains(said, says) {
		t.Errorf("done %v, said %q, want %v with %q", o.failed == nil, said, done, says)
	}
}

// Retention shows what it would do before it does it, and takes no number for an age or a size.
func TestRecordingPruneCmd(t *testing.T) {
	const (
		dry = "prune {OlderThan:180d KeepUnder:0 Tenant: DryRun:true}"
		wet = "prune {OlderThan:180d KeepUnder:0 Tenant: DryRun:false}"
	)
	tests := []struct {
		args, answer string
		asked        []string
		says         string
		done         bool
	}{
		{"", "", nil, "--older-than 180d, --keep-under 500GiB", false},
		{"--older-than 180", "", nil, `"180" is no age: want days or hours, as 180d or 36h`, false},
		{"--older-than soon", "", nil, "is no age", false},
		{"--older-than 0d", "", nil, "is no age", false},
		{"--keep-under 500", "", nil, `"500" is no size`, false},
		{"--keep-under much", "", nil, "is no size", false},
		{"--older-than 180d", "", []string{dry}, "pass --yes if this is wanted: 1 recording with 1000 B is deleted.", false},
		{"--older-than 180d", "n\n", []string{dry}, "Biology", false},
		{"--older-than 180d", "y\n", []string{dry, wet}, "cc-3       school  chemistry  Chemistry", true},
		{"--older-than 180d --yes", "", []string{dry, wet}, "1 recording with 1000 B deleted, 105.0 MiB remain", true},
		{"--older-than 180d --yes --json", "", []string{dry, wet}, `"recordID": "cc-3"`, true},
	}
	for _, test := range tests {
		t.Run(test.args+test.answer, func(t *testing.T) {
			p := newPool(t)
			l := p.keep(t)
			if strings.Contains(test.says, "Biology") {
				l.list[2].Name = "Biology"
			}
			o := p.run(t, test.answer, append([]string{"recording", "prune"}, strings.Fields(test.args)...)...)
			checkOutcome(t, o, test.says, test.done)
			if diff := cmp.Diff(test.asked, l.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

// A repair looks first, and fails where anything is left.
func TestRecordingVerifyCmd(t *testing.T) {
	const (
		seen  = "verify {Repair:false Adopt:false Mark:false}"
		part  = "verify {Repair:true Adopt:false Mark:false}"
		whole = "verify {Repair:true Adopt:true Mark:false}"
		mark  = "verify {Repair:false Adopt:false Mark:true}"
	)
	tests := []struct {
		args, answer string
		asked        []string
		says         string
		done         bool
	}{
		{"", "", []string{seen}, "1 missing, 2 orphan; 0 repaired, 3 left", false},
		{"--repair", "", []string{seen}, "pass --yes if this is wanted: 3 findings: what can be mended of that is mended.", false},
		{"--repair", "n\n", []string{seen}, "missing  aa-1", false},
		{"--repair", "y\n", []string{seen, part}, "1 repaired, 2 left", false},
		{"--repair --adopt --yes", "", []string{seen, whole}, "3 repaired, 0 left\n", true},
		{"--mark", "n\n", nil, "taken for the one with the recordings", false},
		{"--mark --yes", "", []string{mark}, "3 left", false},
	}
	for _, test := range tests {
		t.Run(test.args+test.answer, func(t *testing.T) {
			p := newPool(t)
			l := p.keep(t)
			o := p.run(t, test.answer, append([]string{"recording", "verify"}, strings.Fields(test.args)...)...)
			checkOutcome(t, o, test.says, test.done)
			if diff := cmp.Diff(test.asked, l.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

// Every path is imported, made absolute here; one that is not there does not stand in the way of the next.
func TestRecordingImportCmd(t *testing.T) {
	p := newPool(t)
	l := p.keep(t)
	o := p.run(t, "", "recording", "import", "good", "--tenant", "school", "--force")
	if o.failed != nil || o.out != "1 recording imported, 1 there already, 0 failed\n" || o.err != "" {
		t.Errorf("good: %+v", o)
	}
	here, err := filepath.Abs("good")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"import " + here + ` for "school", true`}; !slices.Equal(l.asked, want) {
		t.Errorf("asked %q, want %q", l.asked, want)
	}
	const said = "failed  b.tar     truncated\\a\nfailed  /nowhere  stat /nowhere: no such file or directory\n" +
		"2 recordings imported, 1 there already, 2 failed\n"
	o = p.run(t, "", "recording", "import", "/bad", "/nowhere", "/good")
	if o.failed == nil || o.out != said || o.err != "" {
		t.Errorf("with failures: %+v", o)
	}
	o = p.run(t, "", "recording", "import", "/bad", "--json")
	if o.failed == nil || !strings.Contains(o.out, `"imported": [`) || !strings.Contains(o.out, `truncated\u0007`) {
		t.Errorf("as JSON: %+v", o)
	}
	if o := p.run(t, "", "recording", "import", "/good", "--tenant", "nobody"); o.failed == nil {
		t.Errorf("for a tenant that is not there: %+v", o)
	}
}

// A terminal shows how far the work is, in a line that is gone at the end, and problems as they come.
func TestRecordingImportCmd_Watched(t *testing.T) {
	p := newPool(t)
	p.keep(t)
	p.serve(t)
	var errs, out bytes.Buffer
	env := &cli.Env{Ctx: t.Context(), Out: &out, Err: &errs, Watched: true, Options: cli.Options{Data: p.dir}}
	err := (&recordingcmds.ImportCmd{Paths: []string{"/bad"}}).Run(env)
	if err == nil {
		t.Error("it did not fail")
	}
	const blank = "\r\x1b[K"
	want := blank + " 50%  1/2 recordings  a.tar" + blank + `b.tar: truncated\a` + "\n" + blank
	if errs.String() != want {
		t.Errorf("shown %q, want %q", errs.String(), want)
	}
}

// cancelling interrupts a command as soon as the pool is at work.
type cancelling struct {
	*library
	cancel func()
}

func (c cancelling) Verify(ctx context.Context, _ recordings.VerifyOptions, tell func(recordings.Progress)) (recordings.VerifyReport, error) {
	tell(recordings.Progress{})
	c.cancel()
	<-ctx.Done()
	return recordings.VerifyReport{}, ctx.Err()
}

// Import is interrupted at 653 of 5001, after the first path.
func (c cancelling) Import(ctx context.Context, o recordings.ImportOptions, tell func(recordings.Progress)) (recordings.ImportReport, error) {
	if strings.HasSuffix(o.Path, "bad") {
		return c.library.Import(ctx, o, tell)
	}
	tell(recordings.Progress{Done: 653, Total: 5001, Current: "a.tar"})
	<-ctx.Done()
	return recordings.ImportReport{}, ctx.Err()
}

// reader does something as soon as a text was written.
type reader struct {
	bytes.Buffer
	text string
	then func()
}

func (r *reader) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(r.text)) {
		r.then()
	}
	return r.Buffer.Write(b)
}

// An import that is interrupted says how far it is, that it goes on from there, and what became of the paths before. Into a
// file it says now and then how far it is.
func TestRecordingImportCmd_Interrupted(t *testing.T) {
	p := newPool(t)
	ctx, cancel := context.WithCancel(t.Context())
	p.have(cancelling{library: p.keep(t)})
	p.serve(t)
	out, errs, clock := bytes.Buffer{}, reader{text: "at 653", then: cancel}, now
	env := &cli.Env{Ctx: ctx, Out: &out, Err: &errs, Options: cli.Options{Data: p.dir}, Now: func() time.Time {
		clock = clock.Add(time.Minute)
		return clock
	}}
	err := (&recordingcmds.ImportCmd{Paths: []string{"/bad", "/large"}}).Run(env)
	if err == nil || !strings.HasPrefix(err.Error(), "interrupted at 653 of 5001") || !strings.Contains(err.Error(), "goes on") {
		t.Errorf("ended with %v", err)
	}
	if !strings.Contains(out.String(), "b.tar") || !strings.Contains(out.String(), "1 recording imported") ||
		!strings.Contains(errs.String(), "/large: at 653 of 5001") {
		t.Errorf("said %q and %q", out.String(), errs.String())
	}
}

// A command that is interrupted says what that means for the work.
func TestRecordingVerifyCmd_Interrupted(t *testing.T) {
	p := newPool(t)
	ctx, cancel := context.WithCancel(t.Context())
	p.have(cancelling{p.keep(t), cancel})
	p.serve(t)
	env := &cli.Env{Ctx: ctx, Out: &bytes.Buffer{}, Err: &bytes.Buffer{}, Options: cli.Options{Data: p.dir}}
	if err := new(recordingcmds.VerifyCmd).Run(env); err == nil || !strings.HasPrefix(err.Error(), "interrupted") {
		t.Errorf("ended with %v", err)
	}
}

// The script alone goes to the standard output; the address comes from the flag, or from Scalelite's setting.
func TestServerScriptCmd(t *testing.T) {
	p := newPool(t)
	p.typical(t)
	p.api.Servers.Script = func(base string, s store.Server) ([]byte, error) {
		return []byte("#!/usr/bin/ruby\n# " + s.ID + " to " + base + "\n"), nil
	}
	t.Setenv("URL_HOST", "")
	o := p.run(t, "", "server", "script", "a")
	checkOutcome(t, o, "pass --url", false)
	o = p.run(t, "", "server", "script", "a", "--url", "pool.example")
	checkOutcome(t, o, "--url: want", false)
	o = p.run(t, "", "server", "script", "a", "--url", "http://pool.example/")
	if o.failed != nil || o.out != "#!/usr/bin/ruby\n# a to http://pool.example\n" ||
		!strings.Contains(o.err, "post_publish/bbbpool.rb") {
		t.Errorf("by flag: %+v", o)
	}
	t.Setenv("URL_HOST", "pool.example")
	o = p.run(t, "", "server", "script", "a", "--json")
	checkOutcome(t, o, `"script": "#!/usr/bin/ruby\n# a to https://pool.example\n"`, true)
}

// Sizes and spans are shown in their largest unit.
func TestUnits(t *testing.T) {
	for bytes, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1.0 MiB", 1 << 40: "1.0 TiB", 1 << 62: "4096.0 PiB",
	} {
		if got := terminal.Size(bytes); got != want {
			t.Errorf("%d is %s, want %s", bytes, got, want)
		}
	}
	for seconds, want := range map[int64]string{0: "0s", 59: "59s", 60: "1m", 3599: "59m", 7200: "2h", 172799: "47h", 172800: "2d"} {
		if got := terminal.Span(seconds); got != want {
			t.Errorf("%d is %s, want %s", seconds, got, want)
		}
	}
}
