package rows

import (
	"bytes"
	"strconv"
	"time"
)

// scan reads a row in the form that most sessions are written in, without encoding/json, which takes many times as
// long: a pool reads its whole history at each start. It tells whether it could; what it reads is what encoding/json
// would, and what it does not know it leaves to that.
//
// Why not otherwise: rows in a form that is faster to read would be a second one beside that of all other records, with a
// migration of the largest bucket, and nobody could look into them any more. A summary of the history that is kept beside
// it could disagree with it after a crash. A generated decoder is a dependency, and a step before each build.
// This one can be wrong only by not reading a row, and a test compares it with encoding/json.
func (r *sessionRow) scan(row []byte) bool {
	s := scanner{rest: row}
	s.must('{')
	for more := true; more; more = s.take(',') {
		name := s.word()
		s.must(':')
		switch string(name) {
		case "tenant":
			r.Tenant = text(s.word())
		case "server":
			r.Server = string(s.word())
		case "start":
			r.Start = s.time()
		case "end":
			r.End = s.time()
		case "peak":
			r.Peak = s.integer()
		case "joins":
			r.Joins = s.integer()
		case "reason":
			r.Reason = text(s.word())
		case "recorded":
			r.Recorded = s.yes()
		case "meeting":
			r.Meeting = text(s.word())
		case "hint":
			r.Hint = s.integer()
		case "why":
			r.Why.scan(&s)
		case "signer":
			r.Signer = text(s.word())
		case "back":
			r.Back = &backRow{}
			r.Back.scan(&s)
		default:
			s.fail()
		}
	}
	s.must('}')
	return !s.failed && len(s.rest) == 0
}

// scan reads the array that a decision is written as.
func (d *decisionRow) scan(s *scanner) {
	s.must('[')
	d.Here = s.integer()
	s.must(',')
	d.Expected = s.float()
	s.must(',')
	d.Kept = s.float()
	s.must(',')
	d.Own = s.float()
	s.must(',')
	d.Basis = string(s.word())
	s.must(',')
	d.Weight = s.float()
	s.must(',')
	d.Next = string(s.word())
	s.must(',')
	d.NextAt = s.float()
	s.must(']')
}

// scanner takes one piece after the other off JSON without blanks. After the first one that is not as expected there is
// nothing left.
type scanner struct {
	rest   []byte
	failed bool
}

func (s *scanner) fail() { s.rest, s.failed = nil, true }

// take takes c off, if it comes next.
func (s *scanner) take(c byte) bool {
	if len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// must takes c off, and fails where something else comes next.
func (s *scanner) must(c byte) {
	if !s.take(c) {
		s.fail()
	}
}

// cut takes the first n bytes off.
func (s *scanner) cut(n int) []byte {
	piece := s.rest[:n]
	s.rest = s.rest[n:]
	return piece
}

// word reads a string of printable ASCII that has no escapes.
func (s *scanner) word() []byte {
	s.must('"')
	n := 0
	for c := s.at(0); c != '"'; c = s.at(n) {
		if c < ' ' || c > '~' || c == '\\' {
			s.fail()
			return nil
		}
		n++
	}
	word := s.cut(n)
	s.must('"')
	return word
}

func (s *scanner) time() (t time.Time) {
	if err := t.UnmarshalText(s.word()); err != nil {
		s.fail()
	}
	return t
}

func (s *scanner) yes() bool {
	if !bytes.HasPrefix(s.rest, []byte("true")) {
		s.fail()
		return false
	}
	s.cut(len("true"))
	return true
}

func (s *scanner) integer() int {
	i, err := strconv.Atoi(string(s.number()))
	if err != nil {
		s.fail()
	}
	return i
}

func (s *scanner) float() float64 {
	f, err := strconv.ParseFloat(string(s.number()), 64)
	if err != nil {
		s.fail()
	}
	return f
}

// number takes off what JSON calls a number; strconv takes more for one.
func (s *scanner) number() []byte {
	n := 0
	if s.at(n) == '-' {
		n++
	}
	whole := s.digits(n)
	ok := whole == n+1 || whole > n && s.at(n) != '0'
	n = whole
	if s.at(n) == '.' {
		end := s.digits(n + 1)
		ok = ok && end > n+1
		n = end
	}
	if s.at(n) == 'e' || s.at(n) == 'E' {
		if n++; s.at(n) == '+' || s.at(n) == '-' {
			n++
		}
		end := s.digits(n)
		ok = ok && end > n
		n = end
	}
	if !ok {
		s.fail()
		return nil
	}
	return s.cut(n)
}

// at is the n-th byte from here, 0 behind the end.
func (s *scanner) at(n int) byte {
	if n >= len(s.rest) {
		return 0
	}
	return s.rest[n]
}

// digits is where those end that begin with the n-th byte.
func (s *scanner) digits(n int) int {
	for '0' <= s.at(n) && s.at(n) <= '9' {
		n++
	}
	return n
}
