package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf16"
)

// printable shows what a terminal would obey, or hide, as an escape.
func printable(s string) string {
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

// printableError is an error whose text is fit for a terminal.
type printableError struct{ err error }

func (e printableError) Error() string { return printable(e.err.Error()) }

func (e printableError) Unwrap() error { return e.err }

// middleCut leaves out what is in the middle of a long text. More of its end stays: paths differ there.
func middleCut(s string, most int) string {
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	head := most / 3
	return string(runes[:head]) + "…" + string(runes[len(runes)-(most-head-1):])
}

// table prints rows under headings, in columns.
func table(w io.Writer, headings string, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if headings != "" {
		rows = append([][]string{strings.Fields(headings)}, rows...)
	}
	for _, row := range rows {
		for i, text := range row {
			row[i] = printable(text)
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

// sheet prints names and values, one pair a line.
func sheet(w io.Writer, pairs ...[2]string) error {
	rows := make([][]string, 0, len(pairs))
	for _, p := range pairs {
		rows = append(rows, []string{p[0], p[1]})
	}
	return table(w, "", rows)
}

// printJSON prints a value for programs, in a form that is safe for terminals too.
func printJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, harmless(b.String()))
	return err
}

// harmless is JSON without anything that a terminal would obey, or hide.
func harmless(s string) string {
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

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// limit is a number of which 0 means that there is none.
func limit(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func moment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
