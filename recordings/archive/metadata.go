package archive

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/store"
)

// What a metadata.xml may hold at most. Beyond, texts are cut, images and rooms are left out; keys and levels are a fault.
const (
	maxText     = 8 << 10   // bytes of one value
	maxMeta     = 128 << 10 // bytes in <meta>, and of all formats of a recording together
	maxKeys     = 500
	maxKey      = 256  // bytes
	maxName     = 1024 // bytes
	maxMeeting  = 1024 // bytes of a meeting ID; BigBlueButton has 256 characters at most
	maxImages   = 200
	maxAlt      = 1 << 10 // bytes
	maxRooms    = 200
	maxLevels   = 32
	maxElements = 50_000
)

// document is a metadata.xml. Everything is text at first, for numbers are not always numbers.
type document struct {
	XMLName      xml.Name `xml:"recording"`
	ID           string   `xml:"id"`
	State        string   `xml:"state"`
	Published    string   `xml:"published"`
	Start        string   `xml:"start_time"`
	End          string   `xml:"end_time"`
	Participants string   `xml:"participants"`
	RawSize      string   `xml:"raw_size"`
	Meeting      struct {
		ID         string `xml:"id,attr"`
		ExternalID string `xml:"externalId,attr"`
		Name       string `xml:"name,attr"`
		Breakout   string `xml:"breakout,attr"`
	} `xml:"meeting"`
	Breakout struct {
		Parent   string `xml:"parentMeetingId,attr"`
		Sequence string `xml:"sequence,attr"`
		FreeJoin string `xml:"freeJoin,attr"`
	} `xml:"breakout"`
	Rooms []string `xml:"breakoutRooms>breakoutRoom"`
	Meta  struct {
		Pairs []pair `xml:",any"`
	} `xml:"meta"`
	Playback struct {
		Link           string  `xml:"link"`
		ProcessingTime string  `xml:"processing_time"`
		Duration       string  `xml:"duration"`
		Size           string  `xml:"size"`
		Images         []image `xml:"extensions>preview>images>image"`
	} `xml:"playback"`
}

type pair struct {
	XMLName xml.Name
	Value   string `xml:",chardata"`
}

type image struct {
	Width  string `xml:"width,attr"`
	Height string `xml:"height,attr"`
	Alt    string `xml:"alt,attr"`
	Link   string `xml:",chardata"`
}

// ParseMetadata reads the metadata.xml of a format of a recording. What is absent or cannot be read is zero, and a link
// that leads elsewhere gives way to Link; but XML that is broken, or of another recording, is an *Error.
func ParseMetadata(r io.Reader, format, recordID string) (store.Recording, error) {
	name := format + "/" + recordID + "/" + metadataName
	b, err := io.ReadAll(io.LimitReader(r, maxMetadata+1))
	if err != nil {
		return store.Recording{}, fmt.Errorf("read %s: %w", name, err)
	}
	if len(b) > maxMetadata {
		return store.Recording{}, errorf(name, "is larger than %d bytes, the limit", maxMetadata)
	}
	doc, err := parse(b)
	if err != nil {
		return store.Recording{}, errorf(name, "is not as it should be: %v", err)
	}
	id := strings.TrimSpace(doc.ID)
	if id != recordID {
		return store.Recording{}, errorf(name, "is of the recording %q, not of the one that it lies with", cut(id, maxShown))
	}
	meta, err := doc.meta()
	if err != nil {
		return store.Recording{}, errorf(name, "is too much: %v", err)
	}
	rec := doc.recording(format, recordID, meta)
	if len(rec.MeetingID) > maxMeeting {
		return store.Recording{}, errorf(name, "is too much: the meeting ID has more than %d bytes, the limit", maxMeeting)
	}
	return rec, nil
}

// parse reads one document, and nothing behind it.
func parse(b []byte) (*document, error) {
	b, err := utf8Text(b)
	if err != nil {
		return nil, err
	}
	inner := xml.NewDecoder(bytes.NewReader(b))
	inner.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // it is UTF-8 by now
	d := xml.NewTokenDecoder(&bounded{d: inner})
	doc := new(document)
	if err := d.Decode(doc); errors.Is(err, io.EOF) {
		return nil, errors.New("it is empty")
	} else if err != nil {
		return nil, err
	}
	for {
		switch t, err := d.Token(); {
		case errors.Is(err, io.EOF):
			return doc, nil
		case err != nil:
			return nil, err
		default:
			if text, ok := t.(xml.CharData); ok && len(bytes.TrimSpace(text)) == 0 {
				continue
			}
			if _, ok := t.(xml.Comment); !ok {
				return nil, errors.New("it goes on behind its end")
			}
		}
	}
}

// bounded hands on the tokens of a document that is neither too deep nor too long. The decoder would keep all of it.
type bounded struct {
	d               *xml.Decoder
	level, elements int
}

