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
	"html"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// Field is one piece of metadata, by its name as servers show it.
type Field struct{ Name, Value string }

// Keep says what becomes of a field that is there: its value, or that it goes.
type Keep func(f Field) (value string, keep bool)

// Edit returns an answer about a meeting, or the element of one, with other metadata. Each field is kept as keep says; of more
// those are added that are not there by that name. Where nothing changes that is the answer itself, which is never written to.
func Edit(answer []byte, keep Keep, more []Field) []byte {
	e := editor{b: answer, keep: keep, more: more}
	for lists := 0; ; {
		e.skip()
		t, ok := e.next()
		if !ok {
			return e.whole()
		}
		switch name := string(t.name); {
		case name == peopleName && t.kind == opens:
			lists++
		case name == peopleName && t.kind == closes:
			lists = max(lists-1, 0)
		case name != metaName || lists > 0:
		case t.kind == empty:
			e.unfold(t)
		case t.kind == opens && !e.fields():
			return answer
		}
	}
}

const (
	metaName   = "metadata"
	peopleName = "attendees"
)

var people = []byte(peopleName)

// kind is what a tag does.
type kind int

const (
	opens kind = iota
	closes
	empty
)

// tag is a tag without attributes: servers write no others.
type tag struct {
	kind     kind
	name     []byte
	from, to int
}

// editor goes through an answer once.
type editor struct {
	b    []byte
	pos  int
	keep Keep
	more []Field

	out  []byte // what is to stand for b[:done]
	done int
}

var (
	cdataOpen  = []byte("<![CDATA[")
	cdataClose = []byte("]]>")
)

// next returns the next tag. What is CDATA has none in it.
func (e *editor) next() (t tag, ok bool) {
	for {
		i := bytes.IndexByte(e.b[e.pos:], '<')
		if i < 0 {
			return t, false
		}
		e.pos += i
		if bytes.HasPrefix(e.b[e.pos:], cdataOpen) {
			end := bytes.Index(e.b[e.pos:], cdataClose)
			if end < 0 {
				return t, false
			}
			e.pos += end + len(cdataClose)
			continue
		}
		if t, ok = read(e.b, e.pos); ok {
			e.pos = t.to
			return t, true
		}
		e.pos++
	}
}

// skip goes to the next tag that matters outside of metadata, which is much faster than from one to the next.
func (e *editor) skip() {
	for {
		i := bytes.IndexByte(e.b[e.pos:], '<')
		if i < 0 {
			e.pos = len(e.b)
			return
		}
		e.pos += i
		rest := e.b[e.pos+1:]
		if len(rest) > 0 && rest[0] == '/' {
			rest = rest[1:]
		}
		if len(rest) > 0 && (rest[0] == 'a' && bytes.HasPrefix(rest, people) || rest[0] == 'm' || rest[0] == '!') {
			return
		}
		e.pos++
	}
}

// maxName is how long the name of a tag may be.
const maxName = 256

// read reads the tag that begins there.
func read(b []byte, from int) (t tag, ok bool) {
	t.from = from
	i := from + 1
	if i < len(b) && b[i] == '/' {
		t.kind, i = closes, i+1
	}
	start := i
	for i < len(b) && i-start <= maxName && b[i] > ' ' && b[i] != '>' && b[i] != '/' && b[i] != '<' {
		i++
	}
	t.name = b[start:i]
	for i < len(b) && blank(b[i]) {
		i++
	}
	if i < len(b) && b[i] == '/' && t.kind == opens {
		t.kind, i = empty, i+1
	}
	t.to = i + 1
	return t, i < len(b) && b[i] == '>' && len(t.name) > 0 && len(t.name) <= maxName
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

const blanks = " \t\r\n"

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
		if t.kind == closes {
			if string(t.name) != metaName {
				return false
			}
			e.add(t.from, missing)
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
func (e *editor) inside(t tag) (inner []byte, found bool) {
	if t.kind == empty {
		return nil, true
	}
	for depth := 1; ; {
		next, ok := e.next()
		switch {
		case !ok:
			return nil, false
		case next.kind == opens:
			depth++
		case next.kind == closes:
			depth--
		}
		if depth == 0 {
			return e.b[t.to:next.from], bytes.Equal(next.name, t.name)
		}
	}
}

// field does with one field what is to be done. The editor is at its end.
func (e *editor) field(t tag, inner []byte, missing []bool) {
	f := Field{string(t.name), text(inner)}
	for i, m := range e.more {
		if m.Name == f.Name {
			missing[i] = false
		}
	}
	switch value, keep := e.keep(f); {
	case !keep:
		e.put(e.before(t.from), e.pos, nil)
	case value != f.Value:
		e.put(t.from, e.pos, write(nil, Field{f.Name, value}))
	}
}

// add adds the fields that are missing before the end of the metadata, each in a line of its own where that is so of the end.
func (e *editor) add(end int, missing []bool) {
	var text []byte
	from := e.before(end)
	pad := e.b[from:end]
	for i, m := range e.more {
		if missing[i] && bbb.ValidName(m.Name) {
			text = write(append(text, pad...), m)
		}
	}
	if text != nil {
		e.put(from, end, append(text, pad...))
	}
}

// unfold writes metadata that has no fields yet.
func (e *editor) unfold(t tag) {
	var text []byte
	for _, m := range e.more {
		if bbb.ValidName(m.Name) {
			text = write(text, m)
		}
	}
	if text != nil {
		e.put(t.from, t.to, []byte("<"+metaName+">"+string(text)+"</"+metaName+">"))
	}
}

// before is where the line begins of what stands there.
func (e *editor) before(pos int) int { return e.done + len(bytes.TrimRight(e.b[e.done:pos], blanks)) }

// put writes text in the place of a piece of the answer.
func (e *editor) put(from, to int, text []byte) {
	if e.out == nil {
		e.out = make([]byte, 0, len(e.b)+len(text))
	}
	e.out = append(append(e.out, e.b[e.done:from]...), text...)
	e.done = to
}

func (e *editor) whole() []byte {
	if e.done == 0 {
		return e.b
	}
	return append(e.out, e.b[e.done:]...)
}

// write writes a field.
func write(b []byte, f Field) []byte {
	b = append(append(append(b, '<'), f.Name...), '>')
	b = bbb.AppendText(b, f.Value)
	return append(append(append(b, "</"...), f.Name...), '>')
}

// text is what an element without others in it says.
func text(inner []byte) string {
	if inner = bytes.Trim(inner, blanks); !bytes.ContainsAny(inner, "&<") {
		return string(inner)
	}
	var b []byte
	for len(inner) > 0 {
		plain, rest, marked := bytes.Cut(inner, cdataOpen)
		b = append(b, html.UnescapeString(string(plain))...)
		if !marked {
			break
		}
		plain, inner, _ = bytes.Cut(rest, cdataClose)
		b = append(b, plain...)
	}
	return string(bytes.Trim(b, blanks))
}
