// Package recordings brings the recordings of the pool from the servers to their viewers: nothing lost, nothing stuck.
//
// [Service] is what others call, put together from four parts that do not know it. Package imports brings archives into the
// library and the index. Package owed keeps what servers have still to deliver. Package audit compares index and disk, and
// mends them. What front ends and operators change, and what retention deletes, is here. All of them work on recordings
// through package record, and on one recording only while they hold it: there is one lock for each, the library has it.
//
// The index says what there is and in which state; the directories follow it. What people changed (publish, unpublish,
// metadata, protection, deletion) wins over every later import. Nobody's meeting waits for a recording: whatever the disk
// does, the service starts, and goes on.
//
// The packages below do one thing each: archive reads what servers send, library keeps the files, volume watches the disk
// they are on, upload takes archives by HTTPS, playback serves the viewers. Arrows run one way: recordings → audit → imports →
// record → library, volume. Nothing here talks to a server: what a server has to say about its recordings comes through
// [Pool].
package recordings

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/recordings/audit"
	"github.com/bbbpool/bbbpool/recordings/imports"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/recordings/owed"
	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/recordings/upload"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
)

// Index is what of the store the service and its parts work with.
type Index interface {
	store.Recordings
	store.Catalogue
	store.Imports
	store.Sessions
	// AddCallbacks adds to what front ends are to be told.
	AddCallbacks(ctx context.Context, list ...store.Callback) error
}

// Tell is what front ends are told of a recording that has come, by what is known of the meeting that asked for it. Later says
// that others of its formats were here before.
type Tell = func(r store.Recording, asking store.Session, later bool) []store.Callback

// Meta is the metadata of a recording without what is the pool's own, and with what its server did not get.
type Meta = func(meta map[string]string, back *store.Back) map[string]string

// Library keeps the files of recordings: directories, or whatever stands in for them. It is what each part asks of it.
type Library interface {
	// Guard has may asked before anything is renamed or deleted; epoch tells one who may from another.
	Guard(may func() error, epoch func() uint64)
	record.Library
	imports.Library
	audit.Library
	// Open opens a file or a directory of a recording to be delivered.
	Open(recordID, format, name string) (fs.File, error)
	// Shelved tells from the disk alone which formats of a recording are published, and whether it is protected.
	Shelved(recordID string) (formats []string, protected bool, err error)
	// LastNote returns what is noted beside the files of a recording.
	LastNote(recordID string) ([]byte, error)
	// Tracks tells which text tracks a recording has, and AddTrack adds one; it stays when the recording is imported again.
	Tracks(recordID string) ([]store.TextTrack, error)
	AddTrack(r *library.Held, t store.TextTrack, vtt []byte) error
}

// Disk is the guard of the disk that the recordings are on. It is what each part asks of it.
type Disk interface {
	record.Disk
	imports.Disk
	problems.Source
	// Run looks after it until ctx ends.
	Run(ctx context.Context) error
	// Gone tells that it is not there, or does not answer: nothing can be read.
	Gone() bool
	// Known returns how each directory is, and looks first if nobody has.
	Known(ctx context.Context) []volume.Status
}

// Service is the recordings of a pool. Its exported fields must be set before Init.
type Service struct {
	Config  Config // complete, see [Config.In]
	Index   Index
	Tenants record.Tenants
	Library Library
	Disk    Disk
	Servers imports.Servers  // tells which servers there are
	Pool    owed.Pool        // asks servers about their recordings; only Run needs it
	Live    imports.Meetings // tells which meetings go on
	Uploads *upload.Handler
	Data    string // the data directory: the volume's ID is kept there
	Log     zerolog.Logger
	Now     func() time.Time
	Tell    Tell          // what front ends are told of a recording that has come; nil for nothing
	Meta    Meta          // the metadata of a recording without what is the pool's own; nil for as it is
	Proven  record.Proven // of what servers send; nil for nothing
	Noted   record.Noted  // by whoever ran the pool before; nil for nothing

	// Where several instances share the recordings, one of them works on them at a time, which is as long as Run runs. Epoch is
	// a number of its own for each of these terms, asked for when this instance may; May tells whether this instance still may,
	// in a context that ends before another one may. Arrived is called when an archive was accepted, so that the one that
	// imports looks for it. All of them are nil where there is but one.
	Epoch   func() uint64
	May     func(ctx context.Context) (context.Context, context.CancelFunc, bool)
	Arrived func()

	files    *record.Files
	importer *imports.Importer
	debts    *owed.Debts
	auditor  *audit.Auditor
	works    works
	term     term
}

