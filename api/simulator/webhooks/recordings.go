package webhooks

import (
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator/recorded"
	"github.com/bbbpool/bbbpool/api/simulator/rooms"
)

// stepTime is how long each step of processing is said to take, in milliseconds.
const stepTime = 346

// step is an event of the scripts that make recordings: "archive_started" of a meeting, with more about it.
func step(name, internal, external string, more object, at time.Time) Event {
	id := "rap-" + strings.ReplaceAll(name, "_", "-")
	attributes := object{
		"meeting": object{"internal-meeting-id": internal, "external-meeting-id": external}, "record-id": internal,
	}
	payload := object{"meeting_id": internal, "external_meeting_id": external, "record_id": internal}
	if strings.HasSuffix(name, "_ended") {
		attributes["success"], attributes["step-time"] = true, stepTime
		payload["success"], payload["step_time"] = true, stepTime
	}
	for key, value := range more {
		attributes[strings.ReplaceAll(key, "_", "-")], payload[key] = value, value
	}
	raw := rooms.EncodeJSON(object{
		"header":  object{"timestamp": at.UnixMilli(), "name": name, "current_time": at.UnixMilli(), "version": "0.0.1"},
		"payload": payload,
	})
	return Event{ID: id, Meeting: external, Mapped: mapped(id, attributes, at), Raw: raw}
}

// Archived tells that what there is of a meeting that is over has been put away, and whether a recording comes of it.
func Archived(m *rooms.Meeting, marked bool, now time.Time) []Event {
	length := m.EndedAt().Sub(m.Created).Milliseconds()
	list := []Event{
		step("archive_started", m.Internal, m.ID, nil, now),
		step("archive_ended", m.Internal, m.ID, object{"recorded": marked, "duration": length}, now),
	}
	if marked {
		list = append(list,
			step("sanity_started", m.Internal, m.ID, nil, now), step("sanity_ended", m.Internal, m.ID, nil, now))
	}
	return list
}

// Made tells how each format of a recording has been made and published. Where a front end is told that it is ready, that is a
// step of its own.
func Made(r *recorded.Recording, told bool, now time.Time) (list []Event) {
	add := func(name, workflow string) {
		list = append(list, step(name, r.ID, r.MeetingID, object{"workflow": workflow}, now))
	}
	for _, f := range r.Formats {
		add("process_started", f.Name)
		add("process_ended", f.Name)
		add("publish_started", f.Name)
		list = append(list, published(r, f, now))
		if told {
			add("post_publish_started", "post_publish_recording_ready_callback")
			add("post_publish_ended", "post_publish_recording_ready_callback")
		}
	}
	return list
}

// published is the step that says what came out.
func published(r *recorded.Recording, f recorded.Format, now time.Time) Event {
	metadata := object{}
	for _, p := range r.Meta {
		metadata[p.Name] = p.Value
	}
	playback := object{
		"format": f.Name, "link": f.Name + "/" + r.ID, "processing_time": stepTime, "duration": r.End.Sub(r.Start).Milliseconds(),
		"size": f.Size,
	}
	e := step("publish_ended", r.ID, r.MeetingID, object{"workflow": f.Name}, now)
	e.Mapped = mapped(e.ID, object{
		"meeting":   object{"internal-meeting-id": r.ID, "external-meeting-id": r.MeetingID},
		"record-id": r.ID, "success": true, "step-time": stepTime, "workflow": f.Name,
		"recording": object{
			"name": r.Name, "is-breakout": metadata["isBreakout"], "start-time": r.Start.UnixMilli(), "end-time": r.End.UnixMilli(),
			"size": f.Size, "raw-size": recorded.RawSize, "metadata": metadata, "playback": playback, "download": object{},
		},
	}, now)
	e.Raw = step("publish_ended", r.ID, r.MeetingID, object{
		"workflow": f.Name, "start_time": r.Start.UnixMilli(), "end_time": r.End.UnixMilli(), "raw_size": recorded.RawSize,
		"metadata": metadata, "playback": playback, "download": object{},
	}, now).Raw
	return e
}

// stateNames are what bbb-web says of a recording whose state was changed.
var stateNames = map[string][2]string{
	recorded.Published:   {"rap-published", "PublishedRecordingSysMsg"},
	recorded.Unpublished: {"rap-unpublished", "UnpublishedRecordingSysMsg"},
	recorded.Deleted:     {"rap-deleted", "DeletedRecordingSysMsg"},
}

// Changed tells that a recording has been published, unpublished or deleted by a call. Of a meeting that is over bbb-webhooks no
// longer knows the meetingID: such an event names none, and no hook of that one meeting hears of it.
func Changed(r *recorded.Recording, now time.Time) Event {
	names := stateNames[r.State]
	raw := rooms.EncodeJSON(object{
		"envelope": object{"name": names[1], "routing": object{"sender": "bbb-web"}, "timestamp": now.UnixMilli()},
		"core":     object{"header": object{"name": names[1]}, "body": object{"recordId": r.ID}},
	})
	return Event{ID: names[0], Mapped: mapped(names[0], object{"meeting": object{"internal-meeting-id": r.ID}}, now), Raw: raw}
}