// Token returns the next token, and an error where there are too many elements or levels.
func (b *bounded) Token() (xml.Token, error) {
	t, err := b.d.Token()
	switch t.(type) {
	case xml.StartElement:
		b.level++
		b.elements++
	case xml.EndElement:
		b.level--
	}
	if b.level > maxLevels || b.elements > maxElements {
		return nil, fmt.Errorf("it has more than %d levels or %d elements, the limit", maxLevels, maxElements)
	}
	return t, err
}

func (doc *document) recording(format, recordID string, meta map[string]string) store.Recording {
	start, end := doc.times(recordID)
	return store.Recording{
		RecordID:      recordID,
		MeetingID:     first(doc.Meeting.ExternalID, meta["meetingId"], doc.Meeting.ID, recordID),
		Name:          text(first(doc.Meeting.Name, meta["meetingName"]), maxName),
		State:         doc.state(),
		Start:         start,
		End:           end,
		Participants:  int(min(number(doc.Participants), 1<<31-1)),
		RawSize:       number(doc.RawSize),
		Breakout:      doc.breakout(meta),
		BreakoutRooms: doc.rooms(),
		Meta:          meta,
		Formats:       []store.Format{doc.format(format, recordID)},
	}
}

// state returns Published unless something speaks against it. Scripts once wrote "available" for that.
func (doc *document) state() store.RecordingState {
	switch strings.TrimSpace(doc.State) {
	case string(store.Unpublished), string(store.Deleted):
		return store.Unpublished
	}
	if strings.TrimSpace(doc.Published) == "false" {
		return store.Unpublished
	}
	return store.Published
}

func (doc *document) format(format, recordID string) store.Format {
	p := &doc.Playback
	f := store.Format{
		Type:           format,
		Path:           cmp.Or(localPath(p.Link, recordID), Link(format, recordID)),
		Length:         milliseconds(p.Duration),
		ProcessingTime: milliseconds(p.ProcessingTime),
		Size:           number(p.Size),
	}
	for _, i := range p.Images {
		path, alt := picture(i.Link, recordID), strings.TrimSpace(i.Alt)
		if path == "" || len(alt) > maxAlt {
			continue
		}
		if len(f.Images) == maxImages {
			break
		}
		f.Images = append(f.Images, store.Image{
			Width: pixels(i.Width), Height: pixels(i.Height), Alt: strings.Clone(alt), Path: path,
		})
	}
	return f
}

// breakout returns nil for a recording that does not say it was made in a breakout room. All have an empty <breakout/>.
func (doc *document) breakout(meta map[string]string) *store.Breakout {
	b := &store.Breakout{
		Parent:   text(doc.Breakout.Parent, maxMeeting),
		Sequence: int(min(number(doc.Breakout.Sequence), 1<<31-1)),
		FreeJoin: strings.TrimSpace(doc.Breakout.FreeJoin) == "true",
	}
	if b.Parent == "" && strings.TrimSpace(doc.Meeting.Breakout) != "true" && meta["isBreakout"] != "true" {
		return nil
	}
	return b
}

func (doc *document) rooms() (list []string) {
	for _, id := range doc.Rooms[:min(len(doc.Rooms), maxRooms)] {
		if id = strings.TrimSpace(id); library.ValidID(id) {
			list = append(list, strings.Clone(id))
		}
	}
	return list
}

// meta returns the metadata. Names with a prefix are left out, for it would not be declared where they are shown.
func (doc *document) meta() (map[string]string, error) {
	meta := make(map[string]string)
	for _, p := range doc.Meta.Pairs {
		if p.XMLName.Space != "" {
			continue
		}
		if len(p.XMLName.Local) > maxKey {
			return nil, fmt.Errorf("it has a key in <meta> of more than %d bytes, the limit", maxKey)
		}
		meta[p.XMLName.Local] = text(p.Value, maxText)
	}
	if len(meta) > maxKeys {
		return nil, fmt.Errorf("it has %d keys in <meta>, and the limit is %d", len(meta), maxKeys)
	}
	if n := weightOf(meta); n > maxMeta {
		return nil, fmt.Errorf("it has %d bytes in <meta>, and the limit is %d", n, maxMeta)
	}
	return meta, nil
}

// first returns the first of the values that is not blank.
func first(values ...string) string {
	for _, v := range values {
		if v = text(v, maxText); v != "" {
			return v
		}
	}
	return ""
}

// text returns a value without what stands around it, and no more than so many bytes of it: a copy, that does not keep
// all the rest in memory.
func text(s string, most int) string {
	return strings.Clone(strings.TrimSpace(cut(strings.TrimSpace(s), most)))
}

// number returns a whole number that is not negative, and 0 for everything else.
func number(s string) int64 {
	whole, _, _ := strings.Cut(strings.TrimSpace(s), ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return 0
	}
	return max(n, 0)
}

func pixels(s string) int { return int(min(number(s), 1<<16)) }

// milliseconds returns a duration of at most ten years, and 0 for a longer one.
func milliseconds(s string) time.Duration {
	const most = 10 * 365 * 24 * time.Hour
	if n := number(s); n <= most.Milliseconds() {
		return time.Duration(n) * time.Millisecond
	}
	return 0
}
