package library_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/store"
)

// childDir names the directory of the libraries to a child of this test binary, and makes it one.
const childDir = "BBBPOOL_TEST_CHILD_DIR"

const workers = 8

var formats = []string{"presentation", "video"}

// Whatever instruction a process is killed at: every format is wholly old or wholly new, or set aside where the next
// call finds it; and that call leaves what an undisturbed one would have.
func TestKill(t *testing.T) {
	if dir := os.Getenv(childDir); dir != "" {
		work(t, dir)
		return
	}
	tests := []struct {
		name   string
		rounds int
		move   func(d *library.Dirs)
	}{
		{"one file system", 20, func(*library.Dirs) {}},
		{"two file systems", 6, func(d *library.Dirs) { d.Unpublished = filepath.Join(t.TempDir(), "unpublished") }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := quick(t)
			d := dirsIn(dir)
			test.move(&d)
			writeFile(t, filepath.Join(dir, "dirs"), strings.Join([]string{d.Published, d.Unpublished, d.Deleted}, "\n"))
			seen := map[string]int{}
			for range test.rounds {
				killOne(t, dir)
				r := open(t, d) // as at the next start
				for i := range workers {
					phase := r.recover(t, dir, i)
					seen[phase]++
				}
				r.wantsNoLeftover(t)
				if t.Failed() {
					return
				}
			}
			t.Logf("killed %d times, while: %v", test.rounds, seen)
		})
	}
}

// killOne runs a child and kills it after a random number of steps.
func killOne(t *testing.T, dir string) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKill$")
	child.Env = append(os.Environ(), childDir+"="+dir)
	var errs bytes.Buffer
	child.Stderr = &errs
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("the child says %q, %s", lines.Text(), &errs)
	}
	for range rand.N(40) {
		if !lines.Scan() {
			break
		}
		if lines.Text() != "done" {
			t.Fatalf("the child says %q", lines.Text())
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // killed
}

// model is what a worker last knew of its recording: all formats have this content in that state; "" is no recording.
type model struct {
	content string
	state   store.RecordingState
}

// step is a line of a worker's journal, written before the step is done.
type step struct {
	kind string // rest, stage, place, discard, move, remove, note
	old  model
	next model
}

func (s step) String() string {
	return fmt.Sprintf("%s %q %q %q %q\n", s.kind, s.old.content, s.old.state, s.next.content, s.next.state)
}

func journalOf(dir string, worker int) string {
	return filepath.Join(dir, fmt.Sprint("journal", worker))
}

// lastStep is the step that a worker was at.
func lastStep(t *testing.T, dir string, worker int) step {
	t.Helper()
	text, err := os.ReadFile(journalOf(dir, worker))
	if errors.Is(err, os.ErrNotExist) || len(text) == 0 {
		return step{kind: "rest"}
	}
	succeed(t, err)
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	var s step
	_, err = fmt.Sscanf(lines[len(lines)-1], "%s %q %q %q %q", &s.kind,
		&s.old.content, (*string)(&s.old.state), &s.next.content, (*string)(&s.next.state))
	succeed(t, err)
	return s
}

func note(t *testing.T, journal *os.File, s step) {
	if _, err := journal.WriteString(s.String()); err != nil { // one write: a kill does not tear it
		t.Fatal(err)
	}
}

// work changes recordings until it is killed.
func work(t *testing.T, dir string) {
	text, err := os.ReadFile(filepath.Join(dir, "dirs"))
	succeed(t, err)
	d := strings.Split(string(text), "\n")
	r := open(t, library.Dirs{Published: d[0], Unpublished: d[1], Deleted: d[2]})
	fmt.Println("ready")
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			now := lastStep(t, dir, i).next
			journal, err := os.OpenFile(journalOf(dir, i), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
			succeed(t, err)
			note(t, journal, step{"rest", now, now})
			for {
				now = r.turn(t, journal, i, now)
				fmt.Println("done")
			}
		})
	}
	wg.Wait()
}

