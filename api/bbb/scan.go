package bbb

import "bytes"

// What servers answer is read by a scanner of our own, for three reasons: it gives the bytes of each meeting, so that
// they can be passed on; it reads thousands of attendees without building them; and one broken meeting does not stop
// it. The XML that it takes for sound is what BigBlueButton writes: elements without attributes, text, CDATA. That is
// less than XML allows, so whatever passes is safe inside any other document.

// maxDepth is how many elements may be open at once. BigBlueButton gets by with five.
const maxDepth = 16

type kind int

const (
	textKind  kind = iota
	strayKind      // "<" that starts no tag
	cdataKind
	startKind
	endKind
	emptyKind // <name/>
)

// token is a piece of XML: the text before a tag, or a tag.
type token struct {
	kind kind
	raw  []byte
	name []byte // of a tag
	pos  int    // where it starts
}

var (
	cdataOpen  = []byte("<![CDATA[")
	cdataClose = []byte("]]>")
)

// scanner cuts XML, or what should be XML, into tokens. It never fails and takes linear time on any input.
type scanner struct {
	b       []byte
	pos     int
	noCDATA bool // no "]]>" is left, so that looking for one again is in vain
}

// next returns the next token; there is none at the end.
func (s *scanner) next() (t token, ok bool) {
	b := s.b[s.pos:]
	if len(b) == 0 {
		return token{}, false
	}
	t = s.token(b)
	t.pos = s.pos
	s.pos += len(t.raw)
	return t, true
}

// token cuts off the token that b starts with.
func (s *scanner) token(b []byte) token {
	if b[0] != '<' {
		end := bytes.IndexByte(b, '<')
		if end < 0 {
			end = len(b)
		}
		return token{kind: textKind, raw: b[:end]}
	}
	if !s.noCDATA && bytes.HasPrefix(b, cdataOpen) {
		if end := bytes.Index(b, cdataClose); end >= 0 {
			return token{kind: cdataKind, raw: b[:end+len(cdataClose)]}
		}
		s.noCDATA = true
	}
	if t, ok := tag(b); ok {
		return t
	}
	return token{kind: strayKind, raw: b[:1]}
}

// tag reads the tag without attributes that b starts with.
func tag(b []byte) (token, bool) {
	if len(b) == 0 || b[0] != '<' {
		return token{}, false
	}
	t, i := token{kind: startKind}, 1
	if i < len(b) && b[i] == '/' {
		t.kind, i = endKind, 2
	}
	start := i
	for i < len(b) && nameByte(b[i], i == start) {
		i++
	}
	t.name = b[start:i]
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	if i < len(b) && b[i] == '/' && t.kind == startKind {
		t.kind = emptyKind
		i++
	}
	if len(t.name) == 0 || len(t.name) > maxName || i >= len(b) || b[i] != '>' {
		return token{}, false
	}
	t.raw = b[:i+1]
	return t, true
}

// children calls visit for each element that stands directly in b, with what stands between its tags. It tells whether
// b is sound.
func children(b []byte, visit func(name string, inner []byte)) bool {
	var open [maxDepth][]byte
	depth, start := 0, 0
	for s := (scanner{b: b}); ; {
		t, ok := s.next()
		if !ok {
			return depth == 0
		}
		switch t.kind {
		case textKind:
			ok = soundText(t.raw)
		case cdataKind:
			ok = legalText(t.raw)
		case strayKind:
			ok = false
		case emptyKind:
			if depth == 0 {
				visit(string(t.name), nil)
			}
		case startKind:
			if ok = depth < maxDepth; ok {
				open[depth] = t.name
				depth++
			}
			if depth == 1 {
				start = s.pos
			}
		case endKind:
			if ok = depth > 0 && bytes.Equal(open[depth-1], t.name); ok { //nolint:gosec // depth is at least 1
				depth--
			}
			if ok && depth == 0 {
				visit(string(t.name), b[start:t.pos])
			}
		}
		if !ok {
			return false
		}
	}
}

// elements is children for what need not be sound: what fits nowhere counts as text, an end tag closes whatever is open
// inside its element, and an element that nobody closes ends with b. Tags with attributes count as text.
func elements(b []byte, visit func(name string, inner []byte)) {
	open := make([][]byte, 0, maxDepth)
	start := 0
	for s := (scanner{b: b}); ; {
		t, ok := s.next()
		if !ok {
			break
		}
		switch t.kind {
		case emptyKind:
			if len(open) == 0 {
				visit(string(t.name), nil)
			}
		case startKind:
			if len(open) == 0 {
				start = s.pos
			}
			if len(open) < maxDepth {
				open = append(open, t.name)
			}
		case endKind:
			i := len(open) - 1
			for i >= 0 && !bytes.Equal(open[i], t.name) {
				i--
			}
			if i == 0 {
				visit(string(t.name), b[start:t.pos])
			}
			if i >= 0 {
				open = open[:i]
			}
		case textKind, strayKind, cdataKind:
		}
	}
	if len(open) > 0 {
		visit(string(open[0]), b[start:])
	}
}

// find returns the text of the first element of that name which is a child of the root of b or, with deep, stands
// anywhere in b. What looks like an element inside CDATA is none.
func find(b []byte, name string, deep bool) (text string, ok bool) {
	depth, start := 0, -1
	for s := (scanner{b: b}); ; {
		t, more := s.next()
		if !more {
			return "", false
		}
		here := string(t.name) == name && (deep || depth == 1)
		switch t.kind {
		case startKind:
			if here && start < 0 {
				start = s.pos
			}
			depth++
		case endKind:
			if depth--; start >= 0 && string(t.name) == name {
				return plain(b[start:t.pos]), true
			}
		case emptyKind:
			if here && start < 0 {
				return "", true
			}
		case textKind, strayKind, cdataKind:
		}
	}
}