// Parts is what recordings are put together from.
type Parts struct {
	Config  Config
	Data    string // the data directory
	Offline bool   // nobody serves the pool: what it was served with last counts
	Index   Index
	State   interface {
		store.Tenants
		store.Servers
		store.Claims
	}
	Tell    Tell          // what front ends are told of a recording that has come; nil for nothing
	Meta    Meta          // the metadata of a recording without what is the pool's own; nil for as it is
	Proven  record.Proven // of what servers send; nil for nothing
	Noted   record.Noted  // by whoever ran the pool before; nil for nothing
	Log     zerolog.Logger
	Metrics *metrics.Set
}

// Open puts the recordings of a pool together: the library in its directories, the guard of the disk that they are on,
// and the way in for archives. Pool must be set before Run. It writes to the data directory, and on the first start marks
// the volume. An index that is away keeps nobody waiting: what there is to do is read once it is there.
func Open(ctx context.Context, p Parts) (*Service, error) {
	c := p.Config.In(p.Data)
	if p.Offline {
		last, err := c.Last(p.Data)
		if err != nil {
			return nil, err
		}
		c = last
	} else if err := c.remember(p.Data); err != nil {
		return nil, err
	}
	files, err := library.New(c.Dirs())
	if err != nil {
		return nil, err
	}
	dirs, err := c.markedDirs(p.Data)
	if err != nil { // no reason to keep anybody out of a meeting
		p.Log.Error().Err(err).Msg("recordings cannot be kept: mend it, and start again")
	}
	guard := volume.New(c.Volume, time.Now, dirs...)
	s := &Service{
		Config: c, Index: p.Index, Tenants: p.State, Servers: p.State, Live: p.State, Library: files, Disk: guard,
		Data: p.Data, Tell: p.Tell, Meta: p.Meta, Proven: p.Proven, Noted: p.Noted, Log: p.Log,
	}
	s.Init()
	p.Metrics.RegisterMetricsWriter(s.WriteMetrics)
	p.Metrics.RegisterMetricsWriter(guard.WriteMetrics)
	inSpool := func(bytes int64) error { return guard.RoomIn("spool", bytes) }
	s.Uploads = &upload.Handler{
		Config: c.Upload, Servers: p.State, Dir: filepath.Join(c.Spool, ".uploads"), Room: inSpool,
		Known: s.importer.Known, Accept: s.importer.Accept, Log: p.Log, Metrics: p.Metrics,
	}
	err = s.Load(ctx)
	if errors.Is(err, store.ErrAway) { // as soon as it is there: see begin
		s.term.before.Store(true)
		err = nil
	}
	return s, err
}

// Init puts the parts together and makes the service ready to be called.
func (s *Service) Init() {
	if s.Now == nil {
		s.Now = time.Now
	}
	now := func() time.Time { return s.Now() }
	owners := record.Owners{Sessions: s.Index, Tenants: s.Tenants, Proven: s.Proven}
	arriving := owners
	arriving.Noted = s.Noted // which takes a look at a whole table
	s.files = &record.Files{Index: s.Index, Library: s.Library, Disk: s.Disk, Log: s.Log, Now: now}
	s.importer = &imports.Importer{
		Config: s.Config.imports(), Index: s.Index, Owners: arriving, Servers: s.Servers, Live: s.Live, Files: s.files,
		Library: s.Library, Disk: s.Disk, Log: s.Log, Now: now, Arrived: s.arrived, Tell: s.Tell, Meta: s.Meta,
	}
	s.importer.Init()
	s.share()
	s.debts = &owed.Debts{
		Overdue: time.Duration(s.Config.Overdue), Index: s.Index, History: s.Index, Jobs: s.Index, Servers: s.Servers,
		Files: s.files, Log: s.Log, Now: now, Meta: s.Meta,
	}
	s.auditor = &audit.Auditor{
		Protect: s.Config.Protect, Index: s.Index, Library: s.Library, Owners: owners, Files: s.files, Imports: s.importer,
		Log: s.Log, Now: now, Meta: s.Meta,
	}
	s.works.ending, s.works.term = make(chan struct{}), make(chan struct{})
}

// Load takes over the imports that were open when the program ended. What a crash has left half done is finished first of
// all once Run is called.
func (s *Service) Load(ctx context.Context) error { return s.importer.Load(ctx) }

// Recordings returns a page of the selected recordings, and how many there are. Front ends, which ask for one tenant's,
// do not see those that may never have been.
func (s *Service) Recordings(ctx context.Context, f store.RecordingFilter) ([]store.Recording, int, error) {
	if !f.AllTenants {
		f.States = shown(f.States)
	}
	return s.Index.Recordings(ctx, f)
}

// Recording returns one recording, or store.ErrNotFound.
func (s *Service) Recording(ctx context.Context, id string) (store.Recording, error) {
	return s.Index.Recording(ctx, id)
}

