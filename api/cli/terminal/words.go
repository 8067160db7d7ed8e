package terminal

import (
	"fmt"
	"strconv"
	"time"
)

// Number is a number in as few digits as tell it from all others.
func Number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// Limit is a number of which 0 means that there is none.
func Limit(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// Moment is a time; none, and one that is not known, is "".
func Moment(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// Plural is a number of things.
func Plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// IsAre is the verb that goes with a number of things.
func IsAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// Span is a number of seconds in its largest unit.
func Span(seconds int64) string {
	switch {
	case seconds < 60:
		return strconv.FormatInt(seconds, 10) + "s"
	case seconds < 3600:
		return strconv.FormatInt(seconds/60, 10) + "m"
	case seconds < 48*3600:
		return strconv.FormatInt(seconds/3600, 10) + "h"
	}
	return strconv.FormatInt(seconds/86400, 10) + "d"
}

// Size is a number of bytes in its largest unit.
func Size(bytes int64) string {
	if bytes < 1<<10 {
		return strconv.FormatInt(bytes, 10) + " B"
	}
	value, units := float64(bytes)/(1<<10), []string{"KiB", "MiB", "GiB", "TiB", "PiB"}
	for value >= 1023.95 && len(units) > 1 { // what would be printed as 1024.0
		value, units = value/(1<<10), units[1:]
	}
	return strconv.FormatFloat(value, 'f', 1, 64) + " " + units[0]
}

// YesNo is the word for a value in a table.
func YesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
