package problems

import "slices"

// merge tells problems of one cause in one line. The list is sorted, the worst first, and what is left of it stays so.
//
// Those that are at one place come first: the first of them says for the others that it is so with them, too. Then those
// join that do not know their place. What is worse than anything known there takes the whole line over, as does a store
// that cannot be written for want of space; what is not says what it has to say behind it, and mostly has nothing to say,
// as imports that wait for room on a disk that is full.
func merge(list []Problem) []Problem {
	placed := make([]Problem, 0, len(list))
	for _, p := range list {
		if i := together(placed, p); i >= 0 {
			placed[i] = placed[i].and(p.Also)
			continue
		}
		placed = append(placed, p)
	}
	told, gone := map[string]int{}, make([]bool, len(placed)) // where each cause is told, and who is told there
	for i, p := range placed {
		if p.Cause.What == "" || p.Cause.Where != "" {
			continue
		}
		at, known := told[p.Cause.What]
		if !known {
			at = somewhere(placed, p.Cause.What)
		}
		switch {
		case at < 0: // nobody knows of any place
			continue
		case p.Severity < placed[at].Severity:
			placed[i], gone[at] = p.and(placed[at].String()), true
			at = i
		default:
			placed[at], gone[i] = placed[at].and(p.Also), true
		}
		told[p.Cause.What] = at
	}
	left := placed[:0]
	for i, p := range placed {
		if !gone[i] {
			left = append(left, p)
		}
	}
	return left
}

// together finds the problem that another one is told with, because their kind, their cause and its place are the same.
func together(list []Problem, other Problem) int {
	if other.Cause.Where == "" {
		return -1
	}
	return slices.IndexFunc(list, func(p Problem) bool {
		return p.Cause == other.Cause && p.Subject.Kind == other.Subject.Kind
	})
}

// somewhere finds the last problem of a cause whose place is known. Whoever does not know its place may be at any of them.
func somewhere(list []Problem, what string) int {
	for i, p := range slices.Backward(list) {
		if p.Cause.What == what && p.Cause.Where != "" {
			return i
		}
	}
	return -1
}

// and returns a problem that says something more.
func (p Problem) and(more string) Problem {
	if more == "" {
		return p
	}
	p.Text, p.Remedy = p.String()+"; "+more, ""
	return p
}
