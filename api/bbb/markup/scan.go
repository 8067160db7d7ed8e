// Package markup is the XML that servers of BigBlueButton answer in, read without trust and without building anything of it: it
// is cut into tokens, elements are found, and text is told from them. It owns what is sound, and what a text says; it knows no
// element by name, and no call.
//
// # Design
//
// A scanner of our own, and not encoding/xml, for three reasons: it gives the bytes of each element, so that they can be passed
// on; it reads thousands of attendees without building them; and one broken meeting does not stop it. The XML that it takes for
// sound is what BigBlueButton writes: elements without attributes, text, CDATA. That is less than XML allows, so whatever passes
// is safe inside any other document.
//
// What is to stand in the place of a piece of an answer is put there by an [Edit]: all else stays as it is.
package markup

import "bytes"

// MaxDepth is how many elements may be open at once. BigBlueButton gets by with five.
const MaxDepth = 16

// Kind is what a token is.
type Kind int

// The kinds of tokens.
const (
	Text  Kind = iota // before a tag
	Stray             // "<" that starts no tag
	CDATA
	Start
	End
	Empty // <name/>
)

// Token is a piece of XML: the text before a tag, or a tag.
type Token struct {
	Kind Kind
	Raw  []byte
	Name []byte // of a tag
	Pos  int    // where it starts
}

var (
	cdataOpen  = []byte("<![CDATA[")
	cdataClose = []byte("]]>")
)

// Scanner cuts XML, or what should be XML, into tokens. It never fails and takes linear time on any input.
type Scanner struct {
	B       []byte
	Pos     int  // of the next token
	noCDATA bool // no "]]>" is left, so that looking for one again is in vain
}

// Next returns the next token; there is none at the end.
func (s *Scanner) Next() (t Token, ok bool) {
	b := s.B[s.Pos:]
	if len(b) == 0 {
		return Token{}, false
	}
	t = s.token(b)
	t.Pos = s.Pos
	s.Pos += len(t.Raw)
	return t, true
}

// token cuts off the token that b starts with.
func (s *Scanner) token(b []byte) Token {
	if b[0] != '<' {
		end := bytes.IndexByte(b, '<')
		if end < 0 {
			end = len(b)
		}
		return Token{Kind: Text, Raw: b[:end]}
	}
	if !s.noCDATA && bytes.HasPrefix(b, cdataOpen) {
		if end := bytes.Index(b, cdataClose); end >= 0 {
			return Token{Kind: CDATA, Raw: b[:end+len(cdataClose)]}
		}
		s.noCDATA = true
	}
	if t, ok := tag(b); ok {
		return t
	}
	return Token{Kind: Stray, Raw: b[:1]}
}

// tag reads the tag without attributes that b starts with.
func tag(b []byte) (Token, bool) {
	if len(b) == 0 || b[0] != '<' {
		return Token{}, false
	}
	t, i := Token{Kind: Start}, 1
	if i < len(b) && b[i] == '/' {
		t.Kind, i = End, 2
	}
	start := i
	for i < len(b) && nameByte(b[i], i == start) {
		i++
	}
	t.Name = b[start:i]
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	if i < len(b) && b[i] == '/' && t.Kind == Start {
		t.Kind = Empty
		i++
	}
	if len(t.Name) == 0 || len(t.Name) > maxName || i >= len(b) || b[i] != '>' {
		return Token{}, false
	}
	t.Raw = b[:i+1]
	return t, true
}

// Children calls visit for each element that stands directly in b, with what stands between its tags. It tells whether
// b is sound.
func Children(b []byte, visit func(name string, inner []byte)) bool {
	var open [MaxDepth][]byte
	depth, start := 0, 0
	for s := (Scanner{B: b}); ; {
		t, ok := s.Next()
		if !ok {
			return depth == 0
		}
		switch t.Kind {
		case Text:
			ok = soundText(t.Raw)
		case CDATA:
			ok = legalText(t.Raw)
		case Stray:
			ok = false
		case Empty:
			if depth == 0 {
				visit(string(t.Name), nil)
			}
		case Start:
			if ok = depth < MaxDepth; ok {
				open[depth] = t.Name
				depth++
			}
			if depth == 1 {
				start = s.Pos
			}
		case End:
			if ok = depth > 0 && bytes.Equal(open[depth-1], t.Name); ok { //nolint:gosec // depth is at least 1
				depth--
			}
			if ok && depth == 0 {
				visit(string(t.Name), b[start:t.Pos])
			}
		}
		if !ok {
			return false
		}
	}
}

// Elements is children for what need not be sound: what fits nowhere counts as text, an end tag closes whatever is open
// inside its element, and an element that nobody closes ends with b. Tags with attributes count as text.
func Elements(b []byte, visit func(name string, inner []byte)) {
	open := make([][]byte, 0, MaxDepth)
	start := 0
	for s := (Scanner{B: b}); ; {
		t, ok := s.Next()
		if !ok {
			break
		}
		switch t.Kind {
		case Empty:
			if len(open) == 0 {
				visit(string(t.Name), nil)
			}
		case Start:
			if len(open) == 0 {
				start = s.Pos
			}
			if len(open) < MaxDepth {
				open = append(open, t.Name)
			}
		case End:
			i := len(open) - 1
			for i >= 0 && !bytes.Equal(open[i], t.Name) {
				i--
			}
			if i == 0 {
				visit(string(t.Name), b[start:t.Pos])
			}
			if i >= 0 {
				open = open[:i]
			}
		case Text, Stray, CDATA:
		}
	}
	if len(open) > 0 {
		visit(string(open[0]), b[start:])
	}
}

// Find returns the text of the first element of that name which is a child of the root of b or, with deep, stands
// anywhere in b. What looks like an element inside CDATA is none.
func Find(b []byte, name string, deep bool) (text string, ok bool) {
	depth, start := 0, -1
	for s := (Scanner{B: b}); ; {
		t, more := s.Next()
		if !more {
			return "", false
		}
		here := string(t.Name) == name && (deep || depth == 1)
		switch t.Kind {
		case Start:
			if here && start < 0 {
				start = s.Pos
			}
			depth++
		case End:
			if depth--; start >= 0 && string(t.Name) == name {
				return Plain(b[start:t.Pos]), true
			}
		case Empty:
			if here && start < 0 {
				return "", true
			}
		case Text, Stray, CDATA:
		}
	}
}

// Has tells whether the root of b has a child of that name, without a look at what is in it, which may be thousands of meetings.
func Has(b []byte, name string) bool {
	depth := 0
	for s := (Scanner{B: b}); ; {
		t, more := s.Next()
		switch here := depth == 1 && string(t.Name) == name; {
		case !more:
			return false
		case here && (t.Kind == Start || t.Kind == Empty):
			return true
		case t.Kind == Start:
			depth++
		case t.Kind == End:
			depth--
		}
	}
}
