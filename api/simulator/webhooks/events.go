package webhooks

import (
	"encoding/json"
	"maps"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator/rooms"
)

// object is a value of JSON with names.
type object = map[string]any

// mapped is an event as bbb-webhooks shows it.
func mapped(id string, attributes object, at time.Time) json.RawMessage {
	return rooms.EncodeJSON(object{"data": object{
		"type": "event", "id": id, "attributes": attributes, "event": object{"ts": at.UnixMilli()},
	}})
}

// message is an event as BigBlueButton's own parts tell it each other: about a meeting, and about somebody in it or "".
func message(name, meeting, user string, body object, at time.Time) json.RawMessage {
	routing, header := object{"sender": "bbb-apps-akka"}, object{"name": name}
	if meeting != "" {
		routing = object{"msgType": "BROADCAST_TO_MEETING", "meetingId": meeting, "userId": user}
		header["meetingId"], header["userId"] = meeting, user
	}
	return rooms.EncodeJSON(object{
		"envelope": object{"name": name, "routing": routing, "timestamp": at.UnixMilli()},
		"core":     object{"header": header, "body": body},
	})
}

// of is how all events name their meeting.
func of(m *rooms.Meeting) object {
	return object{"internal-meeting-id": m.Internal, "external-meeting-id": m.ID}
}

// Of makes of what has happened in a meeting what hooks are told of it.
func Of(e rooms.Event) Event {
	switch e.What {
	case rooms.Created:
		return createdEvent(e.Meeting, e.At)
	case rooms.Joined:
		return joinedEvent(e.Meeting, e.Person, e.At)
	case rooms.Left:
		return leftEvent(e.Meeting, e.Person, e.At)
	case rooms.Recording:
		return recordingEvent(e.Meeting, e.At)
	case rooms.Ended:
	}
	return Event{
		ID: "meeting-ended", Meeting: e.Meeting.ID, Mapped: mapped("meeting-ended", object{"meeting": of(e.Meeting)}, e.At),
		Raw: message("MeetingDestroyedEvtMsg", "", "", object{"meetingId": e.Meeting.Internal}, e.At),
	}
}

func createdEvent(m *rooms.Meeting, at time.Time) Event {
	metadata := object{}
	for _, p := range m.Metadata {
		metadata[p.Name] = p.Value
	}
	parent := m.ParentID()
	if parent == "" {
		parent = "bbb-none"
	}
	minutes := int(m.Expiry.Duration / time.Minute)
	date := bbb.CreateDate(m.Created.UTC())
	attributes := of(m)
	maps.Copy(attributes, object{
		"name": m.Name, "is-breakout": m.Room.Breakout, "parent-id": parent, "duration": minutes,
		"create-time": m.Created.UnixMilli(), "create-date": date, "moderator-pass": m.ModeratorPW, "viewer-pass": m.AttendeePW,
		"record": m.Record, "voice-conf": m.Voice, "dial-number": m.Dial, "max-users": m.MaxUsers, "metadata": metadata,
		"audioBridge": "bbb-webrtc-sfu", "cameraBridge": "bbb-webrtc-sfu", "screenShareBridge": "bbb-webrtc-sfu",
	})
	raw := message("MeetingCreatedEvtMsg", "", "", object{"props": object{
		"meetingProp":   object{"name": m.Name, "extId": m.ID, "intId": m.Internal, "isBreakout": m.Room.Breakout},
		"breakoutProps": object{"parentId": parent, "sequence": m.Room.Sequence, "freeJoin": m.Room.FreeJoin},
		"durationProps": object{"duration": minutes, "createdTime": m.Created.UnixMilli(), "createdDate": date},
		"password":      object{"moderatorPass": m.ModeratorPW, "viewerPass": m.AttendeePW},
		"recordProp":    object{"record": m.Record, "autoStartRecording": m.AutoStart, "keepEvents": m.KeepEvents},
		"voiceProp":     object{"telVoice": m.Voice, "voiceConf": m.Voice, "dialNumber": m.Dial},
		"usersProp":     object{"maxUsers": m.MaxUsers, "guestPolicy": m.GuestPolicy},
		"metadataProp":  object{"metadata": metadata},
	}}, at)
	return Event{
		ID: "meeting-created", Meeting: m.ID, Mapped: mapped("meeting-created", object{"meeting": attributes}, at), Raw: raw,
	}
}

