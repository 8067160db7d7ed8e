package bbb

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb/markup"
)

// Recording is a recording as its server shows it.
type Recording struct {
	RecordID     string
	MeetingID    string
	Name         string
	State        string // as the server calls it; "" where it shows none
	Published    bool
	Start        time.Time // zero where the server shows none
	End          time.Time
	Participants int
	RawSize      int64             // bytes
	Meta         map[string]string // nil without any
	Formats      []string          // their types, in order
}

const (
	// recordingsPerCall keeps the request line within what every web server takes.
	recordingsPerCall = 50
	maxListed         = 4 * recordingsPerCall // recordings in an answer; the rest was not asked for
	maxRecordID       = 256                   // bytes
	maxMetadata       = 1000
	maxFormats        = 100
)

// formatType is what the type of a format looks like. It is the name of a directory elsewhere.
var formatType = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// Recordings asks the server for the recordings with exactly these IDs, in the given states, a comma list as in
// BigBlueButton's API. What the server does not have is missing from the list, and so is what nobody has asked for.
// With many IDs it makes several calls.
func (c *Client) Recordings(ctx context.Context, recordIDs []string, states string) ([]Recording, error) {
	wanted := slices.DeleteFunc(slices.Clone(recordIDs), func(id string) bool {
		return id == "" || len(id) > maxRecordID || strings.Contains(id, ",")
	})
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)
	var list []Recording
	for ids := range slices.Chunk(wanted, recordingsPerCall) {
		some, err := c.recordings(ctx, ids, states)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	return list, nil
}

// recordings makes one call. The server takes each ID for a prefix, so more may come back.
func (c *Client) recordings(ctx context.Context, ids []string, states string) ([]Recording, error) {
	query := "recordID=" + url.QueryEscape(strings.Join(ids, ",")) + "&state=" + url.QueryEscape(states)
	var list []Recording
	_, err := c.do(ctx, question{call: "getRecordings", query: query, read: func(r *Reply) (err error) {
		if _, err = r.Answer("getRecordings"); err == nil {
			list, err = ParseRecordings(r.Body)
		}
		return err
	}})
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(list, func(r Recording) bool {
		_, asked := slices.BinarySearch(ids, r.RecordID)
		twice := seen[r.RecordID]
		seen[r.RecordID] = true
		return !asked || twice
	}), nil
}

// ParseRecordings reads the answer to getRecordings. What a recording does not show stays empty; one without an ID is
// left out. More than 200 are an error, for to leave some out would say that they are gone. What it allocates, garbage
// included, is at most twice the size of body and 48 MiB.
func ParseRecordings(body []byte) ([]Recording, error) {
	answer, err := ParseAnswer(body)
	if err != nil {
		return nil, fmt.Errorf("getRecordings: %w", err)
	}
	if answer.Err != nil {
		return nil, fmt.Errorf("getRecordings: %w", answer.Err)
	}
	var list []Recording
	listed := 0
	one := func(name string, inner []byte) {
		if name != "recording" {
			return
		}
		if listed++; listed > maxListed {
			return
		}
		if r := parseRecording(inner); r.RecordID != "" {
			list = append(list, r)
		}
	}
	markup.Elements(answer.body, func(_ string, response []byte) {
		markup.Elements(response, func(name string, recordings []byte) {
			if name == "recordings" {
				markup.Elements(recordings, one)
			}
		})
	})
	if listed > maxListed {
		return nil, fmt.Errorf("getRecordings: %d recordings in an answer, the limit is %d", listed, maxListed)
	}
	return list, nil
}

func parseRecording(b []byte) (r Recording) {
	markup.Elements(b, r.set)
	r.MeetingID = cmp.Or(r.MeetingID, r.Meta["meetingId"])
	r.Name = cmp.Or(r.Name, r.Meta["meetingName"])
	slices.Sort(r.Formats)
	r.Formats = slices.Compact(r.Formats)
	return r
}

func (r *Recording) set(name string, inner []byte) {
	switch name {
	case "recordID":
		r.RecordID = markup.Plain(inner)
	case "meetingID":
		r.MeetingID = markup.Plain(inner)
	case "name":
		r.Name = markup.Plain(inner)
	case "state":
		r.State = markup.Plain(inner)
	case "published":
		r.Published = markup.Plain(inner) == "true"
	case "startTime":
		r.Start = moment(inner)
	case "endTime":
		r.End = moment(inner)
	case "participants":
		r.Participants = count(inner)
	case "rawSize":
		r.RawSize = number(inner)
	case "metadata":
		markup.Elements(inner, r.setMeta)
	case "playback":
		markup.Elements(inner, r.addFormat)
	}
}

func (r *Recording) setMeta(key string, value []byte) {
	if r.Meta == nil {
		r.Meta = map[string]string{}
	}
	if len(r.Meta) < maxMetadata {
		r.Meta[key] = markup.Plain(value)
	}
}

func (r *Recording) addFormat(name string, format []byte) {
	if name != "format" {
		return
	}
	markup.Elements(format, func(name string, inner []byte) {
		if name == "type" && len(r.Formats) < maxFormats && formatType.MatchString(markup.Plain(inner)) {
			r.Formats = append(r.Formats, markup.Plain(inner))
		}
	})
}

// maxMoment is the end of the year 9999, beyond which times cannot be written as RFC 3339.
const maxMoment = 253_402_300_799_999

// moment reads a time in milliseconds since 1970. What is none is the zero time.
func moment(b []byte) time.Time {
	ms := number(b)
	if ms <= 0 || ms > maxMoment {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
