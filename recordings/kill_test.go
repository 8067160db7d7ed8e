package recordings_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// kills is how often the importer is killed. A long run is `go test -run Kill ./recordings -kills 1000`.
var kills = flag.Int("kills", 60, "rounds of kill -9 during imports")

// beImporter makes this test binary an importer that runs until it is killed.
const beImporter = "BBBPOOL_TEST_IMPORTER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(beImporter); dir != "" {
		importUntilKilled(dir)
	}
	if dir := os.Getenv(beSender); dir != "" {
		sendUntilKilled(dir, os.Getenv("BBBPOOL_TEST_FROM"))
	}
	os.Exit(m.Run())
}

func importUntilKilled(dir string) {
	p, err := assemble(dir, nil)
	if err == nil {
		fmt.Println("ready")
		err = p.Run(context.Background())
	}
	fmt.Println(err)
	os.Exit(1)
}

// edition is one version of a recording: two formats of many files, all with the same content.
func edition(t testing.TB, id string, version int) []byte {
	content := strings.Repeat(fmt.Sprintf("edition %d\n", version), 2000)
	return pack(t,
		made{id: id, format: "presentation", meetingID: "room", media: content},
		made{id: id, format: "video", meetingID: "room", media: content})
}

// editionOf returns which edition a format has, 0 for none, and fails where it has some of several.
func (p *pool) editionOf(t testing.TB, id, format string) int {
	t.Helper()
	text := p.media(t, id, format)
	if text == "" {
		return 0
	}
	first, _, _ := strings.Cut(text, "\n")
	if text != strings.Repeat(first+"\n", 2000) {
		t.Errorf("%s of %s is half of something: %d bytes", format, id, len(text))
	}
	n, err := strconv.Atoi(strings.TrimPrefix(first, "edition "))
	if err != nil {
		t.Error(err)
	}
	return n
}

// Whatever instruction an importer is killed at: each recording is wholly old or wholly new afterwards, its archive is
// there unless it was committed, and index and disk agree. What was broken off goes on by itself.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	const recordings = 4
	newest, floor := map[string]int{}, map[string]int{}
	var worn []string
	for round := range *kills {
		id := recordID(round % recordings)
		newest[id]++
		name := fmt.Sprintf("%s-%d.tar", id, newest[id])
		drop := &pool{Service: idle(dir)}
		drop.drop(t, name, edition(t, id, newest[id]))
		killImporter(t, dir, worn, time.Duration(rand.IntN(60))*time.Millisecond)
		p := open(t, dir, nil)
		if err := p.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		for id := range newest {
			p.whole(t, id, newest[id], floor)
		}
		p.sound(t)
		worn = p.worn(t)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
		p.stop()
	}
	p := open(t, dir, nil)
	p.run(t)
	eventually(t, "everything is imported", func() bool { return len(files(t, p.Config.Spool)) == 0 })
	for id, version := range newest {
		eventually(t, "the newest edition plays", func() bool { return p.editionOf(t, id, "video") == version })
	}
	p.sound(t)
}

// idle is a pool's settings, for the way to its spool.
func idle(dir string) *recordings.Service {
	c := quick(dir)
	_ = os.MkdirAll(c.Spool, 0o750)
	return &recordings.Service{Config: c}
}

// whole fails the test unless a recording is of one edition, not older than it was, and has every archive that is newer
// still in the spool.
func (p *pool) whole(t testing.TB, id string, newest int, floor map[string]int) {
	t.Helper()
	slides, film := p.editionOf(t, id, "presentation"), p.editionOf(t, id, "video")
	r := p.get(t, id)
	if slides != film || slides < floor[id] || (slides > 0) != (r.State == store.Published) {
		t.Errorf("%s: slides of edition %d, film of %d, after %d; index: %+v", id, slides, film, floor[id], r)
	}
	floor[id] = slides
	for version := slides + 1; version <= newest; version++ {
		if _, err := os.Stat(filepath.Join(p.Config.Spool, fmt.Sprintf("%s-%d.tar", id, version))); err != nil {
			t.Errorf("edition %d of %s is neither here nor in the spool: %v", version, id, err)
		}
	}
}

// worn are the archives whose import was cut off so often that bbbpool would soon take that for their own fault, and put
// them in quarantine: on a slow machine no import is over when it is killed.
func (p *pool) worn(t testing.TB) (paths []string) {
	t.Helper()
	jobs, err := p.Jobs(t.Context(), store.JobFilter{States: []store.JobState{store.JobImporting}})
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		if j.Attempts >= 3 {
			paths = append(paths, j.Path)
		}
	}
	return paths
}

// killImporter runs an importer until some archives are imported, and then for a while.
func killImporter(t *testing.T, dir string, first []string, after time.Duration) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), beImporter+"="+dir)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "ready\n" {
		t.Errorf("the importer says %q: %v", line, err)
	}
	for _, path := range first {
		eventually(t, path+" is imported", func() bool {
			_, err := os.Stat(path)
			return errors.Is(err, fs.ErrNotExist)
		})
	}
	time.Sleep(after) // a random moment
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}
