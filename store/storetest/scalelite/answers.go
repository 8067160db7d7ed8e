package scalelite

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Answers are what Scalelite itself has answered on a fixture: the calls of each tenant, by "tenant call {parameters}", and the
// output of its tasks by their names.
func Answers(dir string) (map[string]string, error) {
	data, err := os.ReadFile(filepath.Join(filepath.Clean(dir), "answers.json"))
	if err != nil {
		return nil, err
	}
	var answers map[string]string
	return answers, json.Unmarshal(data, &answers)
}

// Listed is a recording in an answer to getRecordings.
type Listed struct {
	RecordID     string `xml:"recordID"`
	MeetingID    string `xml:"meetingID"`
	InternalID   string `xml:"internalMeetingID"`
	Name         string `xml:"name"`
	Published    string `xml:"published"`
	Protected    string `xml:"protected"`
	State        string `xml:"state"`
	StartTime    string `xml:"startTime"`
	EndTime      string `xml:"endTime"`
	Participants string `xml:"participants"`
	Metadata     struct {
		Items []struct {
			XMLName xml.Name
			Value   string `xml:",chardata"`
		} `xml:",any"`
	} `xml:"metadata"`
	Formats []struct {
		Type   string `xml:"type"`
		URL    string `xml:"url"`
		Length string `xml:"length"`
		Images []struct {
			Alt    string `xml:"alt,attr"`
			Width  string `xml:"width,attr"`
			Height string `xml:"height,attr"`
			URL    string `xml:",chardata"`
		} `xml:"preview>images>image"`
	} `xml:"playback>format"`
}

// ReadListed reads an answer to getRecordings, in its order.
func ReadListed(answer string) ([]Listed, error) {
	var all struct {
		List []Listed `xml:"recordings>recording"`
	}
	return all.List, xml.Unmarshal([]byte(answer), &all)
}

// String is everything that front ends get to see of a recording, in one form whatever the answer looks like. A token in a
// link is another one each time.
func (l Listed) String() string {
	var b strings.Builder
	fmt.Fprintln(&b, l.RecordID, l.MeetingID, l.InternalID, l.Name)
	fmt.Fprintln(&b, l.Published, l.Protected, l.State, l.StartTime, l.EndTime, l.Participants)
	var meta []string
	for _, m := range l.Metadata.Items {
		meta = append(meta, m.XMLName.Local+"="+strings.TrimSpace(m.Value))
	}
	slices.Sort(meta)
	fmt.Fprintln(&b, strings.Join(meta, " "))
	for _, f := range l.Formats {
		url, _, _ := strings.Cut(strings.TrimSpace(f.URL), "?token=")
		fmt.Fprintln(&b, f.Type, url, f.Length)
		for _, i := range f.Images {
			fmt.Fprintln(&b, i.Width, i.Height, i.Alt, strings.TrimSpace(i.URL))
		}
	}
	return b.String()
}
