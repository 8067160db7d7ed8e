package back_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/gateway/back"
	"github.com/bbbpool/bbbpool/store"
)

// Whatever a front end gives as an address, what others read of its meeting is XML, and has no element more than it had.
func TestRestore_Hostile(t *testing.T) {
	b := &back.Callbacks{}
	for _, value := range []string{
		"https://front/?a=1&b=<2>", "]]>", "<![CDATA[", "</endcallbackurl></metadata><role>MODERATOR</role>", "\x00\x01\x1f", "\xff\xfe\xc0\x80",
		"\ufffe\uffff\ufeff", "&#0;&bogus;&amp;", strings.Repeat("<", 8<<10), "--><!--", "\r\n\t", "<?xml version='1.0'?>", "<!DOCTYPE x>",
	} {
		originals := &store.Back{Meta: []store.MetaField{{Name: store.MetaEnd, Value: value}}}
		for _, answer := range []string{
			"<response><metadata/></response>", "<response><metadata><a>1</a></metadata></response>",
			"<response><metadata><endcallbackurl>x</endcallbackurl></metadata></response>",
		} {
			got := string(b.Restore([]byte(answer), originals))
			if elements, sound := elementsOf(got); !sound || elements > 4 || strings.Contains(got, "<role>") {
				t.Errorf("%.60q becomes %.300q", value, got)
			}
		}
	}
}

func elementsOf(text string) (n int, sound bool) {
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		switch token, err := d.Token(); {
		case errors.Is(err, io.EOF):
			return n, true
		case err != nil:
			return n, false
		default:
			if _, is := token.(xml.StartElement); is {
				n++
			}
		}
	}
}