// userOf is somebody with all that bbb-webhooks knows since 3.5.0, the session included.
func userOf(p *rooms.Person) object {
	user := object{
		"internal-user-id": p.Internal, "external-user-id": p.UserID, "name": p.Name, "role": p.Role(), "presenter": false,
		"guest": p.Guest, "userdata": customOf(p),
	}
	if p.Session != "" {
		user["ip-address"], user["user-agent"], user["referer"] = p.From.Address, p.From.Agent, p.From.Referer
		user["session-token"] = p.Session
	}
	return user
}

func customOf(p *rooms.Person) object {
	custom := object{}
	for _, pair := range p.Custom {
		custom[pair.Name] = pair.Value
	}
	return custom
}

func joinedEvent(m *rooms.Meeting, p *rooms.Person, at time.Time) Event {
	body := object{
		"intId": p.Internal, "extId": p.UserID, "name": p.Name, "role": p.Role(), "guest": p.Guest, "authed": true,
		"guestStatus": "ALLOW", "presenter": false, "clientType": "HTML5", "userMetadata": customOf(p),
	}
	if p.Session != "" {
		body["ipAddress"], body["userAgent"], body["referer"] = p.From.Address, p.From.Agent, p.From.Referer
		body["sessionToken"] = p.Session
	}
	return Event{
		ID: "user-joined", Meeting: m.ID, Mapped: mapped("user-joined", object{"meeting": of(m), "user": userOf(p)}, at),
		Raw: message("UserJoinedMeetingEvtMsg", m.Internal, p.Internal, body, at),
	}
}

// leftEvent tells of somebody who leaves. BigBlueButton does not say so of those who are there at the end: bbb-webhooks makes it
// up, of all that it knows of them, and raw hooks get the same.
func leftEvent(m *rooms.Meeting, p *rooms.Person, at time.Time) Event {
	e := Event{ID: "user-left", Meeting: m.ID}
	if m.IsOver() {
		e.Mapped = mapped(e.ID, object{"meeting": of(m), "user": userOf(p)}, at)
		return e
	}
	user := object{"internal-user-id": p.Internal, "external-user-id": p.UserID, "guest": p.Guest}
	e.Mapped = mapped(e.ID, object{"meeting": of(m), "user": user}, at)
	e.Raw = message("UserLeftMeetingEvtMsg", m.Internal, p.Internal,
		object{"intId": p.Internal, "eject": false, "ejectedBy": "", "reason": "", "reasonCode": ""}, at)
	return e
}

func recordingEvent(m *rooms.Meeting, at time.Time) Event {
	id := "meeting-recording-stopped"
	if m.IsRecording() {
		id = "meeting-recording-started"
	}
	return Event{
		ID: id, Meeting: m.ID, Mapped: mapped(id, object{"meeting": of(m)}, at),
		Raw: message("RecordingStatusChangedEvtMsg", m.Internal, "", object{"recording": m.IsRecording(), "setBy": "system"}, at),
	}
}

// Custom is any event: what is told of a meeting, or of none, under an ID. Raw hooks get the same unless there is something else
// for them.
func Custom(id string, m *rooms.Meeting, attributes map[string]any, raw json.RawMessage, at time.Time) Event {
	e := Event{ID: id, Raw: raw}
	own := object{}
	if m != nil {
		e.Meeting, own["meeting"] = m.ID, of(m)
	}
	maps.Copy(own, attributes)
	e.Mapped = mapped(id, own, at)
	return e
}
