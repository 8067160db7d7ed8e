package admin

import (
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
)

func newRecording(r store.Recording) v1.Recording {
	shown := v1.Recording{
		RecordID: r.RecordID, MeetingID: r.MeetingID, Tenant: r.Tenant, Name: r.Name,
		State: string(r.State), Published: r.State == store.Published, Protected: r.Protected,
		Start: v1.Stamp(r.Start), End: v1.Stamp(r.End), Participants: r.Participants, RawSize: r.RawSize, Formats: []string{},
	}
	for _, f := range r.Formats {
		shown.Size += f.Bytes
		shown.Formats = append(shown.Formats, f.Type)
	}
	return shown
}

func newDetails(r store.Recording) v1.RecordingDetails {
	d := v1.Details{
		Formats: []v1.Format{}, Meta: orEmpty(r.Meta), Server: r.Server,
		Edits: v1.Edits{State: r.Edits.State, Protected: r.Edits.Protected, Meta: orEmpty(r.Edits.Meta)},
		Owed:  newOwed(r.Owed), Imported: v1.Stamp(r.Imported), Changed: v1.Stamp(r.Changed),
		BreakoutRooms: append([]string{}, r.BreakoutRooms...), Behind: r.Behind, Claimed: r.Claimed,
	}
	if r.Breakout != nil {
		d.Breakout = r.Breakout.Parent
	}
	for _, f := range r.Formats {
		d.Formats = append(d.Formats, v1.Format{
			Type: f.Type, Length: quantity.Tenths(f.Length.Seconds()), Bytes: f.Bytes, Link: f.Path,
		})
	}
	return v1.RecordingDetails{Recording: newRecording(r), Details: d}
}

func orEmpty(meta map[string]string) map[string]string {
	if meta == nil {
		return map[string]string{}
	}
	return meta
}

func newOwed(o *store.Owed) *v1.Owed {
	if o == nil {
		return nil
	}
	return &v1.Owed{
		Server: o.Server, Ended: v1.Stamp(o.Ended), Step: string(o.Step), Since: v1.Stamp(o.Since),
		Formats: append([]string{}, o.Formats...),
	}
}

func newRecordingOwed(o recordings.Owing) v1.RecordingOwed {
	return v1.RecordingOwed{
		Recording: newRecording(o.Recording), Owed: newOwed(o.Owed), Age: int64(o.Age.Seconds()),
		Step: int64(o.Step.Seconds()), Overdue: o.Overdue,
	}
}

func newJob(j store.Job) v1.Job {
	return v1.Job{
		ID: j.ID, State: string(j.State), Attempts: j.Attempts, Reason: j.Reason, Next: v1.Stamp(j.Next), Bytes: j.Bytes,
		Source: j.Source, Server: j.Server, Recordings: append([]string{}, j.Recordings...), Created: v1.Stamp(j.Created),
		Changed: v1.Stamp(j.Changed),
	}
}

func newVolume(s volume.Status) v1.Volume {
	return v1.Volume{
		Name: s.Name, Path: s.Path, Problem: s.Problem, Free: s.Free, Total: s.Total, Inodes: s.Inodes,
		LatencyMS: v1.Milliseconds(s.Latency), At: v1.Stamp(s.At),
	}
}