func recordingOf(worker int) (name, recordID string) {
	return fmt.Sprintf("job%d.tar", worker), fmt.Sprint("r", worker)
}

// turn does one thing with a recording, and notes every step of it first.
func (r rig) turn(t *testing.T, journal *os.File, worker int, now model) model {
	name, recordID := recordingOf(worker)
	next := model{fmt.Sprint(rand.Uint32()), states[rand.N(len(states))]}
	switch what := rand.N(10); {
	case what == 0:
		next = model{}
		note(t, journal, step{"remove", now, next})
		succeed(t, r.Remove(recordID))
	case what == 1:
		note(t, journal, step{"note", now, now})
		next = now
		succeed(t, r.SetNote(recordID, []byte(strings.Repeat("x", 5000))))
	case what < 6 && now.content != "":
		next.content = now.content
		note(t, journal, step{"move", now, next})
		succeed(t, r.Move(recordID, next.state))
	default:
		note(t, journal, step{"stage", now, now})
		r.stage(t, name, recordID, next.content, formats...)
		note(t, journal, step{"place", now, next})
		succeed(t, r.Place(name, recordID, formats, next.state))
		note(t, journal, step{"discard", next, next})
		succeed(t, r.Discard(name))
	}
	note(t, journal, step{"rest", next, next})
	return next
}

// recover checks what a kill has left of a recording, and repeats the call that it hit, or gives up the import.
func (r rig) recover(t *testing.T, dir string, worker int) (phase string) {
	t.Helper()
	name, recordID := recordingOf(worker)
	s := lastStep(t, dir, worker)
	r.wantsOldOrNew(t, recordID, s)
	phase, want := s.kind, s.next
	var err error
	switch s.kind {
	case "place":
		if rand.N(2) == 0 {
			err = r.Place(name, recordID, formats, s.next.state)
			break
		}
		phase = "place, given up"
		succeed(t, r.Discard(name))
		r.wantsOldOrNew(t, recordID, s)
		if got, _ := r.look(recordID); s.old.content != "" && len(got) != len(formats) {
			t.Errorf("%v given up: only %v is left", s, got)
		}
		r.stage(t, name, recordID, s.next.content, formats...)
		err = r.Place(name, recordID, formats, s.next.state)
	case "move":
		err = r.Move(recordID, s.next.state)
	case "remove":
		err = r.Remove(recordID)
	case "note":
		if got, err := r.Note(recordID); err != nil || len(got) != 0 && len(got) != 5000 {
			t.Errorf("note of %d bytes, %v", len(got), err)
		}
		err = r.SetNote(recordID, nil)
	}
	succeed(t, err, r.Discard(name))
	r.wantsExactly(t, recordID, s, want)
	writeFile(t, journalOf(dir, worker), step{"rest", want, want}.String())
	return phase
}

// wantsOldOrNew checks that whatever is seen is one of both, whole, and in a place that it may be in.
func (r rig) wantsOldOrNew(t *testing.T, recordID string, s step) {
	t.Helper()
	got, err := r.look(recordID)
	if err != nil {
		t.Fatalf("%v: %v", s, err)
	}
	for place, content := range got {
		state := store.RecordingState(strings.Split(place, "/")[0])
		if m := (model{content, state}); m != s.old && m != s.next {
			t.Errorf("%v: %s in %s", s, content, place)
		}
	}
}

// wantsExactly checks that a recording is in one tree alone.
func (r rig) wantsExactly(t *testing.T, recordID string, s step, want model) {
	t.Helper()
	got, err := r.look(recordID)
	if err != nil {
		t.Fatalf("%v: %v", s, err)
	}
	n := 0
	if want.content != "" {
		n = len(formats)
	}
	for _, format := range formats[:n] {
		if got[string(want.state)+"/"+format] != want.content {
			t.Errorf("%v: %s is not where it belongs: %v", s, format, got)
		}
	}
	if len(got) != n {
		t.Errorf("%v: %v", s, got)
	}
}
