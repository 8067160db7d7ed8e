package playback

import (
	_ "embed"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/store"
)

//go:embed shelf.html
var shelfPage string

// shelf is what a format without a page of its own has to offer.
type shelf struct {
	Name string
	Date string // "" where nobody knows it
	// Of a presentation, whose slides, chat and notes only the player shows: where that is, "" if it is not here.
	Slides bool
	Player string
	Plays  []play
	Files  []string // to look at, or to save
}

// play is one thing to watch or to hear. Its sources show the same; the browser takes one that it can play.
type play struct {
	Title   string
	Video   bool
	Sources []source
}

type source struct{ Path, Type string }

// usual is where BigBlueButton puts what can be played.
var usual = []struct {
	title, dir, name string
	types            []string
}{
	{"Cameras", "video", "webcams", []string{".mp4", ".m4v", ".webm"}},
	{"Shared screen", "deskshare", "deskshare", []string{".mp4", ".m4v", ".webm"}},
	{"Sound", "audio", "audio", []string{".webm", ".ogg", ".mp3", ".wav"}},
}

// maxListed is how many files of a directory are looked at.
const maxListed = 500

// sendShelf sends a page that plays what is there.
func (p *Playback) sendShelf(w *flow, r *http.Request, at place, rec store.Recording, dir item, open opener) error {
	s := shelf{Name: rec.Name, Slides: at.format == presentation}
	if !rec.Start.IsZero() {
		s.Date = rec.Start.UTC().Format("2 January 2006, 15:04 UTC")
	}
	if p.player != "" {
		s.Player = place{rest: []string{at.recordID}}.playerPath(present)
	}
	s.addUsual(open)
	if d, ok := dir.file.(fs.ReadDirFile); ok {
		entries, _ := d.ReadDir(maxListed) // what could be read is better than nothing
		s.addFiles(entries)
	}
	if len(s.Plays)+len(s.Files) == 0 && !s.Slides {
		return denial("the format has no page and nothing that plays")
	}
	if s.Name == "" {
		s.Name = "Recording"
	}
	describe(w.Header(), r, at, index, rec.Protected)
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'")
	if r.Method == http.MethodHead {
		return nil
	}
	return p.shelf.Execute(w, s)
}

// addUsual adds what BigBlueButton has made.
func (s *shelf) addUsual(open opener) {
	for _, u := range usual {
		one := play{Title: u.title, Video: u.dir != "audio"}
		for _, ext := range u.types {
			name := u.dir + "/" + u.name + ext
			it, err := find(open, name)
			if err != nil {
				continue
			}
			if !it.info.IsDir() {
				one.Sources = append(one.Sources, source{name, mime(name)})
			}
			it.close()
		}
		if len(one.Sources) > 0 {
			s.Plays = append(s.Plays, one)
		}
	}
}

// addFiles adds what lies in the directory itself. Files of one name in several types are one thing.
func (s *shelf) addFiles(entries []fs.DirEntry) {
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	for _, e := range entries {
		name := e.Name()
		kind, _, _ := strings.Cut(mime(name), "/")
		switch {
		case !e.Type().IsRegular() || !sound(name):
		case kind == "video" || kind == "audio":
			s.add(strings.TrimSuffix(name, path.Ext(name)), kind == "video", name)
		case path.Ext(name) == ".pdf":
			s.Files = append(s.Files, "./"+url.PathEscape(name))
		}
	}
}

func (s *shelf) add(title string, video bool, name string) {
	from := source{"./" + url.PathEscape(name), mime(name)}
	if i := len(s.Plays) - 1; i >= 0 && s.Plays[i].Title == title && s.Plays[i].Video == video {
		s.Plays[i].Sources = append(s.Plays[i].Sources, from)
		return
	}
	s.Plays = append(s.Plays, play{title, video, []source{from}})
}

func mime(name string) string { return mediaOf(name).mime }
