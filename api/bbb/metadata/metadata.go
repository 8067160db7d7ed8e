// Package metadata changes the metadata of a meeting where it stands in what a server has answered: fields get other values, go,
// or are added, and every other byte stays as it is. It owns how metadata is written, as XML, and knows nothing of what any of
// it means.
//
// # Design
//
// Answers are large, and nearly all of one is who is in the meeting. So an answer is not read as XML from end to end: from one
// tag to the next it is looked for those that matter, which are few. People may have data by any name, metadata and attendees
// among them; what stands within a list of attendees is theirs, and passed over. What is not sound is left as it is.
package metadata

import (
	"bytes"

	"github.com/bbbpool/bbbpool/api/bbb/markup"
)

// Field is one piece of metadata, by its name as servers show it.
type Field struct{ Name, Value string }

// Keep says what becomes of a field that is there: its value, or that it goes.
type Keep func(f Field) (value string, keep bool)

// Edit returns an answer about a meeting, or the element of one, with other metadata. Each field is kept as keep says; of more
// those are added that are not there by that name. Where nothing changes that is the answer itself, which is never written to.
func Edit(answer []byte, keep Keep, more []Field) []byte {
	e := editor{Edit: markup.Edit{Scanner: markup.Scanner{B: answer}}, keep: keep, more: more}
	for lists := 0; ; {
		e.skip()
		t, ok := e.next()
		if !ok {
			return e.Bytes()
		}
		switch name := string(t.Name); {
		case name == peopleName && t.Kind == markup.Start:
			lists++
		case name == peopleName && t.Kind == markup.End:
			lists = max(lists-1, 0)
		case name != metaName || lists > 0:
		case t.Kind == markup.Empty:
			e.unfold(t)
		case t.Kind == markup.Start && !e.fields():
			return answer
		}
	}
}

const (
	metaName   = "metadata"
	peopleName = "attendees"
)

var people = []byte(peopleName)

// editor goes through an answer once.
type editor struct {
	markup.Edit
	keep Keep
	more []Field
}

// next returns the next tag. Behind CDATA that has no end there is none.
func (e *editor) next() (t markup.Token, ok bool) {
	for {
		t, ok = e.Next()
		switch {
		case !ok, t.Kind == markup.Stray && bytes.HasPrefix(e.B[t.Pos:], []byte("<![CDATA[")):
			return t, false
		case len(t.Name) > 0:
			return t, true
		}
	}
}

// skip goes to the next tag that matters outside of metadata, which is much faster than from one to the next.
func (e *editor) skip() {
	for {
		i := bytes.IndexByte(e.B[e.Pos:], '<')
		if i < 0 {
			e.Pos = len(e.B)
			return
		}
		e.Pos += i
		rest := e.B[e.Pos+1:]
		if len(rest) > 0 && rest[0] == '/' {
			rest = rest[1:]
		}
		if len(rest) > 0 && (rest[0] == 'a' && bytes.HasPrefix(rest, people) || rest[0] == 'm' || rest[0] == '!') {
			return
		}
		e.Pos++
	}
}

// fields goes through the metadata that has just been opened, to its end. It returns false where that is not to be found.
func (e *editor) fields() bool {
	missing := make([]bool, len(e.more))
	for i := range missing {
		missing[i] = true
	}
	for {
		t, ok := e.next()
		if !ok {
			return false
		}
		if t.Kind == markup.End {
			if string(t.Name) != metaName {
				return false
			}
			e.add(t.Pos, missing)
			return true
		}
		inner, found := e.inside(t)
		if !found {
			return false
		}
		e.field(t, inner, missing)
	}
}

// inside returns what stands within a field, and goes to its end.
func (e *editor) inside(t markup.Token) (inner []byte, found bool) {
	if t.Kind == markup.Empty {
		return nil, true
	}
	from := e.Pos
	for depth := 1; ; {
		next, ok := e.next()
		switch {
		case !ok:
			return nil, false
		case next.Kind == markup.Start:
			depth++
		case next.Kind == markup.End:
			depth--
		}
		if depth == 0 {
			return e.B[from:next.Pos], bytes.Equal(next.Name, t.Name)
		}
	}
}

// field does with one field what is to be done. The editor is at its end.
func (e *editor) field(t markup.Token, inner []byte, missing []bool) {
	f := Field{string(t.Name), markup.Plain(inner)}
	for i, m := range e.more {
		if m.Name == f.Name {
			missing[i] = false
		}
	}
	switch value, keep := e.keep(f); {
	case !keep:
		e.Put(e.Before(t.Pos), e.Pos, nil)
	case value != f.Value:
		e.Put(t.Pos, e.Pos, write(nil, Field{f.Name, value}))
	}
}

// add adds the fields that are missing before the end of the metadata, each in a line of its own where that is so of the end.
func (e *editor) add(end int, missing []bool) {
	var text []byte
	from := e.Before(end)
	pad := e.B[from:end]
	for i, m := range e.more {
		if missing[i] && markup.ValidName(m.Name) {
			text = write(append(text, pad...), m)
		}
	}
	if text != nil {
		e.Put(from, end, append(text, pad...))
	}
}

// unfold writes metadata that has no fields yet.
func (e *editor) unfold(t markup.Token) {
	var text []byte
	for _, m := range e.more {
		if markup.ValidName(m.Name) {
			text = write(text, m)
		}
	}
	if text != nil {
		e.Put(t.Pos, t.Pos+len(t.Raw), []byte("<"+metaName+">"+string(text)+"</"+metaName+">"))
	}
}

// write writes a field.
func write(b []byte, f Field) []byte {
	b = append(append(append(b, '<'), f.Name...), '>')
	b = markup.AppendText(b, f.Value)
	return append(append(append(b, "</"...), f.Name...), '>')
}
