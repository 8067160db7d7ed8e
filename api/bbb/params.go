package bbb

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Param is one parameter of a call: its decoded name and value, and the text that it was sent as.
type Param struct {
	Name  string
	Value string
	raw   string // "" where the value has to be encoded: it is our own, or cannot be passed on as it came
}

var errTooManyParams = &Error{Key: "validationError", Message: "Too many parameters: the limit is 1000"}

// Params are the parameters of a call in the order they came in, each name once.
type Params []Param

// MaxParams is how many parameters a call may have.
const MaxParams = 1000

// ParseParams reads a raw query, or a form body, as BigBlueButton does: ";" is an ordinary character, control
// characters and outer blanks go. Of duplicates the first counts, as in BigBlueButton's validation; the others are
// dropped, and so is anything that decodes to a checksum, so that no two readers of the query can disagree about it.
// More than MaxParams of them make it fail.
func ParseParams(raw string) (Params, error) {
	if strings.Count(raw, "&") >= MaxParams {
		return nil, errTooManyParams
	}
	params := make(Params, 0, strings.Count(raw, "&")+1)
	for part := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(part, "=")
		p := Param{Name: clean(unescape(name)), Value: clean(unescape(value))}
		if sound(part) {
			p.raw = part
		}
		params = append(params, p)
	}
	return params.distinct(), nil
}

// distinct keeps the first of each name that can be one. Few parameters, which is nearly always, need no map for that.
func (p Params) distinct() Params {
	var seen map[string]bool
	if len(p) > 64 {
		seen = make(map[string]bool, len(p))
	}
	kept := p[:0]
	for _, param := range p {
		twice := seen[param.Name] || seen == nil && kept.Has(param.Name)
		if param.Name == "" || param.Name == "checksum" || twice {
			continue
		}
		kept = append(kept, param)
		if seen != nil {
			seen[param.Name] = true
		}
	}
	return kept
}

// sound tells whether a parameter may stand in a query as it is, and every server will decode it to what we did. Forms
// come with bytes that would end a query, what becomes of "%zz" or of half a character is anybody's guess, and whoever
// follows a redirect may escape what is not ASCII, under a checksum that covers it as it was.
func sound(part string) bool {
	for i := range len(part) {
		switch c := part[i]; {
		case c <= ' ', c == '#', c >= 0x7f:
			return false
		case c == '%' && (i+2 >= len(part) || !isHex(part[i+1]) || !isHex(part[i+2])):
			return false
		}
	}
	return utf8.ValidString(unescape(part))
}

// Get returns the value of a parameter, or "" where it is absent.
func (p Params) Get(name string) string {
	if i := p.index(name); i >= 0 {
		return p[i].Value
	}
	return ""
}

// Has tells a parameter that is empty from one that is absent.
func (p Params) Has(name string) bool { return p.index(name) >= 0 }

func (p Params) index(name string) int {
	for i := range p {
		if p[i].Name == name {
			return i
		}
	}
	return -1
}

// Set gives a parameter a new value, in its place or at the end.
func (p *Params) Set(name, value string) {
	if i := p.index(name); i >= 0 {
		(*p)[i] = Param{Name: name, Value: value}
		return
	}
	*p = append(*p, Param{Name: name, Value: value})
}

// Del removes a parameter.
func (p *Params) Del(name string) {
	if i := p.index(name); i >= 0 {
		*p = append((*p)[:i:i], (*p)[i+1:]...)
	}
}

// Encode returns a raw query: what came in soundly is byte for byte as it came, the rest is encoded.
func (p Params) Encode() string {
	var b strings.Builder
	for i := range p {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p[i].encode())
	}
	return b.String()
}

func (p Param) encode() string {
	if p.raw != "" {
		return p.raw
	}
	return url.QueryEscape(p.Name) + "=" + url.QueryEscape(p.Value)
}

// unescape decodes "+" and percent escapes. A broken escape stands for itself.
func unescape(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			b = append(b, ' ')
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			b = append(b, s[i])
		}
	}
	return string(b)
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}

// clean does what BigBlueButton does to every name and value before it looks at them: control characters and bytes
// that are not UTF-8 are dropped, outer markup.Blanks trimmed. Only markup.Blanks as Java sees them: an ID may start with U+00A0.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "")
	if strings.IndexFunc(s, unicode.IsControl) >= 0 {
		s = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return -1
			}
			return r
		}, s)
	}
	return strings.Trim(s, " ")
}

// CheckMeetingID tells what BigBlueButton would find wrong with a meeting ID, or nil.
func CheckMeetingID(id string) *Error {
	switch n := javaLength(id); {
	case n == 0:
		return ErrMissingMeetingID
	case n < 2, n > maxMeetingID:
		return ErrMeetingIDSize
	case strings.Contains(id, ","):
		return ErrMeetingIDComma
	}
	return nil
}

// CheckName tells what BigBlueButton would find wrong with the name of a new meeting, or nil.
func CheckName(name string) *Error {
	switch n := javaLength(name); {
	case n == 0:
		return ErrMissingName
	case n < 2, n > 256:
		return ErrNameSize
	}
	return nil
}

// javaLength is how long BigBlueButton finds a text: in units of UTF-16.
func javaLength(s string) (n int) {
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// CheckBreakout tells what would be wrong with a create of a breakout room, or nil. A server answers some of it with
// status 500, as if it were broken itself.
func CheckBreakout(params Params) *Error {
	if !strings.EqualFold(params.Get("isBreakout"), "true") {
		return nil
	}
	if params.Get("parentMeetingID") == "" {
		return &Error{Key: "parentMeetingIDMissing", Message: "No parent meeting ID was provided for the breakout room"}
	}
	if _, err := strconv.ParseInt(params.Get("sequence"), 10, 32); err != nil {
		return &Error{Key: "validationError", Message: "Sequence must be an integral value"}
	}
	return nil
}
