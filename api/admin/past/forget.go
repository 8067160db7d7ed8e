package past

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bbbpool/bbbpool/store"
)

// Wish is what somebody wants forgotten.
type Wish struct {
	Texts      []string // by which a person is known: names, addresses, account IDs; found in any case, as parts of words, too
	Tenant     string   // whose records are looked through; "" is everybody's
	Meeting    string   // as its front end calls it: what is left of its sessions goes, and its recordings are among the findings
	Recordings bool     // recordings that are found are deleted, with their files; else what was found is taken out of the index
	DryRun     bool     // nothing is changed
}

// What a wish may be made of.
const (
	MaxTexts = 20
	MinText  = 3   // letters: less would be found everywhere
	MaxText  = 200 // bytes
)

// Validate tells what cannot be looked for.
func (w Wish) Validate() error {
	switch {
	case len(w.Texts) == 0 && w.Meeting == "":
		return errors.New("say by what the person is known, or name a meeting")
	case len(w.Texts) > MaxTexts:
		return fmt.Errorf("texts: want at most %d", MaxTexts)
	case w.Meeting != "" && w.Tenant == "":
		return errors.New("tenant: missing; the same meeting ID may be several tenants'")
	}
	for _, text := range w.Texts {
		if utf8.RuneCountInString(strings.TrimSpace(text)) < MinText || len(text) > MaxText || !utf8.ValidString(text) {
			return fmt.Errorf("texts: want each to have %d letters at least, and %d bytes at most", MinText, MaxText)
		}
	}
	return nil
}

// Report is what was found, and what became of it.
type Report struct {
	Sessions   int         // of the meeting, removed from the history
	Analytics  int         // what servers have told of who did what in it, removed; of a dry run as far as that is counted
	Recordings []Recording // changed, or deleted
	Audits     int         // entries of the audit log that keep who, when and what kind, and nothing of the record
	Left       []Left      // found, and not changed
}

// Recording is one in which something was found.
type Recording struct {
	RecordID string
	Tenant   string
	Server   string // that has made it, and may have it still
	State    store.RecordingState
	Where    []string // it was found: "name", "meta_presenter", "meeting ID", …
	Files    bool     // it has files here
}

// Left is something that was found, and is not for this command to change.
type Left struct {
	What   string // "running meeting", "session", "meeting ID", "audit log", "token", …
	Tenant string
	ID     string
	Advice string // what to do about it
}

// Erasers change what is forgotten.
type Erasers struct {
	Index      Index
	Recordings Editor // nil in a pool without
}

// Index is what of the store is looked through, and changed.
type Index interface {
	store.Erasure
	Analyses
	// EraseAnalytics removes those of a meeting of a tenant, at most limit of them, and returns how many.
	EraseAnalytics(ctx context.Context, tenant, meetingID string, limit int) (int, error)
	// Callbacks returns the selected callbacks, and UpdateCallback changes one.
	Callbacks(ctx context.Context, f store.CallbackFilter) ([]store.Callback, error)
	UpdateCallback(ctx context.Context, id string, change func(*store.Callback) error) (store.Callback, error)
	// ScanRecordings returns up to limit recordings in the order of their IDs, behind the given one.
	ScanRecordings(ctx context.Context, after string, limit int) ([]store.Recording, error)
	// Audits returns the selected entries, newest first.
	Audits(ctx context.Context, f store.AuditFilter) ([]store.Audit, error)
	// MeetingSessions returns the sessions of one room, at most limit of them.
	MeetingSessions(ctx context.Context, tenant, meeting string, limit int) ([]store.Session, error)
	// AdminTokens returns all tokens.
	AdminTokens(ctx context.Context) ([]store.AdminToken, error)
	// Events returns what is kept of what happened to servers.
	Events(ctx context.Context) (map[string][]store.Event, error)
}

// Editor changes recordings, and lets their files follow.
type Editor interface {
	// Erase deletes a recording for good, whatever its state, with its files, those in the trash included.
	Erase(ctx context.Context, tenant, id string) error
	// Clean changes what the index says of a recording.
	Clean(ctx context.Context, tenant, id string, change func(*store.Recording) error) error
	// Behind tells why the files of a recording could not follow, or nil where they have.
	Behind(id string) error
}

// page is how many rows are read, or removed, at once.
const page = 500

// Forget looks for what the records hold of a person, or of a meeting, and takes it out of them. It goes on where it was
// broken off if it is called again: what is gone is not found any more.
func (e Erasers) Forget(ctx context.Context, ledger Ledger, w Wish) (Report, error) {
	if err := w.Validate(); err != nil {
		return Report{}, err
	}
	f := forgetting{Erasers: e, Wish: w, ledger: ledger}
	for _, text := range w.Texts {
		plain := fold(strings.TrimSpace(text))
		f.texts, f.quoted = append(f.texts, plain), append(f.quoted, fold(inJSON(strings.TrimSpace(text))))
	}
	for _, step := range []func(context.Context) error{
		f.running, f.sessions, f.analytics, f.recordings, f.audits, f.tokens, f.events,
	} {
		if err := step(ctx); err != nil {
			return f.report, err
		}
	}
	return f.report, nil
}

