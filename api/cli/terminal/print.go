package terminal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf16"
)

// Say prints a sentence. Its arguments have to be fit for a terminal already.
func Say(w io.Writer, format string, args ...any) error {
	_, err := fmt.Fprintf(w, format, args...)
	return err
}

// Table prints rows under headings, in columns.
func Table(w io.Writer, headings string, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if headings != "" {
		rows = append([][]string{strings.Fields(headings)}, rows...)
	}
	for _, row := range rows {
		for i, text := range row {
			row[i] = Printable(text)
			if text == "" {
				row[i] = "-"
			}
		}
		if _, err := fmt.Fprintln(t, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return t.Flush()
}

// Sheet prints names and values, one pair a line.
func Sheet(w io.Writer, pairs ...[2]string) error {
	rows := make([][]string, 0, len(pairs))
	for _, p := range pairs {
		rows = append(rows, []string{p[0], p[1]})
	}
	return Table(w, "", rows)
}

// PrintJSON prints a value for programs, in a form that is safe for terminals too.
func PrintJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, HarmlessJSON(b.String()))
	return err
}

// Printable shows what a terminal would obey, or hide, as an escape.
func Printable(s string) string {
	if strings.IndexFunc(s, unprintable) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unprintable(r) {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// PrintableError is an error with the same meaning, whose text is fit for a terminal.
func PrintableError(err error) error { return printableError{err} }

type printableError struct{ err error }

// Error returns the text, with escapes where a terminal would obey it.
func (e printableError) Error() string { return Printable(e.err.Error()) }

// Unwrap returns the error with the text that it came with.
func (e printableError) Unwrap() error { return e.err }

// MiddleCut leaves out what is in the middle of a long text. More of its end stays: paths differ there.
func MiddleCut(s string, most int) string {
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	head := most / 3
	return string(runes[:head]) + "…" + string(runes[len(runes)-(most-head-1):])
}

// HarmlessJSON is JSON without anything that a terminal would obey, or hide.
func HarmlessJSON(s string) string {
	var out strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || !unprintable(r):
			out.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

// HarmlessYAML is YAML without anything that a terminal would obey, or hide: such a thing can only stand in quotes.
func HarmlessYAML(text string) string {
	var out strings.Builder
	for _, r := range text {
		if r == '\n' || !unprintable(r) {
			out.WriteRune(r)
		} else {
			fmt.Fprintf(&out, `\U%08X`, r)
		}
	}
	return out.String()
}
