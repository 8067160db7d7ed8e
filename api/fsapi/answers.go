package fsapi

import (
	"encoding/xml"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// document is what mod_xml_curl reads (FreeSWITCH's XML dial plan).
type document struct {
	XMLName xml.Name `xml:"document"`
	Type    string   `xml:"type,attr"`
	Section section  `xml:"section"`
}

type section struct {
	Name    string   `xml:"name,attr"`
	Context *context `xml:"context"`
	Result  *result  `xml:"result"`
}

type result struct {
	Status string `xml:"status,attr"`
}

type context struct {
	Name      string    `xml:"name,attr"`
	Extension extension `xml:"extension"`
}

type extension struct {
	Name      string    `xml:"name,attr"`
	Condition condition `xml:"condition"`
}

type condition struct {
	Field      string   `xml:"field,attr"`
	Expression string   `xml:"expression,attr"`
	Actions    []action `xml:"action"`
}

type action struct {
	Application string `xml:"application,attr"`
	Data        string `xml:"data,attr,omitempty"`
}

func written(s section) []byte {
	text, _ := xml.Marshal(document{Type: "freeswitch/xml", Section: s}) // of nothing but strings
	return append([]byte(xml.Header), text...)
}

// reject has FreeSWITCH look no further.
func reject() []byte { return written(section{Name: "result", Result: &result{"not found"}}) }

// plan is what is done with calls to what was dialled.
func plan(called, name string, actions ...action) []byte {
	return written(section{Name: "dialplan", Context: &context{Name: "public", Extension: extension{
		Name: name, Condition: condition{"destination_number", "^" + literal(called) + "$", actions},
	}}})
}

// literal is an expression that matches a text and nothing else, without backslashes, which FreeSWITCH reads before.
func literal(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			b.WriteRune(r)
		} else {
			b.WriteString("[" + string(r) + "]")
		}
	}
	return b.String()
}

// ask has the caller enter a number, which FreeSWITCH comes back with.
func (a *API) ask() []action {
	return []action{
		{"play_and_get_digits", fmt.Sprintf(
			"%d %d 3 7000 # conference/conf-enter_conf_pin.wav conference/conf-bad-pin.wav pin [0-9]+", a.Config.Shortest, a.Config.Most,
		)},
		{"transfer", "${pin} XML public"},
	}
}

// prompt welcomes the caller, and asks for the number.
func (a *API) prompt(called string) []byte {
	actions := []action{{Application: "answer"}}
	if d := a.longest(); d > 0 {
		actions = append(actions, action{"sched_hangup", fmt.Sprintf("+%d normal_clearing", int(d/time.Second))})
	}
	actions = append(actions, action{"sleep", "500"}, action{"playback", "ivr/ivr-welcome.wav"}, action{"sleep", "200"})
	return plan(called, "ask_for_meeting", append(actions, a.ask()...)...)
}

// again asks for another number.
func (a *API) again(called string) []byte {
	actions := []action{{"playback", "conference/conf-bad-pin.wav"}, {"sleep", "500"}}
	return plan(called, "ask_for_meeting_again", append(actions, a.ask()...)...)
}

// bridge has the caller go on to the server.
func bridge(called, meetingID, caller, pin, host string) []byte {
	return plan(called, "bridge_to_server",
		action{"set", "meeting_id=" + plain(meetingID, maxMeetingID)},
		action{"set", "effective_caller_id_name=" + caller},
		action{"bridge", "sofia/external/" + pin + "@" + host},
	)
}

const (
	maxMeetingID = 256
	maxName      = 64
)

// plain leaves letters, digits and a few marks of a text, and puts an underscore in the place of everything else.
func plain(text string, most int) string {
	out := make([]rune, 0, min(len(text), most))
	for _, r := range text {
		if len(out) == most {
			break
		}
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" -_.+@:()", r) || r == unicode.ReplacementChar {
			r = '_'
		}
		out = append(out, r)
	}
	return string(out)
}

// nobody is what a caller is called who does not want to be known.
const nobody = "Unavailable"

// hidden is how many digits at the end of a caller's number others do not see.
const hidden = 4

// callerID is what others in the meeting see of a caller: the name, or the number without its last digits.
func callerID(form url.Values) string {
	name := form.Get("Caller-Caller-ID-Name")
	number := strings.TrimPrefix(name, "+")
	isNumber := number != "" && strings.Trim(number, "0123456789") == ""
	if isNumber && form.Get("Caller-Privacy-Hide-Number") != "true" {
		keep := max(len(name)-hidden, 0)
		return plain(name[:keep]+strings.Repeat("X", len(name)-keep), maxName)
	}
	if isNumber || name == "" || form.Get("Caller-Privacy-Hide-Name") == "true" {
		return nobody
	}
	return plain(name, maxName)
}