// forgetting is one wish on its way.
type forgetting struct {
	Erasers
	Wish

	ledger Ledger
	texts  []string // folded
	quoted []string // the same, as they stand in JSON
	report Report
}

// in tells whether a text says something of the person.
func (f *forgetting) in(s string) bool { return containsAny(s, f.texts) }

// inRecord tells the same of a record in JSON.
func (f *forgetting) inRecord(s string) bool { return containsAny(s, f.quoted) }

func containsAny(s string, texts []string) bool {
	if s == "" || len(texts) == 0 {
		return false
	}
	s = fold(s)
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(s, text) })
}

// fold makes one letter of all that differ by their case alone. Small letters would not do: Σ has two.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf {
			return unicode.ToUpper(r)
		}
		least := r
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			least = min(least, other)
		}
		return least
	}, s)
}

// inJSON is how a text stands in a record: the audit log has "R\u0026D" for R&D.
func inJSON(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		return text // no text has that
	}
	return string(quoted[1 : len(quoted)-1])
}

func (f *forgetting) ours(tenant string) bool { return f.Tenant == "" || f.Tenant == tenant }

func (f *forgetting) left(what, tenant, id, advice string) {
	f.report.Left = append(f.report.Left, Left{what, tenant, id, advice})
}

// running tells of meetings that go on: what is known of them is needed until they end.
func (f *forgetting) running(context.Context) error {
	for _, m := range f.ledger.Meetings() {
		asked := f.Meeting != "" && m.MeetingID == f.Meeting
		if f.ours(m.Tenant) && (asked || f.in(m.MeetingID) || f.in(m.Name)) {
			f.left("running meeting", m.Tenant, m.MeetingID, "end it, and ask again: bbbpool meeting end")
		}
	}
	return nil
}

// sessions removes what is left of a meeting. Of a dry run they are counted as far as one page goes.
func (f *forgetting) sessions(ctx context.Context) error {
	if f.Meeting == "" {
		return nil
	}
	room := f.ledger.Hash(store.MeetingKey{Tenant: f.Tenant, MeetingID: f.Meeting})
	if f.DryRun {
		list, err := f.Index.MeetingSessions(ctx, f.Tenant, room, 100*page)
		f.report.Sessions = len(list)
		return err
	}
	for {
		n, err := f.Index.EraseSessions(ctx, f.Tenant, room, page)
		if f.report.Sessions += n; err != nil || n < page {
			return err
		}
	}
}

// recordings looks through all of them.
func (f *forgetting) recordings(ctx context.Context) error {
	if f.Erasers.Recordings == nil {
		return nil
	}
	for after := ""; ; {
		list, err := f.Index.ScanRecordings(ctx, after, page)
		if err != nil {
			return err
		}
		for _, r := range list {
			if err := f.recording(ctx, r); err != nil {
				return err
			}
			after = r.RecordID
		}
		if len(list) < page {
			return nil
		}
	}
}

// recording deletes one in which something was found, or takes it out of what the index says.
func (f *forgetting) recording(ctx context.Context, r store.Recording) error {
	asked := f.Meeting != "" && r.MeetingID == f.Meeting
	where := f.where(r)
	bare := r.State == store.Deleted && r.Name == "" && len(r.Meta) == 0 && len(r.Formats) == 0
	if !f.ours(r.Tenant) || !asked && len(where) == 0 {
		return nil
	}
	if bare {
		f.left("deleted recording", r.Tenant, r.RecordID,
			"of it the IDs of recording and meeting alone are left, so that no archive brings it back")
		return nil
	}
	if !f.Wish.Recordings && (len(where) == 0 || slices.Equal(where, []string{inID})) {
		f.left("recording", r.Tenant, r.RecordID,
			"it is the meeting's, or found by its meeting ID alone, which it is looked up by: --recordings deletes it")
		return nil
	}
	f.report.Recordings = append(f.report.Recordings, Recording{
		RecordID: r.RecordID, Tenant: r.Tenant, Server: r.Server, State: r.State, Where: where, Files: len(r.Formats) > 0,
	})
	switch {
	case f.DryRun:
		return nil
	case f.Wish.Recordings:
		return f.erase(ctx, r)
	}
	err := f.Erasers.Recordings.Clean(ctx, r.Tenant, r.RecordID, func(r *store.Recording) error { f.clean(r); return nil })
	return store.Ignore(err, store.ErrNotFound)
}

