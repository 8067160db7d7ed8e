package library

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/files"
)

// presentation is the format that text tracks belong to: its player shows them.
const presentation = "presentation"

// trackList is the file in which a presentation tells the player of its text tracks.
const trackList = "captions.json"

// What there is of text tracks at most.
const (
	maxTracks    = 100
	maxTrackList = 64 << 10 // bytes
	maxTrack     = 4 << 20  // bytes of one
)

// uploaded is the source of text tracks that people have added. Newer presentations from the server keep them.
const uploaded = "upload"

// locales are the names of text tracks for the player: language tags, which become part of names of files.
var locales = regexp.MustCompile(`^[A-Za-z]{2,3}([_-][A-Za-z0-9]{1,9}){0,5}$`)

// listed is a text track as the player reads it, with what only we need to know.
type listed struct {
	Locale string `json:"locale"`
	Name   string `json:"localeName"`
	Kind   string `json:"kind,omitempty"`
	Lang   string `json:"lang,omitempty"` // where the locale is another one
	Source string `json:"source,omitempty"`
}

// file is the name under which the player looks for the track.
func (e listed) file() string { return "caption_" + e.Locale + ".vtt" }

func (e listed) track() store.TextTrack {
	t := store.TextTrack{Kind: e.Kind, Lang: e.Lang, Label: e.Name, Source: e.Source, File: e.file()}
	if t.Kind == "" { // a server's own
		t.Kind, t.Source = "captions", "live"
	}
	if t.Lang == "" {
		t.Lang = e.Locale
	}
	return t
}

// Tracks returns the text tracks of a recording that are there.
func (l *Library) Tracks(recordID string) (tracks []store.TextTrack, err error) {
	defer fail(&err, "list text tracks of recording %.200s", recordID)
	list, err := l.Open(recordID, presentation, trackList)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = list.Close() }() // only read
	all, err := parseTracks(list)
	if err != nil && !errors.Is(err, store.ErrTooLarge) {
		return nil, err
	}
	for _, e := range all {
		file, err := l.Open(recordID, presentation, e.file())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		_ = file.Close() // was only opened
		tracks = append(tracks, e.track())
	}
	return tracks, nil
}

