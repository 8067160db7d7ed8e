package simulator

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	formatName  = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)
	underscores = strings.NewReplacer("-", "_")
)

// States of a recording.
const (
	stateProcessing  = "processing"
	statePublished   = "published"
	stateUnpublished = "unpublished"
	stateDeleted     = "deleted"
)

// recording is a recording on a server, guarded by the server's mutex.
type recording struct {
	id           string
	meetingID    string
	name         string
	state        string
	start, end   time.Time
	participants int
	breakout     bool
	parent       string
	sequence     int
	meta         []pair // with what BigBlueButton adds
	formats      []format
	ready        time.Time // when processing is done
	tracks       []track
}

// format is a format of a recording.
type format struct {
	name string
	size int64 // bytes of media
}

// link is where a format is played, after the origin of the server.
func link(name, id string) string {
	switch name {
	case "presentation":
		return "/playback/presentation/2.3/" + id
	case "video":
		return "/playback/video/" + id + "/"
	case "screenshare":
		return "/recording/screenshare/" + id + "/"
	case "podcast":
		return "/podcast/" + id + "/audio.wav"
	}
	return "/" + name + "/" + id + "/"
}

// recording returns a recording, or nil. The caller holds s.mu.
func (s *Server) recording(id string) *recording {
	for _, r := range s.recordings {
		if r.id == id {
			return r
		}
	}
	return nil
}

// record starts to process the recording of a meeting that has ended. The caller holds s.mu.
func (s *Server) record(m *meeting, now time.Time) {
	r := &recording{
		id: m.internal, meetingID: m.id, name: m.name, state: stateProcessing,
		start: m.created.Add(startDelay), end: m.ended, participants: m.joined, breakout: m.breakout,
		ready: now.Add(s.sim.cfg.RecordingDelay),
		meta: append([]pair{
			{"meetingId", m.id},
			{"meetingName", m.name},
			{"isBreakout", strconv.FormatBool(m.breakout)},
		}, m.metadata...),
	}
	for _, name := range s.sim.cfg.Formats {
		r.formats = append(r.formats, format{name, sizeOf(mediaFiles(r, name))})
	}
	if m.parent != nil {
		r.parent, r.sequence = m.parent.internal, m.sequence
	}
	if r.end.Before(r.start) {
		r.end = r.start
	}
	s.recordings = append(s.recordings, r)
	if surplus := len(s.recordings) - MaxRecordings; surplus > 0 {
		s.recordings = slices.Delete(s.recordings, 0, surplus)
	}
}

// process publishes the recordings that are done, and returns copies of them. The caller holds s.mu.
func (s *Server) process(now time.Time) (done []recording) {
	for _, r := range s.recordings {
		if r.state == stateProcessing && !r.ready.After(now) {
			r.state = statePublished
			done = append(done, *r)
		}
	}
	return done
}

// publish does what BigBlueButton's scripts do after publishing: they send the archive away and call back.
func (s *Server) publish(r recording) {
	if dir := s.sim.cfg.SpoolDir; dir != "" {
		if err := s.archive(dir, &r); err != nil {
			s.sim.cfg.Report(fmt.Errorf("%s: archive of recording %s: %w", s.id, r.id, err))
		}
	}
	s.callBackReady(&r, s.sim.cfg.Now())
}

// Recordings returns the IDs of the recordings that the server has, those in the making included.
func (s *Server) Recordings() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for _, r := range s.recordings {
		if r.state != stateDeleted {
			ids = append(ids, r.id)
		}
	}
	return ids
}