// erase deletes a recording. Files that cannot be removed now are told of.
func (f *forgetting) erase(ctx context.Context, r store.Recording) error {
	err := store.Ignore(f.Erasers.Recordings.Erase(ctx, r.Tenant, r.RecordID), store.ErrNotFound)
	if behind := f.Erasers.Recordings.Behind(r.RecordID); err == nil && behind != nil {
		f.left("files", r.Tenant, r.RecordID, "they cannot be removed yet, and are as soon as they can be: "+behind.Error())
	}
	return err
}

// inID is where something was found that cannot be taken out.
const inID = "meeting ID"

// where says in what of a recording something was found.
func (f *forgetting) where(r store.Recording) (where []string) {
	add := func(found bool, what string) {
		if found && !slices.Contains(where, what) {
			where = append(where, what)
		}
	}
	add(f.in(r.MeetingID), inID)
	add(f.in(r.Name), "name")
	for _, meta := range []map[string]string{r.Meta, r.Edits.Meta} {
		for _, key := range slices.Sorted(maps.Keys(meta)) {
			add(f.in(key) || f.in(meta[key]), "meta_"+key)
		}
	}
	for _, format := range r.Formats {
		add(slices.ContainsFunc(format.Images, func(i store.Image) bool { return f.in(i.Alt) }), "words on slides")
	}
	return where
}

// clean takes out of a recording what was found in it. What was in the metadata is noted as taken away, so that an archive
// that comes later does not bring it back; a name comes back with it.
func (f *forgetting) clean(r *store.Recording) {
	if f.in(r.Name) {
		r.Name = ""
	}
	edits := maps.Clone(r.Edits.Meta)
	for _, meta := range []map[string]string{r.Meta, r.Edits.Meta} {
		for key, value := range meta {
			switch {
			case f.in(key):
				delete(edits, key)
			case f.in(value):
				if edits == nil {
					edits = map[string]string{}
				}
				edits[key] = ""
			}
		}
	}
	r.Meta, r.Edits.Meta = maps.Clone(r.Meta), edits
	maps.DeleteFunc(r.Meta, func(key, value string) bool { return f.in(key) || f.in(value) })
	formats := slices.Clone(r.Formats)
	for i := range formats {
		formats[i].Images = slices.Clone(formats[i].Images)
		for j := range formats[i].Images {
			if image := &formats[i].Images[j]; f.in(image.Alt) {
				image.Alt = ""
			}
		}
	}
	r.Formats = formats
}

// audits blanks the entries that hold something of the person in what was before and after. Who has changed something, and
// what, is what the log is for: where the person is found there, that is told and stays until the log forgets it.
func (f *forgetting) audits(ctx context.Context) error {
	if len(f.texts) == 0 {
		return nil
	}
	filter := store.AuditFilter{Tenant: f.Tenant, Limit: page}
	for {
		list, err := f.Index.Audits(ctx, filter)
		if err != nil {
			return err
		}
		for _, a := range list {
			if err := f.audit(ctx, a); err != nil {
				return err
			}
			filter.Before = a
		}
		if len(list) < page {
			return nil
		}
	}
}

func (f *forgetting) audit(ctx context.Context, a store.Audit) error {
	if f.in(a.Who) || f.in(a.Object) {
		f.left("audit log", a.Tenant, a.At.UTC().Format(time.RFC3339)+" "+a.Action+" "+a.Kind,
			"who has changed what is kept as long as the audit log is")
	}
	if !f.inRecord(a.Before) && !f.inRecord(a.After) {
		return nil
	}
	f.report.Audits++
	if f.DryRun {
		return nil
	}
	return store.Ignore(f.Index.BlankAudit(ctx, a), store.ErrNotFound)
}

// tokens tells of those that are named after the person.
func (f *forgetting) tokens(ctx context.Context) error {
	list, err := f.Index.AdminTokens(ctx)
	for _, token := range list {
		if f.in(token.Name) && f.ours(token.Tenant) {
			f.left("token", token.Tenant, token.Name, "bbbpool token revoke takes it away")
		}
	}
	return err
}

// events tells of what happened to servers with a meeting whose ID tells of the person. Whose meetings those were is not
// kept, so a single tenant is not told.
func (f *forgetting) events(ctx context.Context) error {
	if f.Tenant != "" {
		return nil
	}
	all, err := f.Index.Events(ctx)
	for _, server := range slices.Sorted(maps.Keys(all)) {
		if slices.ContainsFunc(all[server], func(e store.Event) bool { return f.in(e.Text) }) {
			f.left("server event", "", server, "the last 50 of a server are kept, and go as others come: bbbpool server show")
		}
	}
	return err
}