// parseTracks reads which text tracks a presentation tells of. A list that is none tells of none; one that is too large to
// be written again is store.ErrTooLarge.
func parseTracks(file fs.File) (all []listed, err error) {
	if info, err := file.Stat(); err != nil || info.IsDir() {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(file, maxTrackList+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxTrackList {
		return nil, fmt.Errorf("%w: its list of text tracks has more than %d bytes", store.ErrTooLarge, maxTrackList)
	}
	_ = json.Unmarshal(text, &all) // what it could not read has no locale
	all = slices.DeleteFunc(all, func(e listed) bool {
		return !locales.MatchString(e.Locale) || !locales.MatchString(e.track().Lang)
	})
	if len(all) > maxTracks {
		return nil, fmt.Errorf("%w: it has %d text tracks, at most %d", store.ErrTooLarge, len(all), maxTracks)
	}
	return all, nil
}

// AddTrack adds a text track of people's to the presentation of a recording, in the place of the one of that kind and
// language. What it has been before a crash it is after it, or what it was to be. Without a presentation it returns
// fs.ErrNotExist, and store.ErrTooLarge for one track too many.
func (l *Library) AddTrack(r *Held, t store.TextTrack, vtt []byte) (err error) {
	defer fail(&err, "add a text track to recording %.200s", r.ID)
	p, err := newPart(presentation, r.ID)
	if err != nil {
		return err
	}
	if len(vtt) > maxTrack {
		return fmt.Errorf("%w: it has %d bytes, at most %d", store.ErrTooLarge, len(vtt), maxTrack)
	}
	if err := errors.Join(l.guard.allowed(), l.changeable(r)); err != nil {
		return err
	}
	for _, tree := range l.trees[:2] { // never the trash
		ok, err := tree.has(p)
		if err != nil {
			return err
		}
		if ok {
			t.Source = uploaded
			return addTrack(tree.live(p), t, vtt)
		}
	}
	return fmt.Errorf("it has no presentation: %w", fs.ErrNotExist)
}

// addTrack adds a text track to a presentation: the file first, then the list that tells of it.
func addTrack(dir string, t store.TextTrack, vtt []byte) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	all, err := tracksIn(root)
	if err != nil {
		return err
	}
	e, err := enter(&all, t)
	if err != nil {
		return err
	}
	list, err := json.Marshal(all)
	if err != nil {
		return err
	}
	if len(list) > maxTrackList {
		return fmt.Errorf("%w: the list of text tracks would have %d bytes, at most %d", store.ErrTooLarge, len(list), maxTrackList)
	}
	if err := replaceFile(root, e.file(), vtt); err != nil {
		return err
	}
	if err := replaceFile(root, trackList, list); err != nil {
		return err
	}
	return files.SyncDirIfAble(dir)
}

// tracksIn reads the list of text tracks in a presentation; where there is none, it has none.
func tracksIn(root *os.Root) ([]listed, error) {
	file, err := openIn(root, trackList)
	if err != nil {
		return nil, store.Ignore(err, fs.ErrNotExist)
	}
	defer func() { _ = file.Close() }() // only read
	return parseTracks(file)
}

// enter puts a text track into the list, in the place of the one of that kind and language. The player knows one of each
// locale: the other kind of a language gets one of its own.
func enter(all *[]listed, t store.TextTrack) (listed, error) {
	if t.Kind != "captions" && t.Kind != "subtitles" || !locales.MatchString(t.Lang) {
		return listed{}, fmt.Errorf("%.100q in %.100q are no text tracks", t.Kind, t.Lang)
	}
	e := listed{Locale: t.Lang, Name: t.Label, Kind: t.Kind, Source: t.Source}
	same := func(old listed) bool { return old.track().Kind == t.Kind && old.track().Lang == t.Lang }
	if i := slices.IndexFunc(*all, same); i >= 0 {
		e.Locale, e.Lang = (*all)[i].Locale, (*all)[i].Lang
		(*all)[i] = e
		return e, nil
	}
	if slices.ContainsFunc(*all, func(old listed) bool { return old.Locale == e.Locale }) {
		e.Locale, e.Lang = t.Lang+"-x-"+t.Kind[:3], t.Lang
	}
	if len(*all) >= maxTracks {
		return e, fmt.Errorf("%w: it has %d text tracks already", store.ErrTooLarge, len(*all))
	}
	*all = append(*all, e)
	return e, nil
}

// replaceFile replaces a file in one step, and removes the compressed copy of the old one. Directories of such a name are
// none of anybody's.
func replaceFile(root *os.Root, name string, content []byte) (err error) {
	defer func() { err = under(err, root.Name()) }()
	temp := "." + name + ".new" // one, so that a crash leaves nothing that grows
	if err := root.RemoveAll(temp); err != nil {
		return err
	}
	if err := files.Write(root, temp, content); err != nil {
		return errors.Join(err, root.RemoveAll(temp))
	}
	if err := errors.Join(root.Chmod(temp, fileMode), root.RemoveAll(name+".gz")); err != nil {
		return err
	}
	if info, err := root.Lstat(name); err == nil && info.IsDir() {
		if err := root.RemoveAll(name); err != nil {
			return err
		}
	}
	return root.Rename(temp, name)
}

// fileMode is that of what anybody may read, as a web server before us.
const fileMode = 0o644

// carryTracks takes the text tracks that people have added to a presentation along to the one that replaces it.
func (l *Library) carryTracks(p part, staged string) error {
	if p.format != presentation {
		return nil
	}
	for _, t := range l.trees[:2] {
		ok, err := t.has(p)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if err := carry(t.live(p), staged); err != nil {
			return err
		}
	}
	return nil
}

// carry copies the text tracks that people have added from one directory to another. What is not there, or too large to be
// one, is left behind.
func carry(from, to string) error {
	root, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	all, err := tracksIn(root)
	if err != nil {
		return store.Ignore(err, store.ErrTooLarge)
	}
	for _, e := range all {
		if e.Source != uploaded {
			continue
		}
		vtt, err := readTrack(root, e.file())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = addTrack(to, e.track(), vtt)
		}
		if err != nil && !errors.Is(err, store.ErrTooLarge) {
			return err
		}
	}
	return nil
}

func readTrack(root *os.Root, name string) ([]byte, error) {
	file, err := openIn(root, name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	if info, err := file.Stat(); err != nil || info.IsDir() {
		return nil, errors.Join(err, fs.ErrNotExist)
	}
	vtt, err := io.ReadAll(io.LimitReader(file, maxTrack+1))
	if len(vtt) > maxTrack {
		err = store.ErrTooLarge
	}
	return vtt, err
}
