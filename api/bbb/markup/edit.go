package markup

import "bytes"

// Edit is a scanner by which pieces of what it reads are exchanged, one behind the other. All else stays as it is, and where
// nothing is exchanged what was read is what comes out: it is never written to.
type Edit struct {
	Scanner

	out  []byte // what is to stand for B[:done]
	done int
}

// Before is where the line of what stands there begins.
func (e *Edit) Before(pos int) int { return e.done + len(bytes.TrimRight(e.B[e.done:pos], Blanks)) }

// Put puts markup in the place of a piece.
func (e *Edit) Put(from, to int, markup []byte) {
	e.keep(from, to, len(markup))
	e.out = append(e.out, markup...)
}

// PutText puts text in the place of a piece, escaped. It returns false, and puts nothing, where more bytes than the limit would
// come out.
func (e *Edit) PutText(from, to int, text string, limit int) bool {
	more := escapes(text)
	if len(e.out)+len(e.B)-e.done-(to-from)+len(text)+more > limit {
		return false
	}
	e.keep(from, to, more)
	e.out = AppendText(e.out, text)
	return true
}

// keep takes over what stands before a piece, and leaves that out.
func (e *Edit) keep(from, to, more int) {
	if e.out == nil {
		e.out = make([]byte, 0, len(e.B)+more)
	}
	e.out = append(e.out, e.B[e.done:from]...)
	e.done = to
}

// Bytes returns all of it.
func (e *Edit) Bytes() []byte {
	if e.done == 0 {
		return e.B
	}
	return append(e.out, e.B[e.done:]...)
}

// escapes is how many bytes a text grows by when it is escaped.
func escapes(text string) (n int) {
	for i := range len(text) {
		switch text[i] {
		case '&', '\'', '\r':
			n += len("&amp;") - 1
		case '<', '>':
			n += len("&lt;") - 1
		case '"':
			n += len("&quot;") - 1
		}
	}
	return n
}
