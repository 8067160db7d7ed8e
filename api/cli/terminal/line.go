package terminal

import (
	"fmt"
	"io"
)

// Line is the last line of a terminal, which says how far something is that takes long. Nobody is told that it cannot be
// written: what it is about goes on.
type Line struct{ Out io.Writer }

// clearLine goes to the start of the line and empties it.
const clearLine = "\r\x1b[K"

// lineWidth is how many characters a line has: one less than the narrowest terminal.
const lineWidth = 79

// Show says how much is done of how much, and what is being done just now. A total of 0 is one that nobody knows.
func (l Line) Show(done, total int, what, current string) {
	line := fmt.Sprintf("%d %s", done, what)
	if total > 0 {
		line = fmt.Sprintf("%3d%%  %d/%d %s", min(100, 100*done/total), done, total, what)
	}
	if current != "" {
		line += "  " + Printable(current)
	}
	if runes := []rune(line); len(runes) > lineWidth {
		line = string(runes[:lineWidth-1]) + "…"
	}
	_, _ = io.WriteString(l.Out, clearLine+line)
}

// Problem writes a line that stays, above the one that changes.
func (l Line) Problem(current, problem string) {
	_, _ = fmt.Fprintf(l.Out, "%s%s: %s\n", clearLine, Printable(current), Printable(problem))
}

// Clear empties the line.
func (l Line) Clear() { _, _ = io.WriteString(l.Out, clearLine) }