// Shelved tells, from the disk alone, which formats of a recording are published, and whether it is protected. It is for those
// who cannot ask the index, and returns an error where that cannot be told. What versions before this one have put there has no
// marks, but a note.
func (s *Service) Shelved(id string) (formats []string, protected bool, err error) {
	formats, protected, err = s.Library.Shelved(id)
	if err != nil {
		return formats, protected, err
	}
	note, err := s.Library.LastNote(id)
	if behind := s.Behind(id); err == nil && (behind != nil || record.NoteWithholds(note)) {
		return nil, false, fmt.Errorf("its files have not followed its state: %w", errors.Join(fs.ErrNotExist, behind))
	}
	return formats, protected || record.NoteProtects(note), err
}

// Counts returns how many recordings there are, by tenant and state.
func (s *Service) Counts(ctx context.Context) ([]store.RecordingCount, error) {
	return s.Index.CountRecordings(ctx)
}

// Behind tells why the files of a recording are not where its state says, or nil where they are. What a change could not
// do is kept as work to be done.
func (s *Service) Behind(id string) error { return s.files.Behind(id) }

// Remember notes the end of a meeting in the history, with what is written along with it, and what its server owes from then
// on. It can be repeated.
func (s *Service) Remember(ctx context.Context, c store.Claim, past store.Session, along ...store.Along) error {
	return s.debts.Remember(ctx, c, past, along...)
}

// Marked notes what a server has told of a meeting that is over: that nothing of it was marked for recording means that nothing
// is owed. It is named by its session.
func (s *Service) Marked(ctx context.Context, sessionID string, marks bool) error {
	if marks {
		return nil
	}
	recordID, _, _ := strings.Cut(sessionID, "~") // of a meeting that came back after its end was told
	return s.debts.Unmarked(ctx, recordID)
}

// Owed returns what servers owe, the oldest first.
func (s *Service) Owed(ctx context.Context) ([]Owing, error) { return s.debts.Owed(ctx) }

// Jobs returns the selected imports, and as jobs of their own what lies in the spool and nothing takes.
func (s *Service) Jobs(ctx context.Context, f store.JobFilter) ([]store.Job, error) {
	return s.importer.Jobs(ctx, f)
}

// Retry lets an import be tried at once, from the start; an archive in quarantine leaves it.
func (s *Service) Retry(ctx context.Context, id string) (store.Job, error) {
	return s.importer.Retry(ctx, id)
}

// DropJob forgets an import that has failed, and removes its archive from quarantine.
func (s *Service) DropJob(ctx context.Context, id string) error {
	if err := s.decide(ctx); err != nil {
		return err
	}
	return s.importer.DropJob(ctx, id)
}

// Volume returns how the directories of the recordings are, and looks first if nobody has.
func (s *Service) Volume() []volume.Status { return s.Disk.Known(context.Background()) }

// Import takes in what the operator names: an archive, a directory of archives, or one of recordings as BigBlueButton and
// Scalelite have them. All of it stays where it is. What lies in the library already is adopted there. What cannot be
// imported is named in the report, and the rest goes on; what is here already costs a look.
func (s *Service) Import(ctx context.Context, o ImportOptions, tell func(Progress)) (ImportReport, error) {
	report := imports.NewReport()
	if o.Tenant != "" {
		if _, err := s.Tenants.Tenant(ctx, o.Tenant); err != nil {
			return report, ErrNoTenant
		}
	}
	path, err := imports.Locate(o.Path)
	if err != nil {
		return report, err
	}
	if err := s.decide(ctx); err != nil {
		return report, err
	}
	ctx, done, err := s.works.begin(ctx)
	if err != nil {
		return report, err
	}
	defer done()
	if s.Config.inLibrary(path) {
		report, err := s.auditor.Adopt(ctx, o, tell)
		if err == nil && o.Notify {
			err = s.importer.Notify(ctx, report.Imported...)
		}
		return report, err
	}
	return s.importer.Import(ctx, path, o, tell)
}

// Verify compares index and disk both ways, and mends what it is asked to mend. The volume must be the right one: an
// empty mount point is not a pool without recordings.
func (s *Service) Verify(ctx context.Context, o VerifyOptions, tell func(Progress)) (VerifyReport, error) {
	if err := s.decide(ctx); err != nil {
		return VerifyReport{}, err
	}
	ctx, done, err := s.works.begin(ctx)
	if err != nil {
		return VerifyReport{}, err
	}
	defer done()
	if o.Mark {
		if err := s.mark(ctx); err != nil {
			return VerifyReport{}, err
		}
	}
	return s.auditor.Verify(ctx, o, tell)
}

// mark takes the volume that is mounted now for the right one, and writes that on it.
func (s *Service) mark(ctx context.Context) error {
	dirs, err := s.Config.markedDirs(s.Data)
	if err != nil {
		return err
	}
	if err := volume.MarkAgain(dirs...); err != nil {
		return library.Explain(err)
	}
	s.Disk.Check(ctx)
	return nil
}
